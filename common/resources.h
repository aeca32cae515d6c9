/* SPDX-License-Identifier: ISC */
/*
 * Threads and descriptors of this process: how many it has, and whether it
 * could have one more.  Libraries that fail to get one don't tell us.
 */
#ifndef MAILFROM_COMMON_RESOURCES_H
#define MAILFROM_COMMON_RESOURCES_H

#include "common/metrics.h"

/*
 * Try for a thread, as large as others are by default, and a descriptor.  What
 * can't be had is counted, logged at most once a minute, and seen in health.h.
 * For one thread, every few seconds.
 */
void resources_probe(void);

/* Descriptors that this process may have open; UINT64_MAX: any number. */
uint64_t resources_descriptors_max(void);

/* The same without those for all but clients. */
uint64_t resources_descriptors_for_clients(void);

/*
 * Write process_threads, process_open_fds, process_max_fds, and what
 * resources_probe() and health.h know.
 */
void resources_write_metrics(struct metrics_writer *writer);

#endif
