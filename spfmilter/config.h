/* SPDX-License-Identifier: ISC */
/*
 * Everything that spfmilter reads from files but the access file, as one object
 * that a reload replaces.
 */
#ifndef MAILFROM_SPFMILTER_CONFIG_H
#define MAILFROM_SPFMILTER_CONFIG_H

#include "common/lists.h"
#include "milter/config.h"
#include "settings/spfmilter.h"
#include "settings/srs.h"
#include "settings/srsmilter.h"
#include "spfcheck/checker.h"

struct spfmilter_config {
	struct milter_config base;
	struct spfmilter_settings spfmilter;
	struct check_settings spf;
	struct rewrite_settings srs; /* for the SRS and RRS domains alone */
	struct srsmilter_settings srsmilter; /* for the RRS domains */
	/* Lists made ready. */
	struct hosts exempt_clients;
	struct list exempt_senders, exempt_helo, exempt_recipients;
	struct list srs_domains;
	struct list rrs_domains; /* of rrs = yes */
	struct checker *checker; /* set by whoever serves */
};

/*
 * Read the configuration at path, which must outlive it, and the list files
 * that it names.  Not null: the caller's, for milter_config_release(); its whole
 * is a struct spfmilter_config.  NULL, and errors were reported.
 */
struct milter_config *spfmilter_config_load(
    const char *path, enum source_format format, struct report *report);

#endif
