/* SPDX-License-Identifier: ISC */
/*
 * Connections: one read, the answers to all its requests in one write.
 *
 * A connection that is idle holds no buffers: they are shared, and only what is
 * left over, half a request or an answer that the client doesn't take, is kept.
 * While answers are kept back nothing is read from that client.
 *
 * Where the SPF gate has to be waited for the same holds: the request is kept
 * with its decision, and those behind it are left over until the gate answers.
 *
 * Deadlines are looked at once a second, so that requests cost no timer.
 */
#include "srsd/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "srsd/decision_log.h"

/* Reads from one client at the end, 64 KB each. */
#define FINISH_READS_MAX 256

struct conn {
	LIST_ENTRY(conn) entry;
	struct conns *all;
	struct event *event;
	enum protocol protocol;
	int fd;
	bool writing; /* waits for the client to take answers */
	bool closing; /* once they are taken */
	time_t deadline;
	/* The request that waits for the gate; nothing is read meanwhile. */
	struct pending *pending;
	/* Left over; NULL and 0 if nothing is. */
	char *input, *output;
	size_t input_len, output_len;
};

/* --- a request --- */

static void
conn_say(struct conn *c, struct text_out *out)
{
	struct map_answer *answer = &c->all->answer;

	map_answer(&c->all->lookup, answer);
	if (c->all->lookup.kind == MAP_PROBE) {
		const struct log_health log = log_health();

		map_add_log(answer, &log);
	}
	protocol_format(c->protocol, answer->status, answer->data, out);
	decision_log(&c->all->lookup);
}

/* False: the gate has to be waited for, and the request is in c->pending. */
static bool
conn_pass_gate(struct conn *c, const struct map_request *request)
{
	struct conns *all = c->all;
	struct pending *p =
	    pending_new(&all->pending, c, request, &all->lookup.result);
	enum gate_answer answer = GATE_REWRITES;

	if (p != NULL)
		answer = pending_ask(p, all->config,
		    out_view(&all->lookup.address), all->now_sec);
	/* At the end nobody is waited for. */
	if (answer == GATE_WAITS && !all->stopping) {
		c->pending = p;
		return false;
	}
	if (answer == GATE_PASSES)
		policy_spf_passes(&all->lookup.result);
	if (answer == GATE_WAITS)
		all->lookup.gate_cause = SPF_CAUSE_STOPPING;
	else if (p != NULL)
		all->lookup.gate_cause = p->cause;
	pending_free(p);
	return true;
}

/* Answer a request, or leave it in c->pending. */
static void
conn_decide(
    struct conn *c, const struct map_request *request, struct text_out *out)
{
	struct conns *all = c->all;
	const struct srsd_config *config = all->config;

	map_read(request, &all->lookup);
	map_decide(
	    config->rewriter, &all->lookup, all->message_ids, all->now_sec);
	if (config->gate == NULL || !map_asks_gate(&all->lookup) ||
	    conn_pass_gate(c, request))
		conn_say(c, out);
}

/*
 * The gate has answered, or isn't waited for any more.  If the configuration
 * has changed meanwhile, the decision was another's.
 */
static void
conn_resume(struct conn *c, struct text_out *out)
{
	struct conns *all = c->all;
	struct pending *p = c->pending;

	c->pending = NULL;
	if (p->generation == all->config->shared.generation) {
		map_read(&p->request, &all->lookup);
		all->lookup.result = p->result;
		all->lookup.gate_cause = p->cause;
		if (p->passes)
			policy_spf_passes(&all->lookup.result);
		conn_say(c, out);
	} else
		conn_decide(c, &p->request, out);
	pending_free(p);
}

/* False: there is nothing more to take from input. */
static bool
conn_take(struct conn *c, struct mf_text *input, struct text_out *out)
{
	struct protocol_parsed *parsed = &c->all->parsed;
	enum protocol_status status =
	    protocol_parse(c->protocol, input, parsed);

	if (parsed->error.len != 0)
		protocol_format(c->protocol, MAP_PERM, parsed->error, out);
	else if (status == PROTOCOL_TAKEN)
		conn_decide(c, &parsed->request, out);
	c->closing = status == PROTOCOL_CLOSE;
	return status == PROTOCOL_TAKEN;
}

/* --- reading and writing --- */

