/* SPDX-License-Identifier: ISC */
/*
 * What all sessions of srsmilter share: configuration, message ids, used
 * signatures, figures.
 */
#ifndef MAILFROM_SRSMILTER_SERVICE_H
#define MAILFROM_SRSMILTER_SERVICE_H

#include "milter/service.h"
#include "rewrite/message_id.h"
#include "srsmilter/metrics.h"

struct srsmilter {
	struct milter_service base;
	struct message_ids ids;
	struct replay *replay;
	struct srsmilter_metrics metrics;
	atomic_flag missed_mailer;
};

/*
 * Make a service of config, which passes to it.  NULL, and an error was
 * reported; config is then released.
 */
struct milter_service *srsmilter_new(
    struct milter_config *config, struct report *report);
void srsmilter_free(struct milter_service *service);

/*
 * Start what checks SPF, if that is asked for.  After the last fork; once,
 * before any connection.  False, and errors were reported.
 */
bool srsmilter_start(struct milter_service *service, struct report *report);

/*
 * Put config, which passes to the service, in the place of the one it has.
 * False, nothing changed, and errors were reported.
 */
bool srsmilter_reload(struct milter_service *service,
    struct milter_config *config, bool is_asked, struct report *report);

/* The MTA doesn't send {rcpt_mailer}: say so, once. */
void srsmilter_miss_mailer(struct srsmilter *service);

/* Write all figures for Prometheus; arg is the service. */
/* Which secrets are in force, for milter/daemon.h. */
void srsmilter_list_secrets(
    const struct milter_service *service, char *out, size_t size);

void srsmilter_write_metrics(void *arg, struct metrics_writer *writer);

#endif
