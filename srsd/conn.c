/* SPDX-License-Identifier: ISC */
/*
 * A turn: one read, the answers to some requests in one write.
 *
 * A connection that is idle holds no buffers: they are shared, and only what is
 * left over, requests for later turns or answers that the client doesn't take,
 * is kept.  While answers are kept back nothing is read from that client.
 *
 * Where the SPF gate or the store has to be waited for the same holds: the
 * request is kept with its decision, and those behind it are left over until
 * there is an answer.
 *
 * Deadlines are looked at once a second, so that requests cost no timer.
 */
#include "srsd/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "srsd/decision_log.h"
#include "srsd/places.h"

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
	counts_lookup(&c->all->counts, &c->all->lookup);
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

/*
 * Answer what the gate has let through, or leave it in c->pending until the
 * store has answered.  p: what it has waited in already, which passes; or NULL.
 */
static void
conn_finish(struct conn *c, const struct map_request *request,
    struct pending *p, struct text_out *out)
{
	struct conns *all = c->all;
	struct map_lookup *lookup = &all->lookup;
	bool is_asked = map_needs_store(lookup) && all->config->store != NULL;

	if (is_asked && p == NULL)
		p = pending_new(&all->pending, c, request, &lookup->result);
	is_asked = is_asked && p != NULL;
	if (is_asked &&
	    !pending_ask_store(p, all->config, lookup, all->now_sec)) {
		/* At the end nobody is waited for. */
		if (!all->stopping) {
			c->pending = p;
			return;
		}
		pending_settle(p);
	}
	if (map_needs_store(lookup))
		map_hear_store(all->config->rewriter, lookup,
		    is_asked ? &p->answer : NULL, all->now_sec);
	conn_say(c, out);
	pending_free(p);
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
	if (config->gate != NULL && map_asks_gate(&all->lookup) &&
	    !conn_pass_gate(c, request))
		return;
	if (map_needs_store(&all->lookup))
		conn_finish(c, request, NULL, out);
	else
		conn_say(c, out);
}

/*
 * What was waited for.  If the configuration has changed meanwhile, the
 * decision was another's.
 */
static void
conn_say_pending(struct conn *c, struct text_out *out)
{
	struct conns *all = c->all;
	struct pending *p = c->pending;

	c->pending = NULL;
	if (p->generation != all->config->shared.generation) {
		conn_decide(c, &p->request, out);
		pending_free(p);
		return;
	}
	map_read(&p->request, &all->lookup);
	all->lookup.result = p->result;
	all->lookup.gate_cause = p->cause;
	if (p->passes)
		policy_spf_passes(&all->lookup.result);
	if (!p->asked_store) {
		conn_finish(c, &p->request, p, out);
		return;
	}
	map_hear_store(
	    all->config->rewriter, &all->lookup, &p->answer, all->now_sec);
	conn_say(c, out);
	pending_free(p);
}

/* False: there is nothing more to take from input. */
static bool
conn_take(struct conn *c, struct mf_text *input, struct text_out *out)
{
	struct protocol_parsed *parsed = &c->all->parsed;
	enum protocol_status status =
	    protocol_parse(c->protocol, input, parsed);

	if (parsed->error.len != 0 || status == PROTOCOL_CLOSE)
		counts_add(&c->all->counts.malformed);
	if (parsed->error.len != 0)
		protocol_format(c->protocol, MAP_PERM, parsed->error, out);
	else if (status == PROTOCOL_TAKEN)
		conn_decide(c, &parsed->request, out);
	c->closing = status == PROTOCOL_CLOSE;
	return status == PROTOCOL_TAKEN;
}

/* --- reading and writing --- */

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	srsd_config_refresh(c->all->current, &c->all->config);
	if ((what & EV_WRITE) != 0 ? !conn_write(c)
				   : !conn_turn(c, CONN_FIRST_TURN))
		places_close(c);
}

