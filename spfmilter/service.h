/* SPDX-License-Identifier: ISC */
/*
 * What all sessions of spfmilter share: configuration, access file, figures.
 */
#ifndef MAILFROM_SPFMILTER_SERVICE_H
#define MAILFROM_SPFMILTER_SERVICE_H

#include "access/access.h"
#include "access/change.h"
#include "milter/service.h"
#include "spfmilter/metrics.h"

/* An access file, for as long as somebody uses it. */
struct shared_access {
	struct shared shared;
	struct access *access;
};

struct spfmilter {
	struct milter_service base;
	struct shared_place access; /* struct shared_access; none configured */
	/* The main thread's: a change that was complained of. */
	struct file_mark refused;
	bool has_refused;
	/* For the metrics: entries in force, and what became of a change. */
	atomic_ullong access_entries;
	atomic_int
	    access_verdict; /* enum access_verdict of the file as it is */
	struct spfmilter_metrics metrics;
};

/*
 * Make a service of config, which passes to it, and read the access file that
 * it names.  NULL, and errors were reported; config is then released.
 */
struct milter_service *spfmilter_new(
    struct milter_config *config, struct report *report);
void spfmilter_free(struct milter_service *service);

/*
 * Start what checks: threads, and helper processes with libspf2.  After the
 * last fork; once, before any connection.  False, and errors were reported.
 */
bool spfmilter_start(struct milter_service *service, struct report *report);

/*
 * Put config, which passes to the service, in the place of the one it has, with
 * its access file read; if nobody asked for it, and the file is still the same
 * one, only spfmilter_refresh() looks at it.  False, nothing changed, and
 * errors were reported.
 */
bool spfmilter_reload(struct milter_service *service,
    struct milter_config *config, bool is_asked, struct report *report);

/*
 * Read the access file again if it has changed, and nobody writes to it.  What
 * can't be read, or takes the policy away (access/change.h), leaves the old one
 * in force, and is logged once for each change.
 */
void spfmilter_refresh(struct milter_service *service);

/*
 * Warn of entries of the access file that mean nothing, as reloads do, and if
 * it can't be read again by this process.
 */
void spfmilter_warn(
    const struct milter_service *service, struct report *report);

/*
 * Report all that lint.h finds in the access file; none of it keeps a service
 * from starting.  False: there was an error.
 */
bool spfmilter_lint(const struct spfmilter *service, struct report *report);

/*
 * Why the access file in force isn't the one on disk, a sentence; NULL: it is.
 * Any thread.
 */
const char *spfmilter_access_trouble(const struct spfmilter *service);

/* The configuration of now, for the main thread. */
const struct spfmilter_config *spfmilter_config(
    const struct spfmilter *service);

/* The access file of now, or NULL if there is none; release is due. */
struct shared_access *spfmilter_access(struct spfmilter *service);
void spfmilter_access_release(struct shared_access *access); /* NULL is fine */

/* Write all figures for Prometheus; arg is the service. */
void spfmilter_write_metrics(void *arg, struct metrics_writer *writer);

#endif
