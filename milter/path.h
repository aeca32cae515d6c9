/* SPDX-License-Identifier: ISC */
/*
 * Arguments of MAIL and RCPT as a milter gets them: "<user@example.com>", but
 * from Postfix's own processes also "user@example.com", and "" for "<>".
 */
#ifndef MAILFROM_MILTER_PATH_H
#define MAILFROM_MILTER_PATH_H

#include "common/text.h"

/*
 * The mailbox in arg: without angle brackets, blanks around them and a source
 * route ("@a,@b:", RFC 5321 4.1.2).  Empty: the null reverse-path.
 */
struct text path_mailbox(struct text arg);

/* Parts of a mailbox at its last "@"; without one all of it is local part. */
struct text path_local(struct text mailbox);
struct text path_domain(struct text mailbox);

#endif
