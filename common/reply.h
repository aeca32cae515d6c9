/* SPDX-License-Identifier: ISC */
/*
 * Text of SMTP replies, for smfi_setreply(): whatever is in it, one line of
 * printable ASCII with "%" doubled comes out (sendmail and Postfix undo that).
 */
#ifndef MAILFROM_COMMON_REPLY_H
#define MAILFROM_COMMON_REPLY_H

#include "common/text.h"

/* libmilter takes no longer line (MAXREPLYLEN is 980); with the NUL. */
#define REPLY_SIZE 512

/* Write text; what is too long is cut.  NUL-terminated. */
void reply_quote(struct mf_text text, char out[static REPLY_SIZE]);

/* The text as clients see it. */
void reply_unquote(const char *text, struct text_out *out);

#endif
