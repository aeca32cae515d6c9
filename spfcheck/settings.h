/* SPDX-License-Identifier: ISC */
/*
 * The section [spf], which all daemons that check share.
 */
#ifndef MAILFROM_SPFCHECK_SETTINGS_H
#define MAILFROM_SPFCHECK_SETTINGS_H

#include "common/conf.h"
#include "common/report.h"

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct check_settings {
	unsigned engine; /* enum spf_engine */
	struct conf_list nameservers;
	uint64_t timeout; /* seconds */
	bool prefetch;
	uint64_t cache_size; /* octets */
	struct mf_text best_guess;
	struct mf_text delegate;
	struct conf_list trusted_forwarder;
	struct mf_text record_file;
	struct mf_text explanation;
	struct mf_text helper;
};

/* The table of [spf]; values is where they go. */
struct conf_section check_section(struct check_settings *values);

/*
 * A copy that needs no conf, in one piece, for free().  Texts are
 * NUL-terminated in it, and those that go over several lines have a blank where
 * a line ends.  NULL: out of memory.
 */
struct check_settings *check_settings_copy(
    const struct check_settings *settings);

/*
 * Whether a copy makes sense, as far as it tells by itself: no file is looked
 * at.  False, and every mistake reported with file, line and key.
 */
bool check_settings_sound(const struct check_settings *copy,
    const struct conf *conf, const char *file, struct report *report);

bool check_settings_eq(
    const struct check_settings *a, const struct check_settings *b);

#endif
