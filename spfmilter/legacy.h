/* SPDX-License-Identifier: ISC */
/*
 * pymilter's spfmilter.cfg, read as it is: its entries in our words, with its
 * defaults.
 */
#ifndef MAILFROM_SPFMILTER_LEGACY_H
#define MAILFROM_SPFMILTER_LEGACY_H

#include "common/ini.h"

/* True if a file is pymilter's: by its name, or by keys that only that has. */
bool legacy_is_spfmilter(const char *path, const struct ini *ini);

/*
 * Translate source, parsed as INI_CONFIGPARSER, which must outlive *out.
 * *store is the caller's to free, after *out.  False if out of memory, or a
 * value makes no sense; ini_free(out) is due either way.
 */
bool legacy_spfmilter(const struct ini *source, struct ini *out, char **store,
    struct report *report);

#endif