static void on_ready(evutil_socket_t fd, short what, void *arg);

static void
conn_close(struct conn *c)
{
	pending_free(c->pending);
	LIST_REMOVE(c, entry);
	c->all->count--;
	event_free(c->event);
	close(c->fd);
	free(c->input);
	free(c->output);
	free(c);
}

static bool
conn_wait(struct conn *c, bool writing)
{
	short what = writing ? EV_WRITE : EV_READ;

	c->writing = writing;
	event_del(c->event);
	return event_assign(c->event, c->all->base, c->fd,
		   (short)(what | EV_PERSIST), on_ready, c) == 0 &&
	    event_add(c->event, NULL) == 0;
}

/* Half a request, or answers that aren't taken, have less time than nothing. */
static void
conn_set_deadline(struct conn *c, bool waiting)
{
	const struct srsd_settings *s = &c->all->config->srsd;

	c->deadline = c->all->now +
	    (time_t)(waiting ? s->request_timeout : s->idle_timeout);
}

/* Nothing is read until the gate has answered, which it does in time. */
static void
conn_pause(struct conn *c)
{
	if (!c->writing)
		event_del(c->event);
	conn_set_deadline(c, true);
	c->deadline += GATE_TIMEOUT_MS / 1000;
}

/* Keep a copy of what is left over.  *kept may be what data points into. */
static bool
keep(char **kept, size_t *kept_len, const char *data, size_t len)
{
	char *copy = NULL;

	if (len != 0) {
		copy = malloc(len);
		if (copy == NULL)
			return false;
		memcpy(copy, data, len);
	}
	free(*kept);
	*kept = copy;
	*kept_len = len;
	return true;
}

/*
 * Send from data what the client takes.  How much, or -1 if it is gone.
 */
