/* SPDX-License-Identifier: ISC */
/*
 * Verdicts of an engine that may have no opinion.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_OPINION_H
#define MAILFROM_LIBSPF_ENGINE_OPINION_H

#include <mailfrom/spf_engine.h>

/* There is no opinion: make *out a temperror that says why.  Always SPF_OK. */
enum spf_status opinion_none_(
    struct spf_verdict *out, enum spf_opinion why, enum spf_opinion *opinion);

/* As a C string that fits, "?" for what isn't printable ASCII. */
void opinion_put_text_(char *out, size_t size, struct mf_text text);

/* Tell the request's trace, if it has one, of a lookup. */
void opinion_tell_lookup_(const struct spf_request *request, enum spf_rr rr,
    struct mf_text name, const struct spf_answer *answer);

#endif
