/* SPDX-License-Identifier: ISC */
/*
 * What checker.c and run.c share.
 */
#ifndef MAILFROM_CHECK_CHECKER_INTERNAL_H
#define MAILFROM_CHECK_CHECKER_INTERNAL_H

#include <stdatomic.h>

#include "check/checker.h"
#include "check/records.h"

struct checker {
	atomic_uint holders;
	struct check_settings *settings; /* a copy */
	struct records records;
	struct spf_record *best_guess;
	struct spf_engine_ctx *engine; /* NULL: native */
	struct spf_resolver *resolver;
};

#endif
