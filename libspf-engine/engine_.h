/* SPDX-License-Identifier: ISC */
/*
 * What the engine's files share: engine.c, engine_guard.c, engine_libspf2.c and
 * the helper's two sides.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_ENGINE__H
#define MAILFROM_LIBSPF_ENGINE_ENGINE__H

#include "libspf/record_.h"
#include <mailfrom/spf_engine.h>

/* --- engine.c --- */

/* There is no opinion: make *out a temperror that says why.  Always SPF_OK. */
enum spf_status opinion_none_(
    struct spf_verdict *out, enum spf_opinion why, enum spf_opinion *opinion);

/* As a C string that fits, "?" for what isn't printable ASCII. */
void opinion_put_text_(char *out, size_t size, struct mf_text text);

/* Tell the request's trace, if it has one, of a lookup. */
void opinion_tell_lookup_(const struct spf_request *request, enum spf_rr rr,
    struct mf_text name, const struct spf_answer *answer);

/* --- engine_guard.c --- */

/* Octets of a text that libspf2 is shown. */
#define GUARD_TEXT_MAX 4096

/* True if libspf2 can be trusted with an SPF record. */
bool guard_record_ok_(struct mf_text record);

/* True if it can be trusted with an explanation. */
bool guard_text_ok_(struct mf_text text);

/* --- engine_client.c --- */

/* Octets of a HELO or receiver name, and of a sender, with the NUL. */
#define CLIENT_TEXT_SIZE   (SPF_SENDER_MAX + 1)
#define CLIENT_SENDER_SIZE (2 * SPF_SENDER_MAX + 2)

/* text as a string, cut if it is too long.  False: it has a NUL. */
bool client_text_(struct mf_text text, char out[static CLIENT_TEXT_SIZE]);

/*
 * Who is checked, as local part, "@" and domain, the latter as A-labels if it
 * is a domain; *domain is the domain as printable ASCII.  False: it can't be
 * put in a string.
 */
bool client_sender_(const struct spf_request *request,
    char out[static CLIENT_SENDER_SIZE], char domain[static SPF_NAME_SIZE]);

/* <domain>._spf.<delegate>, lower case.  False: no such name can exist. */
bool client_delegated_(const struct spf_request *request, const char *domain,
    char room[static SPF_NAME_SIZE], struct mf_text *name);

/*
 * A domain as struct spf_source wants it.  False: no such name can exist.
 */
bool client_name_(
    const char *domain, char room[static SPF_NAME_SIZE], struct mf_text *name);

/* --- engine_audit.c --- */

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
