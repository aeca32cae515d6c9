/* SPDX-License-Identifier: ISC */
/*
 * Everything that srsd reads from files, as one object that a reload replaces.
 */
#ifndef MAILFROM_SRSD_CONFIG_H
#define MAILFROM_SRSD_CONFIG_H

#include "common/daemon.h"
#include "common/shared.h"
#include "common/source.h"
#include "common/watch.h"
#include "rewrite/gate.h"
#include "rewrite/legacy.h"
#include "rewrite/rewriter.h"
#include "settings/srsd.h"
#include "store/store.h"

struct srsd_config {
	struct shared shared;
	const char *path; /* the caller's */
	struct srsd_settings srsd;
	struct rewrite_settings srs;
	struct check_settings spf;
	struct log_settings log;
	struct store_settings store_settings;
	struct store_params store_params;
	struct conf *conf;
	struct rewriter *rewriter;
	struct gate *gate; /* NULL: none is to be asked, and no checker */
	struct checker *checker;
	struct store *store; /* NULL: there is none */
	struct watch watch;  /* secrets, lists and records */
};

/*
 * Read the configuration at path, which must outlive it, and all files that it
 * names.  Not null: the caller's, for srsd_config_release(); or null, and errors were
 * reported.
 */
struct srsd_config *srsd_config_load(
    const char *path, enum source_format format, struct report *report);
void srsd_config_release(struct srsd_config *config); /* NULL is fine */

/* Hold the configuration in force instead of *held (NULL: none yet). */
static inline void
srsd_config_refresh(struct shared_place *place, struct srsd_config **held)
{
	*held = (struct srsd_config *)shared_refresh(
	    place, *held != NULL ? &(*held)->shared : NULL);
}

/*
 * Start what the configuration needs to run: a checker and a store, those of
 * old (or NULL) if they are the same.  After the last fork.  False, and errors were reported.
 */
bool srsd_config_start(struct srsd_config *config,
    const struct srsd_config *old, struct report *report);

/* How many threads are to serve. */
unsigned srsd_config_workers(const struct srsd_config *config);

#endif
