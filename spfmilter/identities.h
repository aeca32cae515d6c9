/* SPDX-License-Identifier: ISC */
/*
 * The checks of one message: MAIL FROM and the HELO name side by side, then, if
 * MAIL FROM doesn't pass, the trusted forwarders, all within one deadline.
 */
#ifndef MAILFROM_SPFMILTER_IDENTITIES_H
#define MAILFROM_SPFMILTER_IDENTITIES_H

#include "spfcheck/checker.h"

/* Who sends; views must stay valid as long as the findings are used. */
struct examined {
	struct spf_ip ip;
	bool ip_unknown;
	struct mf_text sender; /* mailbox; empty: the null reverse-path */
	struct mf_text helo;
	struct mf_text receiver; /* our name */
};

enum examined_identity { EXAMINED_MAILFROM, EXAMINED_HELO, EXAMINED_COUNT };

struct findings {
	struct check checks[EXAMINED_COUNT];
	struct mf_text forwarder; /* that passes; empty: none.  A view. */
};

/* False: out of memory; *out lacks the forwarder then. */
bool examine(
    struct checker *checker, const struct examined *who, struct findings *out);

/* --- its parts, for those that don't wait (examination.h) --- */

/* Write the requests of the identities; no forwarder passes yet. */
void examined_begin(const struct examined *who, struct findings *out);

/*
 * A forwarder is tried as if the message came from postmaster there; a HELO
 * check of its name asks just that.
 */
struct spf_request examined_forwarder(
    const struct examined *who, struct mf_text name);

/* Whether that has to be done, the identities being checked. */
bool examined_wants_forwarders(
    const struct checker *checker, const struct findings *found);

static inline const struct spf_verdict *
findings_verdict(const struct findings *f, enum examined_identity identity)
{
	return &f->checks[identity].verdict;
}

#endif
