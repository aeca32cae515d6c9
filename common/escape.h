/* SPDX-License-Identifier: ISC */
/*
 * Text from anywhere, written for a sink: a terminal, which must not act on it,
 * JSON, which must be valid, and HTML, where it must stay text.
 *
 * None ever gets a character of Unicode's categories Cc, Cf, Zl and Zp:
 * controls, what can't be seen, what turns the direction of a line, and ends of
 * lines.
 */
#ifndef MAILFROM_COMMON_ESCAPE_H
#define MAILFROM_COMMON_ESCAPE_H

#include <stdio.h>

#include "common/text.h"

/* Whether code is of a category that no sink gets. */
bool escape_is_needed(uint32_t code);

/* Whether the locale of the environment says that terminals take UTF-8. */
bool escape_terminal_utf8(void);

/*
 * Write t for people: a backslash twice, other octets than printable ASCII as
 * \xHH, or only those of invalid UTF-8 and of the categories above if
 * escape_terminal_utf8().
 */
void escape_terminal(FILE *to, struct mf_text t);

/*
 * Write t as a JSON string with its quotes; octets that aren't UTF-8 become
 * U+FFFD.
 */
void escape_json(FILE *to, struct mf_text t);

/*
 * Write t as text of an HTML element, or of an attribute in double quotes.
 * What isn't UTF-8 becomes U+FFFD, a character of the categories above is
 * written as "\u" and its code.
 */
void escape_html(FILE *to, struct mf_text t);

#endif
