/* SPDX-License-Identifier: ISC */
/*
 * What lenient readers undo before they look for an authserv-id.
 *
 * None of it belongs there (RFC 2047 5, RFC 8601 2.2): a reader that undoes it
 * can be made to read another name than one that doesn't.
 */
#ifndef MAILFROM_SPFMILTER_AUTHRES_DISGUISE_H
#define MAILFROM_SPFMILTER_AUTHRES_DISGUISE_H

#include "common/text.h"

/* Stands for what could be anything; no UTF-8 has it. */
#define AUTHRES_ANY '\xff'

/* Octets that an output may have, whatever the input is. */
#define AUTHRES_UNDONE_MAX(len) (2 * (len) + 4)

/*
 * RFC 2047 words anywhere, with blanks in them and without blanks around them;
 * blanks between two are left out, with glue those on either side, too.  A character set that isn't ASCII and more
 * becomes AUTHRES_ANY, and so does base64 that decoders disagree about.  False:
 * there was none.
 */
bool authres_undo_words(struct mf_text t, bool glue, struct text_out *out);

/* "%2e".  False: there was none. */
bool authres_undo_percent(struct mf_text t, struct text_out *out);

/*
 * Lower case; what looks like ASCII, or isn't seen at all: wide forms, dots,
 * blanks, the long s, format characters, controls.  More is left to IDNA's mapping.
 */
void authres_fold(struct mf_text t, struct text_out *out);

#endif
