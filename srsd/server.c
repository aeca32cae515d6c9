/* SPDX-License-Identifier: ISC */
#include "srsd/server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "srsd/server_.h"

/* --- configuration --- */

static struct shared_config *
config_share(struct config *config)
{
	struct shared_config *shared = calloc(1, sizeof(*shared));

	if (shared != NULL)
		*shared = (struct shared_config){config, 1};
	return shared;
}

/* What is freed may have a thread to be waited for. */
void
shared_config_release_(struct server *s, struct shared_config *shared)
{
	bool is_last;

	if (shared == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	is_last = --shared->holders == 0;
	pthread_mutex_unlock(&s->lock);
	if (!is_last)
		return;
	config_free(shared->config);
	free(shared);
}

void
worker_take_config_(struct worker *w)
{
	struct server *s = w->server;
	struct shared_config *old = w->config;

	if (w->generation == atomic_load(&s->generation))
		return;
	pthread_mutex_lock(&s->lock);
	w->config = s->config;
	w->config->holders++;
	w->generation = atomic_load(&s->generation);
	pthread_mutex_unlock(&s->lock);
	shared_config_release_(s, old);
}

void
server_reload(struct server *s, struct config *config)
{
	struct shared_config *shared = config_share(config), *old;

	if (shared == NULL) {
		log_say(LEVEL_ERROR,
		    "out of memory: the old configuration "
		    "stays in force");
		config_free(config);
		return;
	}
	pthread_mutex_lock(&s->lock);
	old = s->config;
	s->config = shared;
	atomic_fetch_add(&s->generation, 1);
	pthread_mutex_unlock(&s->lock);
	shared_config_release_(s, old);
}

struct config *
server_config(struct server *s)
{
	return s->config->config;
}

/* --- threads --- */

static void
server_free(struct server *s)
{
	shared_config_release_(s, s->config);
	pthread_mutex_destroy(&s->lock);
	free(s->workers);
	free(s);
}

/* A server without threads; config passes to it, or is freed. */
static struct server *
server_new(const struct listener *listeners, size_t count, unsigned workers,
    struct config *config)
{
	struct server *s = calloc(1, sizeof(*s));
	struct shared_config *shared = config_share(config);
	struct worker **slots = calloc(workers, sizeof(*slots));

	if (s == NULL || shared == NULL || slots == NULL ||
	    !message_ids_begin(&s->message_ids, MESSAGE_ID_SRSD)) {
		config_free(config);
		free(s);
		free(shared);
		free(slots);
		return NULL;
	}
	s->listeners = listeners;
	s->listener_count = count;
	s->worker_count = workers;
	s->workers = slots;
	s->config = shared;
	pthread_mutex_init(&s->lock, NULL);
	atomic_init(&s->generation, 1);
	return s;
}

struct server *
server_start(const struct listener *listeners, size_t count, unsigned workers,
    struct config *config, struct report *report)
{
	struct server *s = server_new(listeners, count, workers, config);

	if (s == NULL) {
		report_error(
		    report, NULL, 0, NULL, "cannot start: %s", strerror(errno));
		return NULL;
	}
	while (s->workers_started < workers) {
		struct worker *w = worker_new_(s);

		if (w == NULL) {
			report_error(report, NULL, 0, "workers",
			    "cannot make thread %u", s->workers_started + 1);
			server_stop(s);
			return NULL;
		}
		s->workers[s->workers_started++] = w;
	}
	return s;
}

void
server_stop(struct server *s)
{
	for (unsigned i = 0; i < s->workers_started; i++)
		(void)!write(s->workers[i]->stop_pipe[1], "", 1);
	for (unsigned i = 0; i < s->workers_started; i++) {
		pthread_join(s->workers[i]->thread, NULL);
		worker_free_(s->workers[i]);
	}
	server_free(s);
}
