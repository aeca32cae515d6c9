/* SPDX-License-Identifier: ISC */
/*
 * An address taken apart and put together, for SRS and SES alike.
 */
#ifndef MAILFROM_LIBSRS_MAILBOX__H
#define MAILFROM_LIBSRS_MAILBOX__H

#include "common/text.h"
#include <mailfrom/srs.h>

struct mailbox_ {
	struct mf_text local; /* without the quotes, if quoted */
	struct mf_text domain;
	bool quoted; /* it was, or has to be */
};

/*
 * Cut address at its last "@".  SRS_OK; SRS_BAD_SYNTAX: too long, no "@", no
 * usable domain, or octets that would break out of an SMTP path.  The views
 * point into address.
 */
enum srs_status mailbox_parse_(struct mf_text address, struct mailbox_ *out);

/*
 * The same for an address to be written into others; SRS_BAD_SYNTAX too for
 * what isn't UTF-8, a quote or backslash that is in no quoted string, and a
 * source route.
 */
enum srs_status mailbox_parse_sender_(
    struct mf_text address, struct mailbox_ *out);

/* Whether the address that box is of has quotes. */
static inline bool
mailbox_was_quoted_(const struct mailbox_ *box, struct mf_text address)
{
	return box->local.p != address.p;
}

/*
 * Whether a local part is none without quotes (RFC 5321 4.1.2, RFC 6531 3.3),
 * and is one with them.
 */
bool mailbox_needs_quotes_(struct mf_text local);

/* True if t can stand as a domain, and between "=" in a local part. */
bool mailbox_domain_ok_(struct mf_text t);

/* What follows the last "@" of t, or all of t. */
struct mf_text mailbox_domain_of_(struct mf_text t);

/*
 * Writing: begin, the parts of the local part by out_*(), then end, which adds
 * the domain and checks the limits.  SRS_OK; with *addr "" SRS_NO_SPACE, or
 * SRS_BAD_SYNTAX: quotes in the local part that are no quoted string.
 */
struct text_out mailbox_begin_(struct srs_addr *addr, bool quoted);
enum srs_status mailbox_end_(struct srs_addr *addr, struct text_out *out,
    bool quoted, struct mf_text domain);

#endif
