/* SPDX-License-Identifier: ISC */
/* accept4() and pipe2() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "srsd/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "srsd/conn.h"

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
	bool paused;    /* not accepting */
	time_t stop_at; /* 0: not stopping */
	struct conns conns;
};

/* --- the loop --- */

static void
worker_accept(struct worker *w, bool accepting)
{
	w->paused = !accepting;
	for (size_t i = 0; i < w->shared->sockets->count; i++) {
		if (accepting)
			event_add(w->accepting[i], NULL);
		else
			event_del(w->accepting[i]);
	}
}

static bool
worker_is_full(const struct worker *w)
{
	uint64_t limit = w->conns.config->srsd.max_connections;

	return w->conns.count * w->shared->worker_count >= limit;
}

static enum protocol
protocol_of(const struct sockets *sockets, int fd)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->list[i].fd == fd)
			return sockets->list[i].protocol;
	return PROTOCOL_SOCKETMAP;
}

/*
 * One connection a turn, so that the other workers, who were woken too, get
 * theirs.  Out of descriptors or at the limit, clients wait in the backlog
 * until the next tick.
 */
static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct worker *w = arg;
	int fd;

	(void)what;
	srsd_config_refresh(&w->shared->config, &w->conns.config);
	if (worker_is_full(w)) {
		worker_accept(w, false);
		return;
	}
	fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			log_say(LEVEL_ERROR, "accept: %s", strerror(errno));
			worker_accept(w, false);
		}
		return;
	}
	if (!conns_open(
		&w->conns, fd, protocol_of(w->shared->sockets, listen_fd)))
		close(fd);
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
	conns_expire(&w->conns);
	if (w->stop_at != 0) {
		if (w->conns.count == 0 || w->conns.now >= w->stop_at)
			event_base_loopbreak(w->base);
	} else if (w->paused && !worker_is_full(w))
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

void
worker_end(struct worker *w)
{
	pthread_join(w->thread, NULL);
	worker_free(w);
}
