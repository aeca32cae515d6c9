/* SPDX-License-Identifier: ISC */
/*
 * One reading of the envelope, for both filters.
 *
 * MTAs give a milter the argument of MAIL or RCPT as the client has written it,
 * "<user@example.com>"; Postfix's own processes also "user@example.com", and ""
 * for "<>".  sendmail and Postfix take much more than RFC 5321 has: comments,
 * groups, text around paths, "user%domain".  Whoever reads another mailbox in
 * that than the MTA checks one sender and lets another one in.  So what is read
 * here is only what nobody can read in two ways.  In all else a sender is what
 * the MTA says, and a recipient is refused where it matters who it is.
 */
#ifndef MAILFROM_MILTER_PATH_H
#define MAILFROM_MILTER_PATH_H

#include "common/text.h"

enum path_kind {
	PATH_NULL, /* the null reverse-path */
	PATH_MAILBOX,
	PATH_AMBIGUOUS /* others may read another mailbox in it */
};

struct path {
	enum path_kind kind;
	/* A view of what was given; of an ambiguous one: for the log alone. */
	struct mf_text mailbox;
};

/* What the MTA says of the sender; p NULL: it doesn't. */
struct path_macros {
	/*
	 * sendmail's "f": the envelope's sender, with its domain.  There
	 * {mail_addr} is the way to it, after virtusertable.
	 */
	struct mf_text f;
	/*
	 * Postfix's {mail_addr}: the sender with its case folded, before
	 * canonical and masquerade maps; the way to it, too, if there is "%",
	 * "!" or a second "@" in it.
	 */
	struct mf_text mail_addr;
};

/*
 * Read the argument of MAIL.  Exactly "<>" or "<mailbox>", plain and qualified,
 * or either without its angle brackets, is what it says, unless the MTA tells
 * of another domain, or of a null sender, or of none.  Else it is what the MTA
 * tells; ambiguous without that, or where that may be another address than the
 * sender's.
 */
struct path path_sender(struct mf_text arg, const struct path_macros *macros);

/*
 * Read the argument of RCPT: a plain mailbox, with or without angle brackets,
 * or ambiguous.
 */
struct path path_recipient(struct mf_text arg);

/* Without angle brackets at both ends. */
struct mf_text path_unbracketed(struct mf_text arg);

/*
 * Parts of a mailbox at its last "@" that isn't in quotes or a comment; without
 * one all of it is local part.
 */
struct mf_text path_local(struct mf_text mailbox);
struct mf_text path_domain(struct mf_text mailbox);

/*
 * Whether nobody can read another mailbox in it: a local part of atoms and dots
 * or one quoted string, and a domain without empty labels or address literal;
 * or such a local part alone, if there is no "%" or "!" in it (RFC 5321 4.1.2,
 * RFC 6531 3.3).
 */
bool path_is_plain(struct mf_text mailbox);

/*
 * Whether the domain of a plain mailbox is all of it: MTAs put one of their own
 * behind a local part alone (Postfix's myorigin), and sendmail one of those
 * that its host searches behind a domain of one label.
 */
bool path_is_qualified(struct mf_text mailbox);

/*
 * Write a local part or domain as MTAs compare it: without quotes and
 * backslashes, and what Unicode's case folding turns into ASCII as Postfix
 * does, "te\u017ft" as "test".  The case of ASCII is kept.
 */
void path_fold(struct mf_text part, struct text_out *out);

/* Room for any address that is taken. */
#define PATH_READING_MAX 1024

/*
 * One of the addresses that an MTA may read in a plain mailbox.  The first is
 * the mailbox, folded; the next is what the local part names, as an MTA
 * delivers to "user@host", "user%host" or "host!user" at its own domains.
 */
struct path_reading {
	struct mf_text local, domain;
	char store[2][PATH_READING_MAX];
};

/*
 * The first reading.  False: the mailbox is longer than any address, or what its
 * local part names can't be told.
 */
bool path_reading(struct mf_text mailbox, struct path_reading *out);

/* The next one; false: there is none. */
bool path_reading_next(struct path_reading *reading);

#endif
