/* SPDX-License-Identifier: ISC */
/*
 * Connections: one read, the answers to all its requests in one write.
 *
 * A connection that is idle holds no buffers: both are the worker's, and only
 * what is left over, half a request or an answer that the client doesn't take,
 * is kept.  While answers are kept back nothing is read from that client.
 *
 * Where the SPF gate has to be waited for the same holds: the request stays in
 * front of what is left over, and when the gate has answered it is looked at
 * again, with the answer at hand.  Others behind it keep their order by that.
 *
 * Deadlines are looked at once a second, so that requests cost no timer.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "srsd/server_.h"

/* Reads from one client at the end, 64 KB each. */
#define FINISH_READS_MAX 256

struct conn {
	LIST_ENTRY(conn) entry;
	struct worker *worker;
	struct event *event;
	enum protocol protocol;
	int fd;
	bool writing; /* waits for the client to take answers */
	bool closing; /* once they are taken */
	time_t deadline;
	/*
	 * The question to the gate that the first request of what is left over
	 * waits for; nothing is read meanwhile.  It is asked with one
	 * configuration, and its answer is good for that one.
	 */
	struct gate_query *query;
	unsigned query_generation;
	bool gate_passes;
	enum spf_cause gate_cause;   /* why the gate couldn't say */
	STAILQ_ENTRY(conn) answered; /* if is_answered; under answered_lock */
	bool is_answered;
	/* The gate has answered: for the next request to be looked at. */
	bool has_answer;
	/* Left over; NULL and 0 if nothing is. */
	char *input, *output;
	size_t input_len, output_len;
};

/* --- what a decision leaves behind --- */

static uint64_t
next_message_id(void *arg)
{
	struct worker *w = ((struct conn *)arg)->worker;

	return message_id_next(
	    &w->server->message_ids, w->config->config->rewriter->ses_server);
}

static enum log_level
decision_level(const struct map_answer *a)
{
	if (policy_failed(a->result.reason))
		return LEVEL_WARNING;
	/* Every recipient of every message is asked about: no news. */
	if (a->result.reason == POLICY_NOT_SRS)
		return LEVEL_DEBUG;
	return LEVEL_INFO;
}

static void
log_decision(void *arg, const struct map_answer *a)
{
	const struct conn *c = arg;
	enum log_level level = decision_level(a);
	struct log_line line;

	if (!log_enabled(level))
		return;
	log_begin(&line, level, a->reverse ? "reverse" : "forward");
	log_text(&line, "result",
	    mf_text_of(policy_changed(a->result.reason) ? "changed"
		    : policy_failed(a->result.reason)   ? "failed"
							: "unchanged"));
	log_text(
	    &line, "reason", mf_text_of(policy_reason_text(a->result.reason)));
	log_text(
	    &line, a->reverse ? "recipient" : "sender", out_view(&a->address));
	if (policy_changed(a->result.reason))
		log_text(&line, "to",
		    mf_text_at(a->result.address.text, a->result.address.len));
	if (a->host.len != 0)
		log_text(&line, "host", a->host);
	if (c->gate_cause != SPF_CAUSE_NONE)
		log_text(&line, "dns_error",
		    mf_text_of(spf_cause_text(c->gate_cause)));
	log_end(&line);
}

/* --- the gate --- */

/* On a thread of the checker's. */
static void
on_gate(void *arg, bool passes, enum spf_cause cause)
{
	struct conn *c = arg;
	struct worker *w = c->worker;
	bool was_empty;

	pthread_mutex_lock(&w->answered_lock);
	was_empty = STAILQ_EMPTY(&w->answered);
	c->gate_passes = passes;
	c->gate_cause = cause;
	c->is_answered = true;
	STAILQ_INSERT_TAIL(&w->answered, c, answered);
	pthread_mutex_unlock(&w->answered_lock);
	if (was_empty)
		(void)!write(w->answered_pipe[1], "", 1);
}

/* Whether or not it has answered. */
static void
gate_leave(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->query == NULL)
		return;
	gate_forget(c->query);
	c->query = NULL;
	pthread_mutex_lock(&w->answered_lock);
	if (c->is_answered)
		STAILQ_REMOVE(&w->answered, c, conn, answered);
	c->is_answered = false;
	pthread_mutex_unlock(&w->answered_lock);
}

static enum gate_answer
ask_gate(void *arg, struct mf_text sender)
{
	struct conn *c = arg;
	struct worker *w = c->worker;
	const struct config *config = w->config->config;
	enum gate_answer answer;

	if (c->has_answer && c->query_generation == w->generation)
		return c->gate_passes ? GATE_PASSES : GATE_REWRITES;
	c->query_generation = w->generation;
	answer = gate_ask(config->gate, config->checker, sender,
	    (uint64_t)time(NULL), on_gate, c, &c->query, &c->gate_cause);
	if (answer != GATE_WAITS || !w->stopping)
		return answer;
	/* At the end nobody is waited for. */
	gate_leave(c);
	c->gate_cause = SPF_CAUSE_STOPPING;
	return GATE_REWRITES;
}

