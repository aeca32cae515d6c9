/* SPDX-License-Identifier: ISC */
/* accept4() and pipe2() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "spfmilter/policyd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/resources.h"
#include "spfmilter/policyd_conn.h"

#define LISTENERS_MAX 16

/* Connections that are accepted before others have their turn. */
#define ACCEPTS_A_TURN 64

/* Checks under way get so long to end, answers so long to be taken. */
#define GRACE_MS 2000
#define END_MS   500
#define STOP_MS  20

#define HOST_SIZE 256

struct policyd {
	struct policyd_conns conns;
	struct spfmilter *service;
	pthread_t thread;
	struct event *listeners[LISTENERS_MAX];
	struct event *tick, *woken, *stop;
	int stop_pipe[2];
	uint64_t stop_ms; /* when it was told to stop */
	struct rarely refusals, no_descriptors;
	uint64_t descriptors_max; /* connections that there are any for */
	bool is_deaf; /* for want of descriptors, until the next tick */
	char host[HOST_SIZE];
};

/* The sockets are open before there is a service. */
static int fds[LISTENERS_MAX];
static size_t fd_count;

static struct policyd *running;

/* --- sockets --- */

static bool
keep_fd(int fd, const struct listen_options *options, struct report *report)
{
	if (fd_count < LISTENERS_MAX) {
		fds[fd_count++] = fd;
		return true;
	}
	report_error(report, options->file, options->line, options->key,
	    "more than %d sockets", LISTENERS_MAX);
	return false;
}

/* Of systemd's, which stand in for those of the file.  False: an error. */
static bool
take_inherited(
    unsigned count, const struct listen_options *options, struct report *report)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(listen_inherited_name(i), POLICYD_FD_NAME) == 0 &&
		    !keep_fd(LISTEN_FIRST_FD + (int)i, options, report))
			return false;
	return true;
}

static bool
open_list(const struct conf_list *list, const struct listen_options *options,
    struct report *report)
{
	for (size_t i = 0; i < list->count; i++) {
		int fd = listen_open_text(list->items[i], options, report);

		if (fd == LISTEN_NOT_NOW)
			continue;
		if (fd < 0 || !keep_fd(fd, options, report))
			return false;
	}
	return true;
}

bool
policyd_open(const struct milter_config *config, unsigned inherited,
    const struct listen_options *all, struct report *report)
{
	const struct spfmilter_config *c =
	    (const struct spfmilter_config *)config;
	struct listen_options options = *all;

	options.key = "policy_listen";
	options.line = milter_config_line(config, options.key);
	return take_inherited(inherited, &options, report) &&
	    (fd_count != 0 ||
		open_list(&c->spfmilter.policy_listen, &options, report));
}

/* --- accepting --- */

static void
hear(struct policyd *p, bool hears)
{
	for (size_t i = 0; i < fd_count; i++)
		if (hears)
			event_add(p->listeners[i], NULL);
		else
			event_del(p->listeners[i]);
	p->is_deaf = !hears;
}

/* Whoever is closed for it asks again, and so does who is turned away. */
static void
take_connection(struct policyd *p, int fd)
{
	bool has_room = true;

	while (p->conns.count >= p->conns.max && has_room)
		has_room = policyd_conns_evict(&p->conns);
	if (!has_room) {
		rarely_count(&p->refusals);
		atomic_fetch_add(&p->conns.metrics->turned_away, 1);
		close(fd);
		return;
	}
	policyd_conn_open(&p->conns, fd);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct policyd *p = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd =
		    accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take_connection(p, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			rarely_count(&p->no_descriptors);
			atomic_fetch_add(&p->conns.metrics->turned_away, 1);
			/* Or the loop would spin. */
			if (!policyd_conns_evict(&p->conns))
				hear(p, false);
		}
		return;
	}
}

/* --- what the loop does besides --- */

static void
take_settings(struct policyd *p)
{
	struct milter_config *config = milter_service_config(&p->service->base);
	const struct spfmilter_settings *s =
	    &((const struct spfmilter_config *)config)->spfmilter;

	p->conns.max = s->policy_max_connections < p->descriptors_max
	    ? s->policy_max_connections
	    : p->descriptors_max;
	p->conns.idle_ms = s->policy_idle_timeout * 1000;
	p->conns.request_ms = s->policy_request_timeout * 1000;
	milter_config_release(config);
}