static ssize_t
conn_send(struct conn *c, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(c->fd, data + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/*
 * Answer the requests of input until it is used up, the client stops taking
 * answers, or the gate has to be waited for.  False: close the connection.
 */
static bool
conn_answer(struct conn *c, struct mf_text input)
{
	struct conns *all = c->all;
	bool had_half = c->input != NULL, taken = true;
	bool resumes = c->pending != NULL;
	size_t arrived = input.len;
	ssize_t sent;

	all->now_sec = (uint64_t)time(NULL);
	do {
		struct text_out out =
		    text_out(all->output, sizeof(all->output));

		if (c->pending != NULL)
			conn_resume(c, &out);
		while (taken && c->pending == NULL &&
		    out.size - out.len >= PROTOCOL_ANSWER_MAX)
			taken = conn_take(c, &input, &out);
		sent = conn_send(c, out.p, out.len);
		if (sent < 0)
			return false;
		if (!keep(&c->output, &c->output_len, out.p + sent,
			out.len - (size_t)sent))
			return false;
	} while (taken && c->pending == NULL && c->output == NULL);

	if (c->closing && c->output == NULL)
		return false;
	if (c->output != NULL && !c->writing && !conn_wait(c, true))
		return false;
	if (c->pending != NULL)
		conn_pause(c);
	/* Another octet of half a request gives it no more time. */
	else if (!had_half || resumes || input.len != arrived)
		conn_set_deadline(c, c->output != NULL || input.len != 0);
	return keep(&c->input, &c->input_len, input.p, input.len);
}

enum arrived {
	ARRIVED_SOMETHING, /* and was answered */
	ARRIVED_NOTHING,
	ARRIVED_END /* close the connection */
};

static enum arrived
conn_read(struct conn *c)
{
	char *buffer = c->all->input;
	size_t have = c->input_len;
	ssize_t n;

	/* Never full: half a request is far smaller than the buffer. */
	if (have != 0)
		memcpy(buffer, c->input, have);
	n = recv(c->fd, buffer + have, CONNS_INPUT_SIZE - have, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		    ? ARRIVED_NOTHING
		    : ARRIVED_END;
	if (n == 0 || !conn_answer(c, mf_text_at(buffer, have + (size_t)n)))
		return ARRIVED_END;
	return ARRIVED_SOMETHING;
}

/*
 * At the end: answer all that has arrived.  False: close, nothing is owed to
 * this client any more.  One that goes on sending for ever is cut off.
 */
static bool
conn_finish(struct conn *c)
{
	enum arrived arrived = ARRIVED_SOMETHING;

	for (int i = 0; i < FINISH_READS_MAX && !c->writing &&
	     arrived == ARRIVED_SOMETHING;
	     i++)
		arrived = conn_read(c);
	return arrived != ARRIVED_END && c->output != NULL;
}

/*
 * Nothing is waited for any more: answer the requests that had arrived before
 * that, then read on.
 */
static bool
conn_go_on(struct conn *c)
{
	struct conns *all = c->all;
	size_t have = c->input_len;

	if (!conn_wait(c, false))
		return false;
	conn_set_deadline(c, false);
	if (have != 0)
		memcpy(all->input, c->input, have);
	if ((have != 0 || c->pending != NULL) &&
	    !conn_answer(c, mf_text_at(all->input, have)))
		return false;
	return !all->stopping || c->writing || conn_finish(c);
}

static bool
conn_waits(const struct conn *c)
{
	return c->pending != NULL && c->pending->query != NULL;
}

static bool
conn_write(struct conn *c)
{
	ssize_t sent = conn_send(c, c->output, c->output_len);

	if (sent < 0)
		return false;
	if ((size_t)sent < c->output_len) {
		if (sent != 0)
			conn_set_deadline(c, true);
		return keep(&c->output, &c->output_len, c->output + sent,
		    c->output_len - (size_t)sent);
	}
	keep(&c->output, &c->output_len, NULL, 0);
	if (c->closing)
		return false;
	if (!conn_waits(c))
		return conn_go_on(c);
	c->writing = false;
	conn_pause(c);
	return true;
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	srsd_config_refresh(c->all->current, &c->all->config);
	if (c->writing ? !conn_write(c) : conn_read(c) == ARRIVED_END)
		conn_close(c);
}

/* --- all of them --- */

static void
on_answered(evutil_socket_t fd, short what, void *arg)
{
	struct conns *all = arg;
	struct pending *p;
	char octets[64];

	(void)what;
	while (read(fd, octets, sizeof(octets)) > 0)
		;
	srsd_config_refresh(all->current, &all->config);
	while ((p = pending_next(&all->pending)) != NULL) {
		struct conn *c = p->owner;

		if (!c->writing && !conn_go_on(c))
			conn_close(c);
	}
}

bool
conns_begin(struct conns *all)
{
	LIST_INIT(&all->list);
	if (!pending_queue_begin(&all->pending))
		return false;
	srsd_config_refresh(all->current, &all->config);
	all->answered = event_new(all->base, all->pending.pipe[0],
	    EV_READ | EV_PERSIST, on_answered, all);
	return all->answered != NULL && event_add(all->answered, NULL) == 0;
}

void
conns_end(struct conns *all)
{
	while (!LIST_EMPTY(&all->list))
		conn_close(LIST_FIRST(&all->list));
	if (all->answered != NULL)
		event_free(all->answered);
	pending_queue_end(&all->pending);
	srsd_config_release(all->config);
}

bool
conns_open(struct conns *all, int fd, enum protocol protocol)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	c->all = all;
	c->fd = fd;
	c->protocol = protocol;
	c->event = event_new(all->base, fd, EV_READ | EV_PERSIST, on_ready, c);
	if (c->event == NULL || event_add(c->event, NULL) < 0) {
		if (c->event != NULL)
			event_free(c->event);
		free(c);
		return false;
	}
	LIST_INSERT_HEAD(&all->list, c, entry);
	all->count++;
	conn_set_deadline(c, false);
	return true;
}

void
conns_expire(struct conns *all)
{
	struct conn *c = LIST_FIRST(&all->list);

	while (c != NULL) {
		struct conn *next = LIST_NEXT(c, entry);

		if (c->deadline < all->now)
			conn_close(c);
		c = next;
	}
}

void
conns_finish(struct conns *all)
{
	struct conn *c = LIST_FIRST(&all->list);

	all->stopping = true;
	while (c != NULL) {
		struct conn *next = LIST_NEXT(c, entry);

		if (c->pending != NULL)
			pending_settle(c->pending);
		if (!c->writing &&
		    !(c->pending != NULL ? conn_go_on(c) : conn_finish(c)))
			conn_close(c);
		c = next;
	}
}
