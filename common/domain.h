/* SPDX-License-Identifier: ISC */
/*
 * Domain names that people have written: the one place that says which are any.
 */
#ifndef MAILFROM_COMMON_DOMAIN_H
#define MAILFROM_COMMON_DOMAIN_H

#include "common/text.h"

#define DOMAIN_MAX 253 /* without a dot at the end (RFC 1035 2.3.4) */

/*
 * Write the domain t as DNS has it: U-labels as A-labels (IDNA2008 by way of
 * UTS 46), no dot at the end; the case of ASCII stays.  Labels are of letters,
 * digits, "-" and "_", do not begin or end with "-", and the last one is not a
 * number, as in an IPv4 address.
 * True, or false and *why, a constant, says what is wrong.
 */
bool domain_read(struct mf_text t, struct text_out *out, const char **why);

/* Labels of a domain that domain_read() has written; 0 for "". */
size_t domain_labels(struct mf_text domain);

/*
 * The domain t with its U-labels as A-labels in room, for comparing; t itself
 * if it has none, or is no domain.
 */
struct mf_text domain_ascii(struct mf_text t, char room[static DOMAIN_MAX + 1]);

#endif
