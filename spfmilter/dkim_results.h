/* SPDX-License-Identifier: ISC */
/*
 * DKIM in Authentication-Results (RFC 8601 2.7.1).
 */
#ifndef MAILFROM_SPFMILTER_DKIM_RESULTS_H
#define MAILFROM_SPFMILTER_DKIM_RESULTS_H

#include "common/text.h"
#include <mailfrom/dkim.h>

/* Octets of all results: a line each, folded. */
#define DKIM_RESULTS_SIZE (DKIM_SIGNATURES_MAX * 800)

/*
 * Write ";", LF, TAB and a result for each signature, or dkim=none.  What passes
 * and doesn't count is policy: whoever reads it must not count it either.
 */
void dkim_results_write(const struct dkim_check *check, struct text_out *out);

#endif
