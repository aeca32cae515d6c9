/* SPDX-License-Identifier: ISC */
/*
 * Compiled records, as the compiler leaves them and the evaluator reads them.
 */
#ifndef MAILFROM_LIBSPF_RECORD__H
#define MAILFROM_LIBSPF_RECORD__H

#include <limits.h>

#include <mailfrom/spf.h>

/* What a record begins with (RFC 7208 4.5). */
#define RECORD_VERSION     "v=spf1"
#define RECORD_VERSION_LEN 6

struct spf_record {
	struct mf_text text; /* the whole record */
	struct spf_domain_spec redirect;
	struct spf_domain_spec explanation;
	bool has_redirect, has_explanation;
	struct mf_text redirect_written;
	char *problem; /* its own allocation; NULL: none */
	size_t size;   /* octets in memory */
	size_t count;
	struct spf_term terms[];
};

/* Octets of memory that compiling text takes, problem aside. */
size_t record_size_(struct mf_text text);

/*
 * Compile text into r, which has record_size_(text) octets.  is_spf: what
 * spf_is_record() says of it.  False: out of memory.  problem is to be freed.
 */
bool record_compile_(
    struct mf_text text, bool is_spf, struct spf_record *r, size_t size);

/* --- macros (RFC 7208 7) --- */

/* Where a macro string stands: c, r and t are for explanations alone. */
enum macro_place_ { MACRO_IN_DOMAIN_, MACRO_IN_TEXT_ };

/*
 * Validate the macro that begins at t's "%"; its length, or 0 and *why.
 */
size_t macro_length_(
    struct mf_text t, enum macro_place_ place, const char **why);

/* What the letters stand for. */
struct macro_values_ {
	struct mf_text local, sender_domain; /* l o, and s together */
	struct mf_text domain;               /* d */
	struct mf_text validated;            /* p */
	struct mf_text helo, receiver;       /* h r */
	struct spf_ip ip;                    /* i c v */
	uint64_t now_sec;                    /* t */
};

/* True if the letter p occurs in a macro of t. */
bool macro_needs_validated_(struct mf_text t);

/*
 * Expand a valid domain-spec to a name: lower case, no dot at the end, labels
 * dropped from the left until it fits (7.3).  False if that is no name that can
 * be asked for.
 */
bool macro_expand_domain_(struct mf_text spec,
    const struct macro_values_ *values, char out[static SPF_NAME_SIZE],
    size_t *len);

/* Expand a valid macro string with blanks; NUL-terminated, cut if too long. */
void macro_expand_text_(struct mf_text spec, const struct macro_values_ *values,
    char out[static SPF_TEXT_SIZE]);

/* True if t is a valid macro string with blanks, for explanations. */
bool macro_text_ok_(struct mf_text t);

/* --- names --- */

/* How many labels t has if spf_name_ok(), else 0. */
unsigned name_labels_(struct mf_text t);

/*
 * RFC 7208 7.1:
 * toplabel = ( *alphanum ALPHA *alphanum ) /
 *            ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
 */
bool name_is_toplabel_(struct mf_text t);

/*
 * spf_name_to_ascii() that says how many labels there are: 0 if it is no name,
 * and NAME_NO_MEMORY_.  out and len are undefined for either.
 */
#define NAME_NO_MEMORY_ UINT_MAX
unsigned name_to_ascii_(
    struct mf_text t, char out[static SPF_NAME_SIZE], size_t *len);

#endif
