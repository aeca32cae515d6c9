/* SPDX-License-Identifier: ISC */
/*
 * The checks of one message: MAIL FROM and the HELO name side by side, then, if
 * MAIL FROM doesn't pass, the trusted forwarders, all within one deadline.
 */
#ifndef MAILFROM_SPFMILTER_EXAMINE_H
#define MAILFROM_SPFMILTER_EXAMINE_H

#include "check/checker.h"

/* Who sends; views must stay valid as long as the findings are used. */
struct examined {
	struct spf_ip ip;
	bool ip_unknown;
	struct text sender; /* mailbox; empty: the null reverse-path */
	struct text helo;
	struct text receiver; /* our name */
};

enum examined_identity { EXAMINED_MAILFROM, EXAMINED_HELO, EXAMINED_COUNT };

struct findings {
	struct check checks[EXAMINED_COUNT];
	struct text forwarder; /* that passes; empty: none.  A view. */
};

/* False: out of memory; *out lacks the forwarder then. */
bool examine(
    struct checker *checker, const struct examined *who, struct findings *out);

static inline const struct spf_verdict *
findings_verdict(const struct findings *f, enum examined_identity identity)
{
	return &f->checks[identity].verdict;
}

#endif
