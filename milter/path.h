/* SPDX-License-Identifier: ISC */
/*
 * Arguments of MAIL and RCPT as a milter gets them: "<user@example.com>", but
 * from Postfix's own processes also "user@example.com", and "" for "<>".
 *
 * They are what the client has written.  sendmail and Postfix take more than
 * RFC 5321 has: comments, groups, paths behind paths, "user%domain".  Where a
 * filter reads another domain in it than the MTA, nothing that it checks holds.
 */
#ifndef MAILFROM_MILTER_PATH_H
#define MAILFROM_MILTER_PATH_H

#include "common/text.h"

/*
 * The mailbox in arg: without angle brackets, what is outside of them, blanks
 * and a source route ("@a,@b:", RFC 5321 4.1.2).  Of several paths it is the
 * last.  A view; comments in it stay.  Empty: the null reverse-path.
 */
struct mf_text path_mailbox(struct mf_text arg);

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
 * Whether there is an "@", "%" or "!" in the local part: at a domain of its own
 * an MTA delivers to what stands there, "user%elsewhere@here" to
 * user@elsewhere.
 */
bool path_has_route(struct mf_text mailbox);

/*
 * Write a local part or domain as MTAs compare it: without quotes and
 * backslashes, and what Unicode's case folding turns into ASCII as Postfix
 * does, "te\u017ft" as "test".  The case of ASCII is kept.
 */
void path_fold(struct mf_text part, struct text_out *out);

/*
 * The sender that the MTA takes arg of MAIL for.  macro: {mail_addr}, with p
 * NULL if the MTA hasn't sent it.  That isn't simply the sender: Postfix folds
 * its case, sendmail leaves out domains of its own.  So it is asked only if arg
 * isn't plain or isn't qualified.  *out is a view of either, empty for the null
 * reverse-path.  False: the sender's domain can't be told (553 5.1.7 says so).
 */
bool path_sender(struct mf_text arg, struct mf_text macro, struct mf_text *out);

#endif
