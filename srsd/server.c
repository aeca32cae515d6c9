/* SPDX-License-Identifier: ISC */
#include "srsd/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/resources.h"
#include "srsd/metrics.h"

struct server {
	struct workers_shared shared;
	unsigned started;
	struct worker *workers[SRSD_WORKERS_MAX];
	struct srsd_metrics figures;
	struct metrics *metrics; /* NULL: not wanted */
	/*
	 * Of the configuration before, held until the next tick: its end may
	 * take a while, and isn't to hold up a worker.
	 */
	struct store *retired;
};

static void
warn_of_limit(const struct server *s, const struct srsd_config *config)
{
	uint64_t limit = workers_limit(&s->shared, config);

	if (limit < config->srsd.max_connections)
		log_say(LEVEL_WARNING,
		    "max_connections = %llu, but the limit of open files "
		    "leaves %llu; raise LimitNOFILE= of the unit",
		    (unsigned long long)config->srsd.max_connections,
		    (unsigned long long)limit);
}

static bool
start_metrics(struct server *s, int fd, struct report *report)
{
	s->figures = (struct srsd_metrics){&s->shared, s->workers, s->started};
	if (fd < 0)
		return true;
	s->metrics = metrics_start(
	    &(struct metrics_params){
		.fd = fd, .write = srsd_metrics_write, .arg = &s->figures},
	    report);
	return s->metrics != NULL;
}

/* --- what clients do is told once a minute --- */

static void
say_holder(char *out, size_t size, const struct holder *who,
    const struct sockets *sockets)
{
	if (who->is_user)
		snprintf(out, size, "uid %lu", who->id);
	else
		snprintf(out, size, "%s", sockets->list[who->id].name);
}

static void
say_of_places(struct server *s, struct rarely *events, const char *what)
{
	uint64_t count = rarely_due(events, clock_ms());
	char who[LISTENER_NAME_SIZE];
	struct holder largest;
	size_t held;

	if (count == 0)
		return;
	who[0] = '\0';
	if (holders_largest(&s->shared.holders, &largest, &held))
		say_holder(who, sizeof(who), &largest, s->shared.sockets);
	log_say(LEVEL_WARNING, "%llu %s; most are held by %s: %zu of %llu",
	    (unsigned long long)count, what, who, held,
	    (unsigned long long)workers_limit(&s->shared, server_config(s)));
}

void
server_tick(struct server *s)
{
	resources_probe();
	store_release(s->retired);
	s->retired = NULL;
	say_of_places(s, &s->shared.evictions,
	    "connections closed to let others in (max_connections)");
	say_of_places(s, &s->shared.refusals,
	    "connections refused: all places are busy (max_connections)");
	say_of_places(s, &s->shared.no_descriptors,
	    "connections found no file descriptor left (LimitNOFILE=)");
}

/* --- beginning and end --- */

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
	s->shared.descriptors_max = resources_descriptors_for_clients();
	holders_begin(&s->shared.holders);
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
	if (!start_metrics(s, sockets->metrics_fd, report)) {
		server_stop(s);
		return NULL;
	}
	warn_of_limit(s, config);
	return s;
}

void
server_reload(struct server *s, struct srsd_config *config)
{
	struct store *store = server_config(s)->store;

	store_release(s->retired);
	s->retired =
	    store != NULL && store != config->store ? store_hold(store) : NULL;
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
	metrics_stop(s->metrics);
	for (unsigned i = 0; i < s->started; i++)
		worker_stop(s->workers[i]);
	for (unsigned i = 0; i < s->started; i++)
		worker_end(s->workers[i]);
	store_release(s->retired);
	shared_place_free(&s->shared.config);
	holders_end(&s->shared.holders);
	free(s);
}