/* --- reading and writing --- */

static void on_ready(evutil_socket_t fd, short what, void *arg);

void
conn_close_(struct conn *c)
{
	struct worker *w = c->worker;

	gate_leave(c);
	LIST_REMOVE(c, entry);
	w->conn_count--;
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
	return event_assign(c->event, c->worker->base, c->fd,
		   (short)(what | EV_PERSIST), on_ready, c) == 0 &&
	    event_add(c->event, NULL) == 0;
}

/* Half a request, or answers that aren't taken, have less time than nothing. */
static void
conn_set_deadline(struct conn *c, bool waiting)
{
	const struct srsd_settings *s = &c->worker->config->config->srsd;

	c->deadline = c->worker->now +
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
	struct worker *w = c->worker;
	const struct config *config = w->config->config;
	struct protocol_env env = {.rewriter = config->rewriter,
	    .now_sec = (uint64_t)time(NULL),
	    .next_message_id = next_message_id,
	    .ask_gate = config->gate != NULL ? ask_gate : NULL,
	    .decided = log_decision,
	    .arg = c,
	    .scratch = &w->answer};
	enum protocol_status status;
	size_t arrived = input.len;
	bool had_half = c->input != NULL;
	ssize_t sent;

	do {
		struct text_out out = text_out(w->output, OUTPUT_SIZE);

		do {
			status = protocol_next(c->protocol, &input, &env, &out);
			c->has_answer = false;
			if (status != PROTOCOL_WAIT)
				c->gate_cause = SPF_CAUSE_NONE;
		} while (status == PROTOCOL_ANSWERED &&
		    out.size - out.len >= PROTOCOL_ANSWER_MAX);
		sent = conn_send(c, out.p, out.len);
		if (sent < 0)
			return false;
		if (!keep(&c->output, &c->output_len, out.p + sent,
			out.len - (size_t)sent))
			return false;
	} while (status == PROTOCOL_ANSWERED && c->output == NULL);

	c->closing = status == PROTOCOL_CLOSE;
	if (c->closing && c->output == NULL)
		return false;
	if (c->output != NULL && !c->writing && !conn_wait(c, true))
		return false;
	if (status == PROTOCOL_WAIT)
		conn_pause(c);
	/* Another octet of half a request gives it no more time. */
	else if (!had_half || input.len != arrived)
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
	struct worker *w = c->worker;
	size_t have = c->input_len;
	ssize_t n;

	/* Never full: half a request is far smaller than the buffer. */
	if (have != 0)
		memcpy(w->input, c->input, have);
	n = recv(c->fd, w->input + have, INPUT_SIZE - have, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		    ? ARRIVED_NOTHING
		    : ARRIVED_END;
	if (n == 0 || !conn_answer(c, mf_text_at(w->input, have + (size_t)n)))
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
	struct worker *w = c->worker;
	size_t have = c->input_len;

	if (!conn_wait(c, false))
		return false;
	conn_set_deadline(c, false);
	if (have != 0) {
		memcpy(w->input, c->input, have);
		if (!conn_answer(c, mf_text_at(w->input, have)))
			return false;
	}
	return !w->stopping || c->writing || conn_finish(c);
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
	if (c->query == NULL)
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
	worker_take_config_(c->worker);
	if (c->writing ? !conn_write(c) : conn_read(c) == ARRIVED_END)
		conn_close_(c);
}

bool
conn_open_(struct worker *w, int fd, enum protocol protocol)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	c->worker = w;
	c->fd = fd;
	c->protocol = protocol;
	c->event = event_new(w->base, fd, EV_READ | EV_PERSIST, on_ready, c);
	if (c->event == NULL || event_add(c->event, NULL) < 0) {
		if (c->event != NULL)
			event_free(c->event);
		free(c);
		return false;
	}
	LIST_INSERT_HEAD(&w->conns, c, entry);
	w->conn_count++;
	conn_set_deadline(c, false);
	return true;
}

void
conns_expire_(struct worker *w)
{
	struct conn *c = LIST_FIRST(&w->conns);

	while (c != NULL) {
		struct conn *next = LIST_NEXT(c, entry);

		if (c->deadline < w->now)
			conn_close_(c);
		c = next;
	}
}

void
conns_resume_(struct worker *w)
{
	struct conn *c;

	for (;;) {
		pthread_mutex_lock(&w->answered_lock);
		c = STAILQ_FIRST(&w->answered);
		pthread_mutex_unlock(&w->answered_lock);
		if (c == NULL)
			return;
		gate_leave(c);
		c->has_answer = true;
		if (!c->writing && !conn_go_on(c))
			conn_close_(c);
	}
}

void
conns_finish_(struct worker *w)
{
	struct conn *c = LIST_FIRST(&w->conns);

	while (c != NULL) {
		struct conn *next = LIST_NEXT(c, entry);
		bool was_waiting = c->query != NULL;

		gate_leave(c);
		if (!c->writing &&
		    !(was_waiting ? conn_go_on(c) : conn_finish(c)))
			conn_close_(c);
		c = next;
	}
}
