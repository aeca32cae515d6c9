/* SPDX-License-Identifier: ISC */
#include "srsd/server.h"

#include <errno.h>
#include <stdlib.h>

#include "srsd/worker.h"

struct server {
	struct workers_shared shared;
	unsigned started;
	struct worker *workers[SRSD_WORKERS_MAX];
};

struct server *
server_start(const struct sockets *sockets, unsigned workers,
    struct srsd_config *config, struct report *report)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL ||
	    !message_ids_begin(&s->shared.message_ids, MESSAGE_ID_SRSD)) {
		report_error(
		    report, NULL, 0, NULL, "cannot start: %s", strerror(errno));
		srsd_config_release(config);
		free(s);
		return NULL;
	}
	s->shared.sockets = sockets;
	s->shared.worker_count = workers;
	shared_place_init(&s->shared.config, &config->shared);
	while (s->started < workers) {
		struct worker *w = worker_new(&s->shared);

		if (w == NULL) {
			report_error(report, NULL, 0, "workers",
			    "cannot make thread %u", s->started + 1);
			server_stop(s);
			return NULL;
		}
		s->workers[s->started++] = w;
	}
	return s;
}

void
server_reload(struct server *s, struct srsd_config *config)
{
	shared_replace(&s->shared.config, &config->shared);
}

struct srsd_config *
server_config(struct server *s)
{
	return (struct srsd_config *)atomic_load(&s->shared.config.now);
}

void
server_stop(struct server *s)
{
	for (unsigned i = 0; i < s->started; i++)
		worker_stop(s->workers[i]);
	for (unsigned i = 0; i < s->started; i++)
		worker_end(s->workers[i]);
	shared_place_free(&s->shared.config);
	free(s);
}
