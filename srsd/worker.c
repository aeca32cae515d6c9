/* SPDX-License-Identifier: ISC */
/*
 * A worker thread: an event loop with its share of the connections, and all
 * listeners.
 */
/* accept4() and pipe2() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "srsd/server_.h"

/* How long clients are waited for at the end. */
#define STOP_SEC 5

/* --- the loop --- */

static void
worker_accept(struct worker *w, bool accepting)
{
	w->paused = !accepting;
	for (size_t i = 0; i < w->server->listener_count; i++) {
		if (accepting)
			event_add(w->accepting[i], NULL);
		else
			event_del(w->accepting[i]);
	}
}

static bool
worker_is_full(const struct worker *w)
{
	uint64_t limit = w->config->config->srsd.max_connections;

	return w->conn_count * w->server->worker_count >= limit;
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
	enum protocol protocol = PROTOCOL_SOCKETMAP;
	int fd;

	(void)what;
	worker_take_config_(w);
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
	for (size_t i = 0; i < w->server->listener_count; i++)
		if (w->server->listeners[i].fd == listen_fd)
			protocol = w->server->listeners[i].protocol;
	if (!conn_open_(w, fd, protocol))
		close(fd);
}

static void
update_clock(struct worker *w)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	w->now = now.tv_sec;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	update_clock(w);
	worker_take_config_(w);
	conns_expire_(w);
	if (w->stopping) {
		if (LIST_EMPTY(&w->conns) || w->now >= w->stop_at)
			event_base_loopbreak(w->base);
	} else if (w->paused && !worker_is_full(w))
		worker_accept(w, true);
}

static void
on_answered(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	char octets[64];

	(void)what;
	while (read(fd, octets, sizeof(octets)) > 0)
		;
	worker_take_config_(w);
	conns_resume_(w);
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
	w->stopping = true;
	w->stop_at = w->now + STOP_SEC;
	conns_finish_(w);
	if (LIST_EMPTY(&w->conns))
		event_base_loopbreak(w->base);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	while (!LIST_EMPTY(&w->conns))
		conn_close_(LIST_FIRST(&w->conns));
	return NULL;
}

/* --- making and ending --- */

static void
close_pipe(const int fds[2])
{
	if (fds[0] < 0)
		return;
	close(fds[0]);
	close(fds[1]);
}

void
worker_free_(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->accepting != NULL)
		for (size_t i = 0; i < w->server->listener_count; i++)
			if (w->accepting[i] != NULL)
				event_free(w->accepting[i]);
	free(w->accepting);
	if (w->tick != NULL)
		event_free(w->tick);
	if (w->stop != NULL)
		event_free(w->stop);
	if (w->answering != NULL)
		event_free(w->answering);
	if (w->base != NULL)
		event_base_free(w->base);
	close_pipe(w->stop_pipe);
	close_pipe(w->answered_pipe);
	pthread_mutex_destroy(&w->answered_lock);
	shared_config_release_(w->server, w->config);
	free(w);
}

static bool
worker_build(struct worker *w)
{
	struct server *s = w->server;
	struct timeval second = {.tv_sec = 1};

	w->base = event_base_new();
	w->accepting = calloc(s->listener_count, sizeof(*w->accepting));
	if (w->base == NULL || w->accepting == NULL ||
	    pipe2(w->stop_pipe, O_CLOEXEC) < 0 ||
	    pipe2(w->answered_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	for (size_t i = 0; i < s->listener_count; i++) {
		w->accepting[i] = event_new(w->base, s->listeners[i].fd,
		    EV_READ | EV_PERSIST, on_accept, w);
		if (w->accepting[i] == NULL)
			return false;
	}
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->stop = event_new(w->base, w->stop_pipe[0], EV_READ, on_stop, w);
	w->answering = event_new(
	    w->base, w->answered_pipe[0], EV_READ | EV_PERSIST, on_answered, w);
	if (w->tick == NULL || w->stop == NULL || w->answering == NULL ||
	    event_add(w->tick, &second) < 0 || event_add(w->stop, NULL) < 0 ||
	    event_add(w->answering, NULL) < 0)
		return false;
	worker_accept(w, true);
	return true;
}

struct worker *
worker_new_(struct server *s)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->server = s;
	w->stop_pipe[0] = w->answered_pipe[0] = -1;
	pthread_mutex_init(&w->answered_lock, NULL);
	STAILQ_INIT(&w->answered);
	LIST_INIT(&w->conns);
	update_clock(w);
	worker_take_config_(w);
	if (worker_build(w) &&
	    pthread_create(&w->thread, NULL, worker_main, w) == 0)
		return w;
	worker_free_(w);
	return NULL;
}