static void
say_rarely(struct rarely *events, const char *what)
{
	uint64_t count = rarely_due(events, clock_ms());

	if (count != 0)
		log_say(LEVEL_WARNING, "%llu policy %s",
		    (unsigned long long)count, what);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct policyd *p = arg;

	(void)fd;
	(void)what;
	take_settings(p);
	policyd_conns_tick(&p->conns);
	if (p->is_deaf)
		hear(p, true);
	say_rarely(&p->refusals,
	    "connections refused: all places are busy "
	    "(policy_max_connections)");
	say_rarely(&p->no_descriptors,
	    "connections found no file descriptor left (LimitNOFILE=)");
	say_rarely(
	    &p->conns.malformed, "connections closed: malformed request");
	say_rarely(&p->conns.too_early,
	    "requests before MAIL, where nothing can be checked: list "
	    "check_policy_service in smtpd_recipient_restrictions");
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct policyd *p = arg;
	struct handover_item *item;

	(void)fd;
	(void)what;
	handover_woken(&p->conns.handover);
	while ((item = handover_take(&p->conns.handover)) != NULL)
		policyd_conn_resume(item);
}

/* --- the end --- */

static void on_stop(evutil_socket_t fd, short what, void *arg);

static void
stop_again(struct policyd *p)
{
	static const struct timeval pause = {.tv_usec = STOP_MS * 1000};

	event_base_once(p->conns.base, -1, EV_TIMEOUT, on_stop, p, &pause);
}

/* What has arrived by then is read and answered first. */
static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct policyd *p = arg;
	uint64_t now_ms = clock_ms();

	(void)fd;
	(void)what;
	if (p->stop_ms == 0) {
		p->stop_ms = now_ms;
		event_del(p->tick);
		stop_again(p);
		return;
	}
	hear(p, false);
	policyd_conns_finish(&p->conns, now_ms - p->stop_ms >= GRACE_MS);
	if (p->conns.count == 0 || now_ms - p->stop_ms >= GRACE_MS + END_MS)
		event_base_loopbreak(p->conns.base);
	else
		stop_again(p);
}

static void
policyd_free(struct policyd *p)
{
	struct event *events[] = {p->tick, p->woken, p->stop};

	policyd_conns_close(&p->conns);
	for (size_t i = 0; i < fd_count; i++)
		if (p->listeners[i] != NULL)
			event_free(p->listeners[i]);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	handover_end(&p->conns.handover);
	if (p->conns.base != NULL)
		event_base_free(p->conns.base);
	if (p->stop_pipe[0] >= 0) {
		close(p->stop_pipe[0]);
		close(p->stop_pipe[1]);
	}
	free(p);
}

void
policyd_stop(void)
{
	if (running == NULL)
		return;
	(void)!write(running->stop_pipe[1], "", 1);
	pthread_join(running->thread, NULL);
	policyd_free(running);
	running = NULL;
}

/* --- the beginning --- */

static void *
policyd_main(void *arg)
{
	struct policyd *p = arg;

	event_base_dispatch(p->conns.base);
	return NULL;
}

static bool
build(struct policyd *p)
{
	static const struct timeval second = {.tv_sec = 1};
	struct event_base *base = p->conns.base = event_base_new();

	if (!handover_begin(&p->conns.handover) || base == NULL ||
	    pipe2(p->stop_pipe, O_CLOEXEC) < 0)
		return false;
	for (size_t i = 0; i < fd_count; i++) {
		p->listeners[i] =
		    event_new(base, fds[i], EV_READ | EV_PERSIST, on_accept, p);
		if (p->listeners[i] == NULL)
			return false;
	}
	p->tick = event_new(base, -1, EV_PERSIST, on_tick, p);
	p->woken = event_new(
	    base, p->conns.handover.pipe[0], EV_READ | EV_PERSIST, on_woken, p);
	p->stop = event_new(base, p->stop_pipe[0], EV_READ, on_stop, p);
	if (p->tick == NULL || p->woken == NULL || p->stop == NULL ||
	    event_add(p->tick, &second) < 0 || event_add(p->woken, NULL) < 0 ||
	    event_add(p->stop, NULL) < 0)
		return false;
	hear(p, true);
	return true;
}

static struct policyd *
policyd_new(struct spfmilter *service)
{
	struct policyd *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->stop_pipe[0] = -1;
	p->service = service;
	if (gethostname(p->host, sizeof(p->host) - 1) < 0)
		p->host[0] = '\0';
	p->conns.context = (struct policyd_context){.service = service,
	    .host = mf_text_of(p->host[0] != '\0' ? p->host : "localhost"),
	    .woken = policyd_conn_hand_over};
	p->descriptors_max = resources_descriptors_for_clients();
	p->conns.metrics = &service->metrics.policyd;
	TAILQ_INIT(&p->conns.list);
	take_settings(p);
	return p;
}

bool
policyd_start(struct milter_service *service, struct report *report)
{
	struct policyd *p;

	if (fd_count == 0)
		return true;
	p = policyd_new((struct spfmilter *)service);
	if (p != NULL && build(p) &&
	    pthread_create(&p->thread, NULL, policyd_main, p) == 0) {
		running = p;
		log_say(LEVEL_INFO,
		    "policy service started, listening on %zu sockets",
		    fd_count);
		return true;
	}
	report_error(report, NULL, 0, "policy_listen", "cannot start: %s",
	    strerror(errno));
	if (p != NULL)
		policyd_free(p);
	return false;
}
