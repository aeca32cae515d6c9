/* SPDX-License-Identifier: ISC */
/*
 * What the main thread of a filter waits for while libmilter runs: signals, and
 * the end of libmilter.
 */
#ifndef MAILFROM_MILTER_EVENTS_H
#define MAILFROM_MILTER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum event {
	EVENT_NONE,
	EVENT_RELOAD, /* SIGHUP */
	EVENT_END,    /* SIGTERM, SIGINT */
	EVENT_GONE    /* libmilter has stopped */
};

/* Once, before anything else here.  False, and errno. */
bool events_open(void);

/* Handle the signals, which are blocked until then (daemon_signals()). */
void events_take_signals(void);

/* Any thread, and signal handlers. */
void events_post(enum event event);

/*
 * The first event that comes before until_ms (clock_ms()), else EVENT_NONE; EVENT_RELOAD
 * once for all that wait, and only if nothing else does.
 */
enum event events_wait(uint64_t until_ms);

#endif
