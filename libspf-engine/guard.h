/* SPDX-License-Identifier: ISC */
/*
 * Which texts libspf2 may see.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_GUARD_H
#define MAILFROM_LIBSPF_ENGINE_GUARD_H

#include <mailfrom/spf.h>

/* Octets of a text that libspf2 is shown. */
#define GUARD_TEXT_MAX 4096

/* True if libspf2 can be trusted with an SPF record. */
bool guard_record_ok_(struct mf_text record);

/* True if it can be trusted with an explanation. */
bool guard_text_ok_(struct mf_text text);

#endif
