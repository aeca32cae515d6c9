/* SPDX-License-Identifier: ISC */
/*
 * libmilter's life around a filter: its socket, its thread, signals, the end.
 *
 * libmilter has a thread that waits for SIGHUP, SIGTERM and SIGINT, and stops
 * at each of them.  So these signals are handled, never blocked, in the main
 * thread alone: the kernel delivers a signal of the process to the main thread
 * as long as that takes it.
 */
#ifndef MAILFROM_MILTER_RUN_H
#define MAILFROM_MILTER_RUN_H

#include "common/listen.h"
#include "common/report.h"
#include "common/text.h"

struct smfiDesc;

/*
 * Register filter and open its socket: that at address, or one that systemd
 * passes.  May need root; before the process forks and starts threads.
 * file, line: where the address stands, for messages.  False, and an error
 * reported, if it failed.  check_only: look at the address, open nothing.
 */
bool milter_open(const struct smfiDesc *filter, struct text address,
    const struct listen_options *options, bool check_only, const char *file,
    unsigned line, struct report *report);

/* What the main thread does while the filter runs. */
struct milter_duties {
	void (*reload)(void *arg); /* SIGHUP */
	void (*tick)(void *arg);   /* every WATCH_SEC */
	/* How many callbacks are running: their ends are waited for. */
	unsigned (*busy)(void *arg);
	void *arg;
};

/*
 * Run the filter on a thread of its own until SIGTERM or SIGINT; signals must
 * be blocked (daemon_signals()) up to here.  Callbacks in progress then have
 * half a second to end.  False: libmilter has given up by itself; it was logged.
 */
bool milter_serve(const struct milter_duties *duties, void (*ready)(void *arg));

#endif
