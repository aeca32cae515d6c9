/* SPDX-License-Identifier: ISC */
/*
 * Everything that srsmilter reads from files, as one object that a reload
 * replaces.
 */
#ifndef MAILFROM_SRSMILTER_CONFIG_H
#define MAILFROM_SRSMILTER_CONFIG_H

#include "milter/config.h"
#include "rewrite/gate.h"
#include "rewrite/rewriter.h"
#include "rewrite/rrs_rules.h"
#include "settings/srsmilter.h"
#include "store/store.h"

struct srsmilter_config {
	struct milter_config base;
	struct srsmilter_settings srsmilter;
	struct rewrite_settings srs;
	struct check_settings spf;
	struct store_settings store_settings;
	struct store_params store_params;
	/* Made ready. */
	struct rewriter *rewriter;
	struct list local_domains, exempt_recipients;
	struct gate *gate;       /* NULL: none is to be asked */
	struct rrs_rules *rrs;   /* NULL: there are no RRS addresses */
	struct checker *checker; /* for both; set by whoever serves, or NULL */
	struct store *store;     /* set likewise; NULL: there is none */
};

/*
 * Read the configuration at path, which must outlive it, and all files that it
 * names.  Not null: the caller's, for milter_config_release(); its whole is a
 * struct srsmilter_config.  NULL, and errors were reported.
 */
struct milter_config *srsmilter_config_load(
    const char *path, enum source_format format, struct report *report);

/*
 * Start what the configuration needs to run: a checker and a store, those of
 * old (or NULL) if they are the same.  After the last fork.  False, and errors were reported.
 */
bool srsmilter_config_start(struct srsmilter_config *config,
    const struct srsmilter_config *old, struct report *report);

#endif
