/* SPDX-License-Identifier: ISC */
/*
 * Authentication-Results (RFC 8601 2.2): who claims to have written one.
 */
#ifndef MAILFROM_SPFMILTER_AUTHRES_H
#define MAILFROM_SPFMILTER_AUTHRES_H

#include "common/text.h"

#define AUTHRES_ID_MAX 255

/*
 * Whether the field's authserv-id is id (ASCII case doesn't matter, RFC 8601
 * 2.3, nor comments, folding and quotes around it).  A field that cannot be
 * read by the grammar, but could be taken for ours by a lenient reader (id
 * stands in it where the authserv-id should), counts as ours.
 */
bool authres_is_of(struct mf_text value, struct mf_text id);

#endif
