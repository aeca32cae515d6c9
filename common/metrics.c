/* SPDX-License-Identifier: ISC */
/*
 * The numbers, by libevent's evhttp.
 *
 * evhttp limits what a request may hold, but neither how many connections there
 * are nor how long one may dribble: its timeouts begin anew with each octet.
 * So we hold on to the bufferevent of each connection, see by its callbacks
 * when evhttp has let go of it, and stop accepting while all places are taken.
 */
#include "common/metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health.h"

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* How soon it is seen that a connection is over, or lasts too long. */
#define SWEEP_MS 50

/* Octets of a name. */
#define NAME_SIZE 80

struct metrics_writer {
	struct evbuffer *out;
	char name[NAME_SIZE]; /* of the number before; "": none */
	bool failed;
};

struct metrics_client {
	struct bufferevent *bev; /* NULL: the place is free */
	uint64_t until_ms;
};

struct metrics {
	struct metrics_params params;
	pthread_t thread;
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *listener;
	struct event *sweep, *stop;
	int stop_pipe[2];
	struct metrics_client clients[METRICS_CLIENTS_MAX];
};

/* --- the text format --- */

static void
put(struct metrics_writer *w, struct mf_text t)
{
	if (evbuffer_add(w->out, t.p, t.len) < 0)
		w->failed = true;
}

static void
put_uint(struct metrics_writer *w, uint64_t n)
{
	char digits[20];
	struct text_out out = text_out(digits, sizeof(digits));

	out_uint(&out, n);
	put(w, out_view(&out));
}

/* Only three octets are escaped; what isn't UTF-8 must not get in. */
static void
put_label_value(struct metrics_writer *w, struct mf_text value)
{
	while (value.len != 0) {
		size_t len =
		    (unsigned char)value.p[0] < 0x80 ? 1 : text_utf8_len(value);

		if (value.p[0] == '\n')
			put(w, MF_TEXT("\\n"));
		else if (value.p[0] == '\\' || value.p[0] == '"') {
			put(w, MF_TEXT("\\"));
			put(w, text_head(value, 1));
		} else
			put(w, len == 0 ? MF_TEXT("?") : text_head(value, len));
		value = text_from(value, len == 0 ? 1 : len);
	}
}

static void
put_line(struct metrics_writer *w, const char *kind, const char *name,
    const char *text)
{
	put(w, mf_text_of(kind));
	put(w, mf_text_of(name));
	put(w, MF_TEXT(" "));
	put(w, mf_text_of(text));
	put(w, MF_TEXT("\n"));
}

static void
put_number(struct metrics_writer *w, const char *type, const char *name,
    const char *help, const struct metrics_label *label, uint64_t value)
{
	if (strcmp(w->name, name) != 0) {
		put_line(w, "# HELP ", name, help);
		put_line(w, "# TYPE ", name, type);
		snprintf(w->name, sizeof(w->name), "%s", name);
	}
	put(w, mf_text_of(name));
	if (label != NULL) {
		put(w, MF_TEXT("{"));
		put(w, mf_text_of(label->name));
		put(w, MF_TEXT("=\""));
		put_label_value(w, label->value);
		put(w, MF_TEXT("\"}"));
	}
	put(w, MF_TEXT(" "));
	put_uint(w, value);
	put(w, MF_TEXT("\n"));
}

void
metrics_counter(struct metrics_writer *w, const char *name, const char *help,
    const struct metrics_label *label, uint64_t value)
{
	put_number(w, "counter", name, help, label, value);
}

void
metrics_gauge(struct metrics_writer *w, const char *name, const char *help,
    const struct metrics_label *label, uint64_t value)
{
	put_number(w, "gauge", name, help, label, value);
}

/* --- connections --- */

static bool
is_let_go_of(struct bufferevent *bev)
{
	bufferevent_data_cb read_cb, write_cb;
	bufferevent_event_cb event_cb;

	bufferevent_getcb(bev, &read_cb, &write_cb, &event_cb, NULL);
	return read_cb == NULL && write_cb == NULL && event_cb == NULL;
}

static void
sweep_later(struct metrics *m)
{
	static const struct timeval later = {.tv_usec = SWEEP_MS * 1000};

	event_add(m->sweep, &later);
}

/* Give up what is over, and cut off what lasts too long. */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *m = arg;
	uint64_t now = clock_ms();
	size_t taken = 0;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		struct metrics_client *c = &m->clients[i];

		if (c->bev != NULL && is_let_go_of(c->bev)) {
			bufferevent_decref(c->bev);
			c->bev = NULL;
		} else if (c->bev != NULL && now >= c->until_ms)
			/* evhttp sees the end of it, and lets go. */
			shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
		taken += c->bev != NULL;
	}
	if (taken != 0)
		sweep_later(m);
	if (taken < METRICS_CLIENTS_MAX)
		evconnlistener_enable(m->listener);
}

/* evhttp has accepted a connection and wants a bufferevent for it. */
static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct metrics *m = arg;
	struct bufferevent *bev =
	    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	size_t place = METRICS_CLIENTS_MAX, taken = 0;

	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++) {
		if (m->clients[i].bev == NULL)
			place = i;
		else
			taken++;
	}
	if (bev != NULL && place < METRICS_CLIENTS_MAX) {
		bufferevent_incref(bev);
		m->clients[place] = (struct metrics_client){
		    bev, clock_ms() + m->params.client_ms};
		taken++;
		sweep_later(m);
	}
	if (taken == METRICS_CLIENTS_MAX)
		evconnlistener_disable(m->listener);
	return bev;
}

/* Those that this thread serves; the argument of the callback is evhttp's. */
static _Thread_local struct metrics *served;

