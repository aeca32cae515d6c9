/* SPDX-License-Identifier: ISC */
/*
 * The running daemon: worker threads, and the configuration they share.
 */
#ifndef MAILFROM_SRSD_SERVER_H
#define MAILFROM_SRSD_SERVER_H

#include "srsd/sockets.h"

struct server;

/*
 * Start `workers` threads, SRSD_WORKERS_MAX at most, that serve the sockets,
 * which stay the caller's.  config passes to the server.  NULL, and an error
 * reported, if a thread can't be made.  Signals that the caller waits for
 * should be blocked meanwhile: threads inherit that.
 */
struct server *server_start(const struct sockets *sockets, unsigned workers,
    struct srsd_config *config, struct report *report);

/*
 * Look after it, every few seconds: log what clients have done to each other,
 * and what this process lacks.  On the thread that calls server_reload().
 */
void server_tick(struct server *server);

/* Serve by this configuration from now on; it passes to the server. */
void server_reload(struct server *server, struct srsd_config *config);

/* The configuration in force, for the thread that calls server_reload(). */
struct srsd_config *server_config(struct server *server);

/*
 * Stop: answer what has arrived, send what is answered (for a few seconds at
 * most), close, and free.
 */
void server_stop(struct server *server);

#endif
