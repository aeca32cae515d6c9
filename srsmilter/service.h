/* SPDX-License-Identifier: ISC */
/*
 * What all connections share: configuration, message ids, used signatures,
 * figures.
 */
#ifndef MAILFROM_SRSMILTER_SERVICE_H
#define MAILFROM_SRSMILTER_SERVICE_H

#include "srsmilter/account.h"
#include "srsmilter/config.h"

struct service;

/*
 * Make a service of config, which passes to it.  NULL, and an error was
 * reported; config is then released.
 */
struct service *service_new(struct config *config, struct report *report);
void service_free(struct service *service);

/*
 * Start what checks SPF, if that is asked for.  After the last fork; once,
 * before any connection.  False, and errors were reported.
 */
bool service_start(struct service *service, struct report *report);

/*
 * Put config, which passes to the service, in the place of the one it has.
 * False, nothing changed, and errors were reported.
 */
bool service_reload(
    struct service *service, struct config *config, struct report *report);

/* The configuration of now; config_release() is due. */
struct config *service_config(struct service *service);

/* The MTA doesn't send {rcpt_mailer}: say so, once. */
void service_miss_mailer(struct service *service);

uint64_t service_message_id(struct service *service, uint8_t server);
struct replay *service_replay(struct service *service);
struct figures *service_figures(struct service *service);

/* Write all figures for Prometheus; arg is the service. */
void service_write_figures(void *arg, struct metrics_writer *writer);

#endif
