/* SPDX-License-Identifier: ISC */
/*
 * srsmilter: what it brings along for milter/daemon.h.
 */
#include "milter/daemon.h"
#include "milter/run.h"
#include "rewrite/legacy.h"
#include "rewrite/secret_memory.h"
#include "settings/sections.h"
#include "srsmilter/milter.h"
#include "srsmilter/service.h"

int
main(int argc, char **argv)
{
	static const struct milter_program program = {
	    .command = {.name = "srsmilter",
		.legacy = "pysrs",
		.print_config = settings_print,
		.section = "srsmilter",
		.example = "rewrite",
		.is_legacy = legacy_detect},
	    .filter = &srsmilter_filter,
	    .user = "mailfrom",
	    .secret_memory_start = secret_memory_start,
	    .config_load = srsmilter_config_load,
	    .service_new = srsmilter_new,
	    .service_start = srsmilter_start,
	    .service_reload = srsmilter_reload,
	    .service_free = srsmilter_free,
	    .list_secrets = srsmilter_list_secrets,
	    .write_metrics = srsmilter_write_metrics,
	};

	checker_before_wait(milter_will_wait);
	store_before_wait(milter_will_wait);
	return milter_main(&program, argc, argv);
}
