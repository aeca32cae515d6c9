/* SPDX-License-Identifier: ISC */
/*
 * What srsd tells Prometheus.
 */
#ifndef MAILFROM_SRSD_METRICS_H
#define MAILFROM_SRSD_METRICS_H

#include "common/metrics.h"
#include "srsd/worker.h"

/* The workers, while they live. */
struct srsd_metrics {
	struct workers_shared *shared;
	struct worker *const *workers;
	unsigned count;
};

/* Any thread; for metrics_start(). */
void srsd_metrics_write(void *arg, struct metrics_writer *writer);

#endif
