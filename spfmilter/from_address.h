/* SPDX-License-Identifier: ISC */
/*
 * From (RFC 5322 3.6.2): whose message it is, where just one can be read.
 */
#ifndef MAILFROM_SPFMILTER_FROM_ADDRESS_H
#define MAILFROM_SPFMILTER_FROM_ADDRESS_H

#include "common/text.h"

/*
 * The domain of the only address in the value of a From field: a view of value.
 * False: there is none, or more than one, or a reader could find another.
 */
bool from_domain(struct mf_text value, struct mf_text *domain);

#endif
