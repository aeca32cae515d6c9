/* SPDX-License-Identifier: ISC */
/*
 * libmilter's life around a filter: its socket, its thread, signals, the end.
 */
#ifndef MAILFROM_MILTER_RUN_H
#define MAILFROM_MILTER_RUN_H

#include "common/listen.h"
#include "common/report.h"
#include "common/text.h"

struct smfiDesc;

/* Which of the sockets that systemd has passed is the filter's. */
struct milter_inherited {
	unsigned count; /* 0: none; more than 1 is an error */
	int fd;
};

/* others: what those that aren't the filter's are called, or NULL. */
struct milter_inherited milter_inherited(unsigned count, const char *others);

/*
 * Register filter and open its socket: that at address, or one that systemd
 * passes.  May need root; before the process forks and starts threads.
 * False, and an error reported, if it failed.  With options->check nothing is
 * registered, and listen_check_end() is due.
 */
bool milter_open(const struct smfiDesc *filter, struct mf_text address,
    struct milter_inherited inherited, const struct listen_options *options,
    struct report *report);

/* What the main thread does while the filter runs. */
struct milter_duties {
	void (*reload)(void *arg); /* SIGHUP */
	void (*tick)(void *arg);   /* every WATCH_SEC */
	void *arg;
};

/*
 * Run the filter, if milter_open() was called, on a thread of its own until SIGTERM or SIGINT; signals must
 * be blocked (daemon_signals()) up to here.  Callbacks in progress then have
 * half a second to end.  False: libmilter has given up by itself; it was
 * logged.
 */
bool milter_serve(const struct milter_duties *duties, void (*ready)(void *arg));

/*
 * To be called by a callback before it waits for something.
 *
 * libmilter hands sessions that become ready to workers that it has counted as
 * idle, and starts no more: with some that wait, others wait behind them, for
 * as long as all of these take one after the other.  A connection that comes in
 * makes it start one more worker, which takes what is queued.
 */
void milter_will_wait(void);

#endif
