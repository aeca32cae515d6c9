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
 * stands in it where the authserv-id should), counts as ours; and so does one
 * whose id is ours to who undoes RFC 2047 words, percents or Unicode that looks
 * like it, or reads U-labels for A-labels.
 */
bool authres_is_of(struct mf_text value, struct mf_text id);

/*
 * Whether something stands before the end of its authserv-id that anybody might
 * undo.  No field of honest hosts has that, and it costs ten times as much.
 */
bool authres_is_disguised(struct mf_text value);

#endif
