/* SPDX-License-Identifier: ISC */
/*
 * spfmilter: what it brings along for milter/daemon.h.
 */
#include "milter/run.h"
#include "spfmilter/milter.h"
#include "spfmilter/service.h"

/* Entries that do nothing stop no daemon. */
static const char *
findings(const struct service *service, struct report *report)
{
	return service_lint(service, report)
	    ? ""
	    : ", but see above what the access file says";
}

int
main(int argc, char **argv)
{
	static const struct milter_program program = {
	    .command = {.name = "spfmilter",
		.legacy = "pymilter",
		.print_config = config_print},
	    .config_load = config_load,
	    .config_view = config_view,
	    .filter = milter_filter,
	    .service_new = service_new,
	    .service_start = service_start,
	    .service_reload = service_reload,
	    .service_free = service_free,
	    .write_figures = service_write_figures,
	    .findings = findings,
	    .service_warn = service_warn,
	    .service_refresh = service_refresh,
	};

	checker_before_wait(milter_will_wait);
	return milter_main(&program, argc, argv);
}
