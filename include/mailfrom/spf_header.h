/* SPDX-License-Identifier: ISC */
/*
 * Header fields that report a check: Received-SPF (RFC 7208 9.1) and the spf
 * part of Authentication-Results (RFC 8601).
 *
 * HELO name and sender are hostile text: whatever they hold, the result is one
 * well-formed field.  Fields are folded with LF TAB, as libmilter wants them,
 * and come without the name, the colon and an end of line.
 */
#ifndef MAILFROM_SPF_HEADER_H
#define MAILFROM_SPF_HEADER_H

#include <mailfrom/spf.h>

/* Octets that a field can take, with its NUL. */
#define SPF_HEADER_SIZE 8192

/*
 * Value of Received-SPF.  authority: the name of this host (receiver).
 * The length, without the NUL.
 */
size_t spf_header_received(const struct spf_request *request,
    const struct spf_verdict *verdict, struct mf_text authority,
    char out[static SPF_HEADER_SIZE]);

/*
 * One "spf=..." of Authentication-Results (RFC 8601 2.7.2), without authserv-id
 * and ";", with smtp.mailfrom or smtp.helo; of an error the reason (2.2) too.
 */
size_t spf_header_authentication(const struct spf_request *request,
    const struct spf_verdict *verdict, char out[static SPF_HEADER_SIZE]);

#endif
