/* SPDX-License-Identifier: ISC */
/*
 * srsmilter: what it brings along for milter/daemon.h.
 */
#include "milter/run.h"
#include "srsmilter/milter.h"
#include "srsmilter/service.h"

int
main(int argc, char **argv)
{
	static const struct milter_program program = {
	    .command = {.name = "srsmilter",
		.legacy = "pysrs",
		.print_config = config_print},
	    .has_secrets = true,
	    .config_load = config_load,
	    .config_view = config_view,
	    .filter = milter_filter,
	    .service_new = service_new,
	    .service_start = service_start,
	    .service_reload = service_reload,
	    .service_free = service_free,
	    .write_figures = service_write_figures,
	};

	checker_before_wait(milter_will_wait);
	return milter_main(&program, argc, argv);
}
