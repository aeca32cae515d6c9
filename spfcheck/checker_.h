/* SPDX-License-Identifier: ISC */
/*
 * What checker.c and run.c share.
 */
#ifndef MAILFROM_SPFCHECK_CHECKER__H
#define MAILFROM_SPFCHECK_CHECKER__H

#include <stdatomic.h>

#include "spfcheck/checker.h"
#include "spfcheck/records.h"

struct checker {
	atomic_uint holders;
	struct check_settings *settings; /* a copy */
	struct records records;
	struct spf_record *best_guess;
	struct spf_engine_ctx *engine; /* NULL: native */
	struct spf_resolver *resolver;
};

#endif
