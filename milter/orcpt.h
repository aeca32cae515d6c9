/* SPDX-License-Identifier: ISC */
/*
 * ORCPT: the recipient as it was before any alias (RFC 3461 4.2), among the
 * parameters of RCPT.  The client wrote it, so it proves nothing.
 */
#ifndef MAILFROM_MILTER_ORCPT_H
#define MAILFROM_MILTER_ORCPT_H

#include "common/domain.h"

/*
 * The domain of the original recipient, as domain_read() writes it, in room.
 * parameters: of RCPT, ending with NULL.  Empty: there is no ORCPT, or it holds
 * no mail address of a domain.
 */
struct mf_text orcpt_domain(
    char *const *parameters, char room[static DOMAIN_MAX]);

#endif
