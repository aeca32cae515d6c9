/* SPDX-License-Identifier: ISC */
#include "spfmilter/policyd_conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "spfmilter/milter.h"

/* Requests that are answered before others have their turn. */
#define REQUESTS_A_TURN 8

/* Octets that are read ahead, and answers that wait to be taken. */
#define INPUT_MAX  (POLICYD_REQUEST_MAX + 16384)
#define OUTPUT_MAX ((size_t)64 * 1024)

/* A message without another recipient for so long is logged. */
#define QUIET_MS 5000

struct policyd_conn {
	TAILQ_ENTRY(policyd_conn) entry;
	struct policyd_conns *all;
	struct bufferevent *bev;
	struct handover_item woken;
	struct policyd_message message;
	bool closing; /* once the answers are taken */
	uint64_t used_ms;
	uint64_t half_ms;  /* since when half a request is here; 0: none is */
	uint64_t stuck_ms; /* since when no answer is taken; 0: all are */
};

static struct evbuffer *
input_of(const struct policyd_conn *c)
{
	return bufferevent_get_input(c->bev);
}

static size_t
output_len(const struct policyd_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void
close_conn(struct policyd_conn *c)
{
	struct policyd_conns *all = c->all;

	policyd_message_end(&c->message);
	handover_withdraw(&all->handover, &c->woken);
	bufferevent_free(c->bev);
	TAILQ_REMOVE(&all->list, c, entry);
	all->count--;
	atomic_fetch_sub(&all->metrics->open, 1);
	free(c);
}

/* --- a request --- */

static void
send_text(struct policyd_conn *c, struct mf_text text)
{
	if (evbuffer_add(bufferevent_get_output(c->bev), text.p, text.len) != 0)
		c->closing = true; /* smtpd asks again */
}

static void
answer(struct policyd_conn *c, const struct policyd_request *request)
{
	char store[POLICYD_ANSWER_MAX];
	struct text_out out = text_out(store, sizeof(store));

	policyd_message_answer(&c->message, request, &out);
	send_text(c, out_view(&out));
	atomic_fetch_add(&c->all->metrics->requests, 1);
	if (request->stage == POLICYD_BEFORE_MAIL)
		rarely_count(&c->all->too_early);
}

static void
touch(struct policyd_conn *c)
{
	c->used_ms = clock_ms();
	c->half_ms = 0;
	TAILQ_REMOVE(&c->all->list, c, entry);
	TAILQ_INSERT_TAIL(&c->all->list, c, entry);
}

static void
complain(struct policyd_conn *c, const char *why)
{
	atomic_fetch_add(&c->all->metrics->malformed, 1);
	rarely_count(&c->all->malformed);
	log_say(LEVEL_DEBUG, "malformed policy request: %s", why);
	c->closing = true;
}

/* The input that a request can be in; false: out of memory. */
static bool
look_at_input(struct policyd_conn *c, struct mf_text *out)
{
	size_t len = evbuffer_get_length(input_of(c));

	if (len > POLICYD_REQUEST_MAX + 2)
		len = POLICYD_REQUEST_MAX + 2;
	*out = mf_text_at(len != 0
		? (char *)evbuffer_pullup(input_of(c), (ev_ssize_t)len)
		: "",
	    len);
	return out->p != NULL;
}

/*
 * smtpd has a connection for each check_policy_service that it finds written in
 * another way: that of smtpd_data_restrictions may not be the one that asked
 * about the recipients.
 */
static void
fetch_message(struct policyd_conn *c, const struct policyd_request *request)
{
	struct policyd_conn *other;

	if (request->stage < POLICYD_DATA ||
	    policyd_message_is(&c->message, request))
		return;
	TAILQ_FOREACH (other, &c->all->list, entry)
		if (!other->message.waits &&
		    policyd_message_is(&other->message, request)) {
			policyd_message_end(&c->message);
			c->message = other->message;
			other->message =
			    (struct policyd_message){.session = NULL};
			return;
		}
}

/* False: nothing more can be answered now. */
static bool
take_request(struct policyd_conn *c, bool is_resumed)
{
	struct policyd_request request;
	struct mf_text input;
	const char *why;
	size_t len;

	if (!look_at_input(c, &input)) {
		c->closing = true;
		return false;
	}
	len = input.len;
	switch (policyd_parse(&input, &request, &why)) {
	case POLICYD_MORE:
		if (len != 0 && c->half_ms == 0)
			c->half_ms = clock_ms();
		return false;
	case POLICYD_BAD:
		complain(c, why);
		return false;
	case POLICYD_TAKEN:
		break;
	}
	touch(c);
	if (!is_resumed) {
		fetch_message(c, &request);
		if (!policyd_message_take(
			&c->message, &c->all->context, &request, c))
			return false;
	}
	answer(c, &request);
	evbuffer_drain(input_of(c), len - input.len);
	return !c->closing;
}

/*
 * Answer some requests.  is_resumed: the first has waited.  The connection may
 * be closed by that.
 */
static void
run(struct policyd_conn *c, bool is_resumed)
{
	bool goes_on = !c->message.waits && !c->closing;

	for (unsigned i = 0; goes_on && i < REQUESTS_A_TURN; i++) {
		goes_on =
		    output_len(c) < OUTPUT_MAX && take_request(c, is_resumed);
		is_resumed = false;
	}
	if (c->all->stopping && !goes_on && !c->message.waits)
		c->closing = true;
	if (c->closing && output_len(c) == 0)
		close_conn(c);
	else if (goes_on)
		bufferevent_trigger(c->bev, EV_READ,
		    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
	else if (output_len(c) != 0 && c->stuck_ms == 0)
		c->stuck_ms = clock_ms();
}

void
policyd_conn_hand_over(void *conn)
{
	struct policyd_conn *c = conn;

	handover_put(&c->all->handover, &c->woken);
}

void
policyd_conn_resume(struct handover_item *item)
{
	struct policyd_conn *c = item->owner;

	if (policyd_message_resume(&c->message))
		run(c, true);
}

/* --- what libevent calls --- */

static void
on_input(struct bufferevent *bev, void *arg)
{
	(void)bev;
	run(arg, false);
}

/* All answers are taken. */
static void
on_output(struct bufferevent *bev, void *arg)
{
	struct policyd_conn *c = arg;

	(void)bev;
	c->stuck_ms = 0;
	run(c, false);
}

static void
on_end(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	close_conn(arg);
}

bool
policyd_conn_open(struct policyd_conns *all, int fd)
{
	struct policyd_conn *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->bev = bufferevent_socket_new(
		    all->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c == NULL || c->bev == NULL) {
		free(c);
		close(fd);
		return false;
	}
	c->all = all;
	c->woken.owner = c;
	c->used_ms = clock_ms();
	TAILQ_INSERT_TAIL(&all->list, c, entry);
	all->count++;
	atomic_fetch_add(&all->metrics->connections, 1);
	atomic_fetch_add(&all->metrics->open, 1);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	bufferevent_setcb(c->bev, on_input, on_output, on_end, c);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) == 0)
		return true;
	close_conn(c);
	return false;
}

