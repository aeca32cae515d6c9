/* SPDX-License-Identifier: ISC */
/*
 * libspf2 judging by the answers that native has judged by.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_AUDIT_H
#define MAILFROM_LIBSPF_ENGINE_AUDIT_H

#include <mailfrom/spf_engine.h>

/* What evaluates for libspf2: in this process, or in a helper. */
struct engine_libspf2_ {
	enum spf_status (*evaluate)(void *arg,
	    const struct spf_request *request, const struct spf_source *source,
	    struct spf_verdict *out, enum spf_opinion *opinion);
	void *arg;
};

/*
 * Evaluate by spf_evaluate(), and with its verdict ask libspf2 too.  With
 * SPF_OK audit->native is out, audit->libspf2 is other, and the rest is set.
 */
enum spf_status audit_evaluate_(const struct engine_libspf2_ *libspf2,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, struct spf_verdict *other,
    struct spf_audit *audit);

#endif