/*
 * No descriptor is left.  libevent would try again at once, and say so on
 * stderr each time, a million lines a second.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	evconnlistener_disable(listener);
	sweep_later(served);
}

static void
on_close(struct evhttp_connection *connection, void *arg)
{
	struct metrics *m = arg;

	(void)connection;
	event_active(m->sweep, EV_TIMEOUT, 0);
}

/* --- requests --- */

static void
answer(struct metrics *m, struct evhttp_request *request, int code,
    const char *reason, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

	evhttp_connection_set_closecb(
	    evhttp_request_get_connection(request), on_close, m);
	evhttp_add_header(headers, "Content-Type", CONTENT_TYPE);
	evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply(request, code, reason, body);
}

static void
on_metrics(struct evhttp_request *request, void *arg)
{
	struct metrics *m = arg;
	struct metrics_writer w = {.out = evbuffer_new()};

	if (w.out != NULL)
		m->params.write(m->params.arg, &w);
	if (w.out == NULL || w.failed)
		answer(m, request, HTTP_INTERNAL, "Out of memory", NULL);
	else
		answer(m, request, HTTP_OK, "OK", w.out);
	if (w.out != NULL)
		evbuffer_free(w.out);
}

static void
on_healthz(struct evhttp_request *request, void *arg)
{
	struct evbuffer *body = evbuffer_new();
	bool wrong = false;

	for (unsigned i = 0; i < HEALTH_TROUBLES; i++) {
		if (!health_is_wrong((enum health_trouble)i))
			continue;
		wrong = true;
		if (body != NULL)
			evbuffer_add_printf(
			    body, "%s\n", health_text((enum health_trouble)i));
	}
	if (!wrong && body != NULL)
		evbuffer_add(body, "ok\n", 3);
	if (wrong)
		answer(arg, request, HTTP_SERVUNAVAIL, "Service Unavailable",
		    body);
	else
		answer(arg, request, HTTP_OK, "OK", body);
	if (body != NULL)
		evbuffer_free(body);
}

static void
on_other(struct evhttp_request *request, void *arg)
{
	answer(arg, request, HTTP_NOTFOUND, "Not Found", NULL);
}

/* --- the thread --- */

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void *
thread_main(void *arg)
{
	struct metrics *m = arg;

	served = m;
	event_base_loop(m->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static bool
start_http(struct metrics *m)
{
	struct evhttp_bound_socket *bound;

	if (fcntl(m->params.fd, F_GETFD) < 0)
		return false;
	m->http = evhttp_new(m->base);
	if (m->http == NULL)
		return false;
	evhttp_set_allowed_methods(m->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(m->http, METRICS_REQUEST_MAX);
	evhttp_set_max_body_size(m->http, 0);
	evhttp_set_timeout(m->http, METRICS_CLIENT_MS / 1000);
	evhttp_set_bevcb(m->http, on_connection, m);
	evhttp_set_gencb(m->http, on_other, m);
	if (evhttp_set_cb(m->http, "/metrics", on_metrics, m) != 0 ||
	    evhttp_set_cb(m->http, "/healthz", on_healthz, m) != 0)
		return false;
	bound = evhttp_accept_socket_with_handle(m->http, m->params.fd);
	if (bound == NULL)
		return false;
	m->params.fd = -1; /* evhttp closes it */
	m->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(m->listener, on_accept_error);
	return true;
}

static bool
start_events(struct metrics *m)
{
	if (pipe(m->stop_pipe) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		fcntl(m->stop_pipe[i], F_SETFD, FD_CLOEXEC);
	m->stop =
	    event_new(m->base, m->stop_pipe[0], EV_READ, on_stop, m->base);
	m->sweep = event_new(m->base, -1, 0, on_sweep, m);
	return m->stop != NULL && m->sweep != NULL &&
	    event_add(m->stop, NULL) == 0;
}

static bool
start_thread(struct metrics *m)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	errno = pthread_create(&m->thread, NULL, thread_main, m);
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return error == 0;
}

static void
metrics_free(struct metrics *m)
{
	for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
		if (m->clients[i].bev != NULL)
			bufferevent_decref(m->clients[i].bev);
	if (m->http != NULL)
		evhttp_free(m->http);
	if (m->params.fd >= 0)
		close(m->params.fd);
	if (m->sweep != NULL)
		event_free(m->sweep);
	if (m->stop != NULL)
		event_free(m->stop);
	if (m->base != NULL)
		event_base_free(m->base);
	for (int i = 0; i < 2; i++)
		if (m->stop_pipe[i] >= 0)
			close(m->stop_pipe[i]);
	free(m);
}

struct metrics *
metrics_start(const struct metrics_params *params, struct report *report)
{
	struct metrics *m = calloc(1, sizeof(*m));

	errno = ENOMEM;
	if (m == NULL) {
		close(params->fd);
		report_error(report, NULL, 0, "metrics", "out of memory");
		return NULL;
	}
	m->params = *params;
	if (m->params.client_ms == 0)
		m->params.client_ms = METRICS_CLIENT_MS;
	m->stop_pipe[0] = m->stop_pipe[1] = -1;
	m->base = event_base_new();
	if (m->base != NULL && start_http(m) && start_events(m) &&
	    start_thread(m))
		return m;
	report_error(
	    report, NULL, 0, "metrics", "cannot serve: %s", strerror(errno));
	metrics_free(m);
	return NULL;
}

void
metrics_stop(struct metrics *m)
{
	if (m == NULL)
		return;
	(void)!write(m->stop_pipe[1], "", 1);
	pthread_join(m->thread, NULL);
	metrics_free(m);
}
