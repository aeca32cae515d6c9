/* SPDX-License-Identifier: ISC */
/*
 * Netstrings, the framing of the socketmap protocol: LENGTH ":" OCTETS ",".
 */
#ifndef MAILFROM_COMMON_NETSTRING_H
#define MAILFROM_COMMON_NETSTRING_H

#include "common/text.h"

enum netstring_status {
	NETSTRING_OK,
	NETSTRING_MORE,    /* well formed so far, but not all of it is here */
	NETSTRING_BAD,     /* can never become a netstring */
	NETSTRING_TOO_LONG /* would be, with more than max octets */
};

/*
 * Read the netstring that buffer begins with, of at most max octets.
 * *payload: a view into buffer; *used: octets to go on behind.  Both are set
 * with NETSTRING_OK only.
 */
static inline enum netstring_status
netstring_read(
    struct mf_text buffer, size_t max, struct mf_text *payload, size_t *used)
{
	size_t len = 0, at = 0;

	for (; at < buffer.len && ascii_is_digit(buffer.p[at]); at++) {
		if (at == 1 && buffer.p[0] == '0')
			return NETSTRING_BAD;
		len = len * 10 + (size_t)(buffer.p[at] - '0');
		if (len > max)
			return NETSTRING_TOO_LONG;
	}
	if (at == buffer.len)
		return NETSTRING_MORE;
	if (at == 0 || buffer.p[at] != ':')
		return NETSTRING_BAD;
	at++;
	if (buffer.len - at <= len)
		return NETSTRING_MORE;
	if (buffer.p[at + len] != ',')
		return NETSTRING_BAD;
	*payload = mf_text_at(buffer.p + at, len);
	*used = at + len + 1;
	return NETSTRING_OK;
}

#endif
