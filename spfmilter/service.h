/* SPDX-License-Identifier: ISC */
/*
 * What all connections share: configuration, access file, figures.
 */
#ifndef MAILFROM_SPFMILTER_SERVICE_H
#define MAILFROM_SPFMILTER_SERVICE_H

#include "access/access.h"
#include "spfmilter/account.h"
#include "spfmilter/config.h"

struct service;

/* An access file, for as long as somebody uses it. */
struct shared_access {
	atomic_uint holders;
	struct access *access;
};

/*
 * Make a service of config, which passes to it, and read the access file that
 * it names.  NULL, and errors were reported; config is then released.
 */
struct service *service_new(struct config *config, struct report *report);
void service_free(struct service *service);

/*
 * Start what checks: threads, and helper processes with libspf2.  After the
 * last fork; once, before any connection.  False, and errors were reported.
 */
bool service_start(struct service *service, struct report *report);

/*
 * Put config, which passes to the service, in the place of the one it has, with
 * its access file read.  False, nothing changed, and errors were reported.
 */
bool service_reload(
    struct service *service, struct config *config, struct report *report);

/*
 * Read the access file again if it has changed.  What can't be read leaves the
 * old one in force, and is logged once for each change.
 */
void service_refresh(struct service *service);

/*
 * Warn of entries of the access file that mean nothing, as reloads do, and if
 * it can't be read again by this process.
 */
void service_warn(const struct service *service, struct report *report);

/* Whether fields that are in a message may be taken out of it. */
bool service_removes_fields(const struct service *service);

/*
 * Report all that lint.h finds in the access file; none of it keeps a service
 * from starting.  False: there was something.
 */
bool service_lint(const struct service *service, struct report *report);

/* The configuration of now; config_release() is due. */
struct config *service_config(struct service *service);

/* The access file of now, or NULL if there is none; release is due. */
struct shared_access *service_access(struct service *service);
void service_access_release(struct shared_access *access);

/* Write all figures for Prometheus; arg is the service. */
void service_write_figures(void *arg, struct metrics_writer *writer);

struct figures *service_figures(struct service *service);

#endif
