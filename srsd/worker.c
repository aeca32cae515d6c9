/* SPDX-License-Identifier: ISC */
/* accept4() and pipe2() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "srsd/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/listen.h"
#include "srsd/conns.h"
#include "srsd/places.h"

/* How long clients are waited for at the end. */
#define STOP_SEC 5

struct worker {
	struct workers_shared *shared;
	pthread_t thread;
	struct event_base *base;
	struct event *accepting[SOCKETS_MAX]; /* one for each listener */
	struct event *tick;
	struct event *stop;
	int stop_pipe[2];
	bool paused;    /* a listener isn't accepted from */
	time_t stop_at; /* 0: not stopping */
	struct conns conns;
};

/* --- the loop --- */

static void
worker_accept(struct worker *w, bool accepting)
{
	w->paused = false;
	for (size_t i = 0; i < w->shared->sockets->count; i++) {
		if (accepting)
			event_add(w->accepting[i], NULL);
		else
			event_del(w->accepting[i]);
	}
}

/* Until the next tick. */
static void
worker_pause(struct worker *w, unsigned listener)
{
	event_del(w->accepting[listener]);
	w->paused = true;
}

uint64_t
workers_limit(
    const struct workers_shared *shared, const struct srsd_config *config)
{
	uint64_t limit = config->srsd.max_connections;

	return limit < shared->descriptors_max ? limit
					       : shared->descriptors_max;
}

static uint64_t
worker_limit(const struct worker *w)
{
	return workers_limit(w->shared, w->conns.config);
}

static unsigned
listener_of(const struct sockets *sockets, int fd)
{
	for (unsigned i = 0; i < sockets->count; i++)
		if (sockets->list[i].fd == fd)
			return i;
	return 0;
}

/*
 * Whether somebody would give way to another connection.  Who will connect to a
 * unix socket isn't known yet: it may be one with a claim to a place of those
 * who are busy.
 */
static bool
worker_finds_place(struct worker *w, unsigned listener)
{
	struct holders *holders = &w->shared->holders;
	struct holder who = {.id = listener};
	struct holders_view view;
	unsigned place;
	bool has_claim;

	if (holders_total(holders) < worker_limit(w))
		return true;
	place = holders_find(holders, &who);
	holders_look(holders, &view);
	has_claim = w->shared->sockets->list[listener].is_unix ||
	    place == HOLDER_NONE || view.counts[place] < view.most;
	return places_find_loser(&w->conns, has_claim) != NULL;
}

/* The connection has its place; if that is one too many, somebody loses his. */
static bool
worker_make_place(struct worker *w, const struct conn_params *params)
{
	struct holders_view view;
	struct conn *loser;

	holders_look(&w->shared->holders, &view);
	if (view.total <= worker_limit(w))
		return true;
	loser = places_find_loser(
	    &w->conns, view.counts[params->holder] < view.most);
	if (loser == NULL)
		return false;
	places_evict(loser);
	rarely_count(&w->shared->evictions);
	return true;
}

static void
worker_serve(struct worker *w, int fd, unsigned listener)
{
	const struct listener *l = &w->shared->sockets->list[listener];
	struct listener_counts *counts = &w->shared->listeners[listener];
	struct conn_params params = {
	    .fd = fd, .listener = listener, .protocol = l->protocol};
	struct holder who = {.id = listener};
	uid_t uid;

	if (l->is_unix && listen_peer_uid(fd, &uid))
		who = (struct holder){.is_user = true, .id = uid};
	params.holder = holders_enter(&w->shared->holders, &who);
	atomic_fetch_add(&counts->accepted, 1);
	if (worker_make_place(w, &params) && conns_open(&w->conns, &params))
		return;
	holders_leave(&w->shared->holders, params.holder);
	close(fd);
	atomic_fetch_add(&counts->refused, 1);
	rarely_count(&w->shared->refusals);
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	    error == ENOMEM;
}

/*
 * There is no descriptor: an idle connection gives up its own.  Without one the
 * clients wait in the backlog until the next tick.
 */
