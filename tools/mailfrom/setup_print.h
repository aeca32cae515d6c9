/* SPDX-License-Identifier: ISC */
/*
 * A plan as lines of main.cf and master.cf, as commands that make it so, or as
 * commands that take it out again.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_SETUP_PRINT_H
#define MAILFROM_TOOLS_MAILFROM_SETUP_PRINT_H

#include "tools/mailfrom/plan.h"
#include "tools/mailfrom/unmerge.h"

struct setup_print {
	const struct plan *plan;
	const struct site *before; /* the site without our lines */
	const struct unmerged *unmerged;
	const char *form;
	const char *config_dir; /* as the command line has it, or NULL */
	bool is_bare;           /* no comments */
};

void setup_print_main(const struct setup_print *print);
void setup_print_master(const struct setup_print *print);
void setup_print_postconf(const struct setup_print *print);
void setup_print_undo(const struct setup_print *print);

#endif