static bool
conn_wait(struct conn *c, short what)
{
	if (what == c->waits_for)
		return true;
	event_del(c->event);
	c->waits_for = what;
	return what == 0 ||
	    (event_assign(c->event, c->all->base, c->fd,
		 (short)(what | EV_PERSIST), on_ready, c) == 0 &&
		event_add(c->event, NULL) == 0);
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

/* --- a turn --- */

static bool
conn_waits_for_answer(const struct conn *c)
{
	return c->pending != NULL && pending_waits(c->pending);
}

static enum conn_state
conn_next_state(const struct conn *c, bool may_read_more)
{
	if (c->output != NULL)
		return CONN_STUCK;
	if (conn_waits_for_answer(c))
		return CONN_WAITING;
	if (c->has_more || may_read_more || c->all->stopping)
		return CONN_BUSY;
	return c->input != NULL ? CONN_STUCK : CONN_IDLE;
}

/* Half a request, or answers that aren't taken, have less time than nothing. */
static void
conn_set_deadline(struct conn *c)
{
	const struct srsd_settings *s = &c->all->config->srsd;
	bool idle = c->state == CONN_NEW || c->state == CONN_IDLE;

	c->deadline =
	    c->all->now + (time_t)(idle ? s->idle_timeout : s->request_timeout);
	/* The gate answers in time, and so does the store. */
	if (c->pending != NULL)
		c->deadline += GATE_TIMEOUT_MS / 1000;
}

/* Wait for what comes next.  progress: it gets new time for that. */
static bool
conn_rest(struct conn *c, bool may_read_more, bool progress)
{
	enum conn_state state = conn_next_state(c, may_read_more);
	short what = state == CONN_STUCK || state == CONN_IDLE ? EV_READ : 0;

	places_move(c, state);
	if (progress)
		conn_set_deadline(c);
	return conn_wait(c, c->output != NULL ? EV_WRITE : what);
}

enum arrived {
	ARRIVED_SOMETHING,
	ARRIVED_MUCH,    /* and maybe there is more */
	ARRIVED_NOTHING, /* for now */
	ARRIVED_END      /* close the connection */
};

/*
 * The client has sent all.  exim ends the only line of a connection by that,
 * and waits for the answer.
 */
static enum arrived
conn_read_end(struct conn *c, size_t *len)
{
	if (*len == 0 || c->protocol == PROTOCOL_SOCKETMAP)
		return ARRIVED_END;
	c->ended = true;
	c->all->input[(*len)++] = '\n';
	return ARRIVED_SOMETHING;
}

/* Append to the *len octets of all->input. */
static enum arrived
conn_read(struct conn *c, size_t *len)
{
	/* Never full: half a request is far smaller than the buffer. */
	ssize_t n = recv(c->fd, c->all->input + *len, CONNS_READ_MAX, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
		    ? ARRIVED_NOTHING
		    : ARRIVED_END;
	if (n == 0)
		return conn_read_end(c, len);
	*len += (size_t)n;
	return n == CONNS_READ_MAX ? ARRIVED_MUCH : ARRIVED_SOMETHING;
}

/*
 * Answer up to so many requests of input, until the buffer is full or the gate
 * has to be waited for, and keep what is left over.
 */
static bool
conn_answer(struct conn *c, struct mf_text *input, unsigned requests)
{
	struct conns *all = c->all;
	struct text_out out = text_out(all->output, sizeof(all->output));
	bool taken = true;
	ssize_t sent;

	all->now_sec = (uint64_t)time(NULL);
	if (c->pending != NULL)
		conn_say_pending(c, &out);
	while (taken && c->pending == NULL && requests-- > 0 &&
	    out.size - out.len >= PROTOCOL_ANSWER_MAX)
		taken = conn_take(c, input, &out);
	c->has_more = taken && input->len != 0;
	if (c->ended && !c->has_more)
		c->closing = true;
	sent = conn_send(c, out.p, out.len);
	return sent >= 0 &&
	    keep(&c->output, &c->output_len, out.p + sent,
		out.len - (size_t)sent) &&
	    keep(&c->input, &c->input_len, input->p, input->len);
}

bool
conn_turn(struct conn *c, unsigned requests)
{
	struct conns *all = c->all;
	enum arrived arrived = ARRIVED_SOMETHING;
	bool had_half = c->input != NULL, resumes = c->pending != NULL;
	size_t len = c->input_len;
	struct mf_text input;

	if (len != 0)
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		memcpy(all->input, c->input, len);
	if (!c->has_more && !resumes && !c->ended)
		arrived = conn_read(c, &len);
	if (arrived == ARRIVED_END || (c->ended && len == 0 && !resumes))
		return false;
	if (arrived == ARRIVED_NOTHING)
		return !all->stopping && conn_rest(c, false, !had_half);
	input = mf_text_at(all->input, len);
	if (!conn_answer(c, &input, requests))
		return false;
	if (c->closing && c->output == NULL && c->pending == NULL)
		return false;
	/* Another octet of half a request gives it no more time. */
	return conn_rest(c, arrived == ARRIVED_MUCH,
	    !had_half || resumes || input.len != len);
}

/* In its turn. */
bool
conn_resume(struct conn *c)
{
	if (c->output == NULL) {
		places_move(c, CONN_BUSY);
		return conn_wait(c, 0);
	}
	return true;
}

bool
conn_write(struct conn *c)
{
	ssize_t sent = conn_send(c, c->output, c->output_len);

	if (sent < 0)
		return false;
	if ((size_t)sent < c->output_len) {
		if (sent != 0)
			conn_set_deadline(c);
		return keep(&c->output, &c->output_len, c->output + sent,
		    c->output_len - (size_t)sent);
	}
	keep(&c->output, &c->output_len, NULL, 0);
	if (c->closing && c->pending == NULL)
		return false;
	/* More may have arrived than is kept. */
	return conn_rest(c, true, true);
}

/* --- beginning --- */

bool
conn_listen(struct conn *c)
{
	c->event =
	    event_new(c->all->base, c->fd, EV_READ | EV_PERSIST, on_ready, c);
	if (c->event == NULL)
		return false;
	if (event_add(c->event, NULL) == 0)
		return true;
	event_free(c->event);
	return false;
}