/* --- all of them --- */

static bool
has_passed(uint64_t since_ms, uint64_t ms, uint64_t now_ms)
{
	return since_ms != 0 && now_ms > since_ms && now_ms - since_ms > ms;
}

static bool
is_idle(const struct policyd_conn *c)
{
	return !c->message.waits && c->half_ms == 0 && c->stuck_ms == 0 &&
	    evbuffer_get_length(input_of(c)) == 0;
}

void
policyd_conns_tick(struct policyd_conns *all)
{
	uint64_t now_ms = clock_ms();
	struct policyd_conn *next;

	for (struct policyd_conn *c = TAILQ_FIRST(&all->list); c != NULL;
	     c = next) {
		next = TAILQ_NEXT(c, entry);
		if (has_passed(c->message.used_ms, QUIET_MS, now_ms))
			policyd_message_log(&c->message);
		if (has_passed(c->stuck_ms, all->request_ms, now_ms) ||
		    (!c->message.waits &&
			has_passed(c->half_ms, all->request_ms, now_ms))) {
			atomic_fetch_add(&all->metrics->timeouts, 1);
			close_conn(c);
		} else if (is_idle(c) &&
		    has_passed(c->used_ms, all->idle_ms, now_ms))
			close_conn(c);
	}
}

bool
policyd_conns_evict(struct policyd_conns *all)
{
	struct policyd_conn *c;

	TAILQ_FOREACH (c, &all->list, entry)
		if (is_idle(c)) {
			close_conn(c);
			return true;
		}
	return false;
}

/* "Try again": smtpd defers, and the client comes again. */
static void
fail(struct policyd_conn *c)
{
	static const struct policyd_answer later = {.verb = POLICYD_REFUSE,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = SPFMILTER_UNAVAILABLE};
	char store[POLICYD_ANSWER_MAX];
	struct text_out out = text_out(store, sizeof(store));

	policyd_format(&later, &out);
	policyd_message_end(&c->message);
	handover_withdraw(&c->all->handover, &c->woken);
	send_text(c, out_view(&out));
	c->closing = true;
}

void
policyd_conns_finish(struct policyd_conns *all, bool is_over)
{
	struct policyd_conn *next;

	all->stopping = true;
	for (struct policyd_conn *c = TAILQ_FIRST(&all->list); c != NULL;
	     c = next) {
		next = TAILQ_NEXT(c, entry);
		if (is_over && c->message.waits)
			fail(c);
		else if (!c->message.waits)
			run(c, false);
	}
}

void
policyd_conns_close(struct policyd_conns *all)
{
	while (!TAILQ_EMPTY(&all->list))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		close_conn(TAILQ_FIRST(&all->list));
}
