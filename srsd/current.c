/* SPDX-License-Identifier: ISC */
#include "srsd/current.h"

void
srsd_current_begin(struct srsd_current *current, struct srsd_config *config)
{
	pthread_mutex_init(&current->lock, NULL);
	atomic_init(&current->config, config);
}

void
srsd_current_end(struct srsd_current *current)
{
	srsd_config_release(current->config);
	pthread_mutex_destroy(&current->lock);
}

/* What is freed may have a thread to be waited for: not under the lock. */
void
srsd_current_replace(struct srsd_current *current, struct srsd_config *config)
{
	struct srsd_config *old;

	pthread_mutex_lock(&current->lock);
	old = current->config;
	config->generation = old->generation + 1;
	current->config = config;
	pthread_mutex_unlock(&current->lock);
	srsd_config_release(old);
}

void
srsd_current_take_(struct srsd_current *current, struct srsd_config **held)
{
	struct srsd_config *old = *held;

	pthread_mutex_lock(&current->lock);
	*held = current->config;
	atomic_fetch_add(&(*held)->holders, 1);
	pthread_mutex_unlock(&current->lock);
	srsd_config_release(old);
}
