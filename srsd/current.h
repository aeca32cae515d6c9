/* SPDX-License-Identifier: ISC */
/*
 * The configuration in force, shared by threads.  Each holds the one that it
 * serves by until it looks for a newer; the last to let one go frees it.
 */
#ifndef MAILFROM_SRSD_CURRENT_H
#define MAILFROM_SRSD_CURRENT_H

#include <pthread.h>

#include "srsd/config.h"

struct srsd_current {
	pthread_mutex_t lock;
	_Atomic(struct srsd_config *) config; /* changed under lock */
};

/* config, which passes to current, is in force from now on. */
void srsd_current_begin(
    struct srsd_current *current, struct srsd_config *config);
void srsd_current_replace(
    struct srsd_current *current, struct srsd_config *config);
void srsd_current_end(struct srsd_current *current);

void srsd_current_take_(
    struct srsd_current *current, struct srsd_config **held);

/*
 * Hold the configuration in force instead of *held (NULL: none yet), to be
 * given back to srsd_config_release().
 */
static inline void
srsd_current_take(struct srsd_current *current, struct srsd_config **held)
{
	if (*held != atomic_load(&current->config))
		srsd_current_take_(current, held);
}

#endif
