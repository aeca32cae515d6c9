/* SPDX-License-Identifier: ISC */
/*
 * All sections of mailfrom.conf: what a program uses is filled, the rest is
 * checked by the same tables.
 */
#ifndef MAILFROM_SETTINGS_SECTIONS_H
#define MAILFROM_SETTINGS_SECTIONS_H

#include <stdio.h>

#include "common/log_conf.h"
#include "settings/spf.h"
#include "settings/spfmilter.h"
#include "settings/srs.h"
#include "settings/srsd.h"
#include "settings/srsmilter.h"
#include "settings/store.h"

/* In the order of the sample. */
enum settings_section {
	SECTION_SRS,
	SECTION_SRSD,
	SECTION_SRSMILTER,
	SECTION_SPF,
	SECTION_SPFMILTER,
	SECTION_STORE,
	SECTION_LOG
};
#define SECTION_COUNT (SECTION_LOG + 1)

/*
 * Where a program wants the values of the sections that it uses; NULL: it
 * doesn't use that one.
 */
struct settings_wanted {
	struct rewrite_settings *srs;
	struct srsd_settings *srsd;
	struct srsmilter_settings *srsmilter;
	struct check_settings *spf;
	struct spfmilter_settings *spfmilter;
	struct store_settings *store;
	struct log_settings *log;
};

/* The sections for conf_load(); those that are wanted are used. */
void settings_sections(const struct settings_wanted *wanted,
    struct conf_section out[static SECTION_COUNT]);

/* Print a sample mailfrom.conf: all sections and keys, with their defaults. */
void settings_print(FILE *to);

#endif
