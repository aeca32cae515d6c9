/* SPDX-License-Identifier: ISC */
/*
 * pysrs.cfg, read as it is: its entries in our words, for both of its programs,
 * the daemon and the milter.
 *
 * The dialect is ConfigParser's, the defaults are pysrs's (8 characters of
 * base64, 8 days, always rewrite).  What its milter signed with its other
 * defaults (5 characters, 21 days) is accepted too where the file leaves them
 * open, since both programs share the secret.
 */
#ifndef MAILFROM_REWRITE_LEGACY_H
#define MAILFROM_REWRITE_LEGACY_H

#include "common/source.h"
#include "common/watch.h"
#include "rewrite/rewriter.h"

struct legacy {
	/* [srs], [srsd], [srsmilter] in our words, with the original lines. */
	struct ini ini;
	struct mf_text *secrets; /* views into the source */
	char *store;             /* of values that aren't in the source */
	struct rewriter_legacy rewriter;
};

/*
 * True if a file is pysrs's: by its name, or else by keys that only pysrs has.
 */
bool legacy_detect(const char *path, const struct ini *ini);

/*
 * Translate source, parsed as INI_CONFIGPARSER, which must outlive *out.
 * Unknown keys are warned of.  False if out of memory, without a secret, or if
 * miltersrs or socketname make no sense; the rest is translated nevertheless,
 * if there are entries.  legacy_free() is due either way.
 */
bool legacy_translate(
    const struct ini *source, struct legacy *out, struct report *report);

/*
 * Have load make a configuration of source: as it is, or translated if it is a
 * legacy file.  That one holds the secret: that everybody can read it is warned
 * of, and a change of it watched.  False, and errors were reported.
 */
bool legacy_source(const struct source *source, struct watch *watch,
    bool (*load)(void *config, const struct ini *ini,
	const struct rewriter_legacy *legacy, struct report *report),
    void *config, struct report *report);

void legacy_free(struct legacy *legacy);

#endif