static void
worker_run_short(struct worker *w, unsigned listener)
{
	struct conn *loser = places_find_loser(&w->conns, false);

	rarely_count(&w->shared->no_descriptors);
	if (loser != NULL)
		places_evict(loser);
	else
		worker_pause(w, listener);
}

/*
 * One connection a turn, so that the other workers, who were woken too, get
 * theirs.  Where nobody gives way, clients wait in the backlog until the next
 * tick, or another worker finds a place for them.
 */
static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct worker *w = arg;
	unsigned listener = listener_of(w->shared->sockets, listen_fd);
	int fd;

	(void)what;
	srsd_config_refresh(&w->shared->config, &w->conns.config);
	if (!worker_finds_place(w, listener)) {
		worker_pause(w, listener);
		return;
	}
	fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		worker_serve(w, fd, listener);
	else if (is_shortage(errno))
		worker_run_short(w, listener);
}

static void
update_clock(struct worker *w)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	w->conns.now = now.tv_sec;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	update_clock(w);
	srsd_config_refresh(&w->shared->config, &w->conns.config);
	places_expire(&w->conns);
	if (w->stop_at != 0) {
		if (w->conns.count == 0 || w->conns.now >= w->stop_at)
			event_base_loopbreak(w->base);
	} else if (w->paused)
		worker_accept(w, true);
}

/* Answer what has arrived, then close whoever isn't still taking answers. */
static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	event_del(w->stop);
	worker_accept(w, false);
	update_clock(w);
	w->stop_at = w->conns.now + STOP_SEC;
	conns_finish(&w->conns);
	if (w->conns.count == 0)
		event_base_loopbreak(w->base);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* --- making and ending --- */

static void
worker_free(struct worker *w)
{
	conns_end(&w->conns);
	for (size_t i = 0; i < w->shared->sockets->count; i++)
		if (w->accepting[i] != NULL)
			event_free(w->accepting[i]);
	if (w->tick != NULL)
		event_free(w->tick);
	if (w->stop != NULL)
		event_free(w->stop);
	event_base_free(w->base);
	if (w->stop_pipe[0] >= 0) {
		close(w->stop_pipe[0]);
		close(w->stop_pipe[1]);
	}
	free(w);
}

static bool
worker_build(struct worker *w)
{
	const struct sockets *sockets = w->shared->sockets;
	struct timeval second = {.tv_sec = 1};

	if (!conns_begin(&w->conns) || pipe2(w->stop_pipe, O_CLOEXEC) < 0)
		return false;
	for (size_t i = 0; i < sockets->count; i++) {
		w->accepting[i] = event_new(w->base, sockets->list[i].fd,
		    EV_READ | EV_PERSIST, on_accept, w);
		if (w->accepting[i] == NULL)
			return false;
	}
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->stop = event_new(w->base, w->stop_pipe[0], EV_READ, on_stop, w);
	if (w->tick == NULL || w->stop == NULL ||
	    event_add(w->tick, &second) < 0 || event_add(w->stop, NULL) < 0)
		return false;
	worker_accept(w, true);
	return true;
}

struct worker *
worker_new(struct workers_shared *shared)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->shared = shared;
	w->base = event_base_new();
	if (w->base == NULL) {
		free(w);
		return NULL;
	}
	w->stop_pipe[0] = -1;
	w->conns.base = w->base;
	w->conns.current = &shared->config;
	w->conns.message_ids = &shared->message_ids;
	w->conns.holders = &shared->holders;
	w->conns.listeners = shared->listeners;
	update_clock(w);
	if (worker_build(w) &&
	    pthread_create(&w->thread, NULL, worker_main, w) == 0)
		return w;
	worker_free(w);
	return NULL;
}

void
worker_stop(struct worker *w)
{
	(void)!write(w->stop_pipe[1], "", 1);
}

struct srsd_counts *
worker_counts(struct worker *w)
{
	return &w->conns.counts;
}

void
worker_end(struct worker *w)
{
	pthread_join(w->thread, NULL);
	worker_free(w);
}
