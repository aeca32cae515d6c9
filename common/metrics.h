/* SPDX-License-Identifier: ISC */
/*
 * A daemon's numbers for Prometheus, over HTTP.
 *
 *	GET /metrics	the text format, version 0.0.4
 *	GET /healthz	"ok", or with 503 what is wrong (health.h)
 *
 * Nothing else is answered, each connection gets one answer, and whoever is
 * slow is cut off: the port may be reachable by more than the one it is for.
 */
#ifndef MAILFROM_COMMON_METRICS_H
#define MAILFROM_COMMON_METRICS_H

#include "common/report.h"
#include "common/text.h"

/* Connections at once; others wait to be accepted. */
#define METRICS_CLIENTS_MAX 8

/* How long a connection may last. */
#define METRICS_CLIENT_MS 5000

/* Octets of a request. */
#define METRICS_REQUEST_MAX 4096

struct metrics;
struct metrics_writer;

struct metrics_params {
	int fd;             /* a listening socket; passes to the metrics */
	unsigned client_ms; /* 0: METRICS_CLIENT_MS */
	/* Writes all that there is, on the thread of the metrics. */
	void (*write)(void *arg, struct metrics_writer *writer);
	void *arg;
};

/*
 * Start a thread that serves, in which all signals are blocked: after the last
 * fork.  The caller's, for metrics_stop(); NULL, and an error was reported.
 */
struct metrics *metrics_start(
    const struct metrics_params *params, struct report *report);

/* End the thread, whatever it is at.  NULL is fine. */
void metrics_stop(struct metrics *metrics);

/* --- for write() --- */

struct metrics_label {
	const char *name;
	struct mf_text value; /* anything */
};

/*
 * Write one number.  Those of the same name come one after the other, with
 * labels that differ; names (at most 79 octets) and help are words of ours, and
 * a counter's name ends in _total.  label may be NULL.
 */
void metrics_counter(struct metrics_writer *writer, const char *name,
    const char *help, const struct metrics_label *label, uint64_t value);
void metrics_gauge(struct metrics_writer *writer, const char *name,
    const char *help, const struct metrics_label *label, uint64_t value);

#endif
