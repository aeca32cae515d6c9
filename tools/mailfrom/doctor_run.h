/* SPDX-License-Identifier: ISC */
/*
 * Other programs, run to their end for what they print.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_RUN_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_RUN_H

#include "tools/mailfrom/arena.h"

/* Bytes that are kept of what a program prints; the rest is dropped. */
#define DOCTOR_RUN_MAX (1024 * 1024)

struct doctor_run {
	int status; /* exit status; -1: it couldn't be run, or was killed */
	struct mf_text out, err;
};

/*
 * Run argv (NULL at its end; argv[0] is looked for in PATH unless it has a "/"),
 * with nothing to read.  Output is the arena's.  A program that takes longer
 * than limit_sec is killed.
 */
struct doctor_run doctor_run(
    struct arena *arena, char *const argv[], unsigned limit_sec);

#endif
