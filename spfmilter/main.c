/* SPDX-License-Identifier: ISC */
/*
 * spfmilter: what it brings along for milter/daemon.h.
 */
#include <stdio.h>

#include "milter/daemon.h"
#include "milter/run.h"
#include "settings/sections.h"
#include "spfmilter/legacy.h"
#include "spfmilter/milter.h"
#include "spfmilter/policyd.h"
#include "spfmilter/service.h"

/* Entries that are wrong stop no daemon, but who asks with -n is told. */
static bool
findings(const struct milter_service *service, struct report *report)
{
	const struct spfmilter *s = (const struct spfmilter *)service;
	const struct spfmilter_config *c = spfmilter_config(s);
	bool is_filter = c->spfmilter.policy_listen.count == 0 ||
	    (milter_config_line(&c->base, "listen") != 0 &&
		milter_config_listens(&c->base));

	if (is_filter && c->spfmilter.remove_ar != REMOVE_AR_NONE)
		puts(
		    "note: spfmilter must run before other filters; it removes "
		    "Authentication-Results that earlier filters added under "
		    "the same name (remove_ar)");
	return spfmilter_lint(s, report);
}

int
main(int argc, char **argv)
{
	static const struct milter_program program = {
	    .command = {.name = "spfmilter",
		.legacy = "pymilter",
		.print_config = settings_print,
		.section = "spfmilter",
		.example = "access",
		.is_legacy = legacy_is_spfmilter},
	    .filter = &spfmilter_filter,
	    .user = "mailfrom-spf",
	    .config_load = spfmilter_config_load,
	    .service_new = spfmilter_new,
	    .service_start = spfmilter_start,
	    .service_reload = spfmilter_reload,
	    .service_free = spfmilter_free,
	    .write_metrics = spfmilter_write_metrics,
	    .findings = findings,
	    .service_warn = spfmilter_warn,
	    .service_refresh = spfmilter_refresh,
	    .other_fds = POLICYD_FD_NAME,
	    .others_open = policyd_open,
	    .others_start = policyd_start,
	    .others_stop = policyd_stop,
	};

	checker_before_wait(milter_will_wait);
	return milter_main(&program, argc, argv);
}
