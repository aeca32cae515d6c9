/* SPDX-License-Identifier: ISC */
/*
 * Questions: one in flight for each name and type, whoever asks.
 *
 * A burst of questions must not overrun the buffers of the sockets at either
 * end: what is lost there costs a timeout.  So of the questions sent within the
 * last moments only so many may be unanswered, the window; others wait their
 * turn.  It grows while answers come, and shrinks when questions had to be
 * repeated.  Older questions don't count: silent servers, which a hostile
 * domain may have, hold up nobody for longer than that moment.
 */
#include <stdlib.h>

#include "libspf-dns/dnsmsg_.h"
#include "libspf-dns/resolver_.h"

#define YOUNG_MS 50

/* Thus at least 5,000 questions a second, even if none is answered. */
#define WINDOW_MIN   256
#define WINDOW_BEGIN 512
#define WINDOW_MAX   4096

/* A loss shows in many questions; they count as one for that long. */
#define WINDOW_REST_MS 500

/*
 * How long answers are kept at most: records (RFC 8767 4 suggests a week as the
 * limit, mail can wait less) and their absence (RFC 2308 5: 1 to 3 hours).
 */
#define TTL_SEC_MAX          (24 * 60 * 60)
#define NEGATIVE_TTL_SEC_MAX (60 * 60)

static struct question_list *
list_of(struct spf_resolver *r, uint64_t hash)
{
	/* Not the bits that choose the bucket in the cache. */
	return &r->questions[(hash >> 32) % QUESTION_LISTS];
}

struct question *
question_of_(struct spf_resolver *r, const struct spf_reply *reply)
{
	struct question *q;

	LIST_FOREACH (q, list_of(r, reply->hash), entry)
		if (q->reply == reply)
			return q;
	return NULL;
}

/* --- the window --- */

void
questions_init_(struct spf_resolver *r)
{
	TAILQ_INIT(&r->to_send);
	TAILQ_INIT(&r->young);
	for (size_t i = 0; i < QUESTION_LISTS; i++)
		LIST_INIT(&r->questions[i]);
	r->window = WINDOW_BEGIN;
}

static bool
window_is_full(const struct spf_resolver *r)
{
	unsigned room = sender_room_(r->sender);
	unsigned window = room < WINDOW_MIN ? WINDOW_MIN : room;

	return r->young_count >= (r->window < window ? r->window : window);
}

/* A question has landed. */
static void
window_adjust(struct spf_resolver *r, bool repeated)
{
	if (repeated) {
		uint64_t now_ms = clock_ms_();

		if (now_ms < r->window_rests_until_ms)
			return;
		r->window_rests_until_ms = now_ms + WINDOW_REST_MS;
		r->window /= 2;
		if (r->window < WINDOW_MIN)
			r->window = WINDOW_MIN;
	} else if (r->window < WINDOW_MAX && !TAILQ_EMPTY(&r->to_send))
		r->window++;
}

/* --- sending --- */

static void
question_queue(struct question *q)
{
	q->stage = QUESTION_TO_SEND;
	TAILQ_INSERT_TAIL(&q->resolver->to_send, q, queued);
}

static void
question_unqueue(struct question *q)
{
	struct spf_resolver *r = q->resolver;

	switch (q->stage) {
	case QUESTION_TO_SEND:
		TAILQ_REMOVE(&r->to_send, q, queued);
		break;
	case QUESTION_YOUNG:
		TAILQ_REMOVE(&r->young, q, queued);
		r->young_count--;
		break;
	case QUESTION_OLD:
		break;
	}
	q->stage = QUESTION_OLD;
}

static void
question_send(struct question *q)
{
	struct spf_resolver *r = q->resolver;

	q->stage = QUESTION_YOUNG;
	q->sent_ms = clock_ms_();
	TAILQ_INSERT_TAIL(&r->young, q, queued);
	r->young_count++;
	count_(&r->counters.questions, 1);
	sender_send_(r->sender, &q->flight);
}

void
questions_send_(struct spf_resolver *r)
{
	struct timeval soon = {.tv_usec = YOUNG_MS * 1000 / 2};
	struct question *q;

	while (!window_is_full(r) && (q = TAILQ_FIRST(&r->to_send)) != NULL) {
		question_unqueue(q);
		question_send(q);
	}
	if (!TAILQ_EMPTY(&r->to_send) &&
	    !event_pending(r->aging, EV_TIMEOUT, NULL))
		event_add(r->aging, &soon);
}

void
questions_age_(struct spf_resolver *r)
{
	uint64_t now_ms = clock_ms_();
	struct question *q;

	while ((q = TAILQ_FIRST(&r->young)) != NULL &&
	    q->sent_ms + YOUNG_MS <= now_ms)
		question_unqueue(q);
}

/* --- answers --- */

void
listen_(struct question_listener *l, struct question *q)
{
	l->question = q;
	LIST_INSERT_HEAD(&q->listeners, l, entry);
}

void
listen_no_more_(struct question_listener *l)
{
	if (l->question != NULL)
		LIST_REMOVE(l, entry);
	l->question = NULL;
}

/* It is answered. */
static void
question_end(struct question *q)
{
	struct spf_resolver *r = q->resolver;
	struct question_listener *l;

	LIST_REMOVE(q, entry);
	atomic_fetch_sub_explicit(
	    &r->counters.in_flight, 1, memory_order_relaxed);
	while ((l = LIST_FIRST(&q->listeners)) != NULL) {
		listen_no_more_(l);
		l->answered(l->arg);
	}
	reply_release_(q->reply);
	free(q);
}

/* For who wants to know how the answer was come by. */
static void
note_origin(struct question *q, bool has_rcode, unsigned rcode)
{
	uint64_t now_us = clock_us_();

	q->reply->origin = (struct reply_origin){.has_rcode = has_rcode,
	    .rcode = (uint8_t)rcode,
	    .answered_us = now_us,
	    .elapsed_us = now_us - q->asked_us};
	q->reply->origin.asked = q->flight.from != NULL;
	if (q->flight.from != NULL)
		q->reply->origin.server = *q->flight.from;
}

/* Keep the answer, then pass it on. */
static void
question_keep(struct question *q, struct spf_answer *answer, uint32_t ttl_sec)
{
	struct spf_resolver *r = q->resolver;
	bool is_void = answer->status == SPF_DNS_VOID;
	uint32_t limit = is_void ? NEGATIVE_TTL_SEC_MAX : TTL_SEC_MAX;
	struct spf_reply *out = NULL;

	if (ttl_sec > limit)
		ttl_sec = limit;
	note_origin(q, true, r->result.nxdomain ? RCODE_NXDOMAIN : 0);
	reply_answer_(q->reply, answer);
	if (ttl_sec != 0) {
		uint64_t until_ms = clock_ms_() + (uint64_t)ttl_sec * 1000;

		pthread_rwlock_wrlock(&r->cache_lock);
		out = cache_put_(r->cache, q->reply, until_ms);
		pthread_rwlock_unlock(&r->cache_lock);
	}
	cache_drop_(out);
	question_end(q);
}

/* Whether it is the question that fails, or we, who may do better next time. */
static bool
is_of_question(enum spf_cause cause)
{
	return cause <= SPF_CAUSE_ALIASES;
}

static void
question_failed(struct question *q, enum spf_cause cause)
{
	struct spf_resolver *r = q->resolver;
	struct spf_reply *out = NULL;

	count_(&r->counters.errors, 1);
	if (cause == SPF_CAUSE_TIMEOUT)
		count_(&r->counters.timeouts, 1);
	note_origin(q, cause <= SPF_CAUSE_RCODE_MAX, cause);
	reply_answer_(q->reply, spf_answer_failure(q->reply->rr, cause));
	if (is_of_question(cause)) {
		pthread_rwlock_wrlock(&r->cache_lock);
		out = cache_put_failure_(r->cache, q->reply, clock_ms_());
		pthread_rwlock_unlock(&r->cache_lock);
	}
	cache_drop_(out);
	question_end(q);
}

/* The server names an alias and leaves the rest to us. */
static void
question_chase(struct question *q, const struct dnsmsg_result *result)
{
	q->aliases += result->aliases;
	if (q->aliases > DNSMSG_ALIASES_MAX) {
		question_failed(q, SPF_CAUSE_ALIASES);
		return;
	}
	q->name = result->target;
	q->ttl_sec = result->ttl_sec;
	question_queue(q);
}

/* Read it; the flight lands at once, unless another server may do better. */
static enum spf_cause
on_read(struct flight *flight, const uint8_t *octets, size_t len)
{
	struct question *q = (struct question *)flight;
	struct spf_resolver *r = q->resolver;

	r->status =
	    dnsmsg_parse_(octets, len, q->reply->rr, &q->name, &r->result);
	if (r->status == DNSMSG_FAILURE &&
	    (r->result.cause == SPF_CAUSE_MALFORMED ||
		r->result.cause == SPF_CAUSE_REFERRAL))
		return r->result.cause;
	if (q->ttl_sec < r->result.ttl_sec)
		r->result.ttl_sec = q->ttl_sec;
	return SPF_CAUSE_NONE;
}

static void
question_answered(struct question *q)
{
	const struct dnsmsg_result *result = &q->resolver->result;

	switch (q->resolver->status) {
	case DNSMSG_ANSWER:
		question_keep(q, result->answer, result->ttl_sec);
		return;
	case DNSMSG_ALIAS:
		question_chase(q, result);
		return;
	case DNSMSG_FAILURE:
		question_failed(q, result->cause);
		return;
	}
}

static void
on_landed(struct flight *flight, enum spf_cause cause)
{
	struct question *q = (struct question *)flight;

	question_unqueue(q);
	if (cause != SPF_CAUSE_NONE) {
		question_failed(q, cause);
		return;
	}
	window_adjust(q->resolver, flight->repeated);
	question_answered(q);
}

/* --- asking --- */

static struct question *
question_new(
    struct spf_resolver *r, uint64_t hash, enum spf_rr rr, struct mf_text name)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->resolver = r;
	q->flight.rr = rr;
	q->flight.name = &q->name;
	q->flight.read = on_read;
	q->flight.landed = on_landed;
	q->ttl_sec = UINT32_MAX;
	q->asked_us = clock_us_();
	q->reply = reply_new_(rr, name, hash);
	if (q->reply == NULL || !dnsmsg_name_(name, &q->name)) {
		reply_release_(q->reply);
		free(q);
		return NULL;
	}
	LIST_INIT(&q->listeners);
	LIST_INSERT_HEAD(list_of(r, hash), q, entry);
	atomic_fetch_add_explicit(
	    &r->counters.in_flight, 1, memory_order_relaxed);
	question_queue(q);
	return q;
}

struct question *
question_ask_(
    struct spf_resolver *r, uint64_t hash, enum spf_rr rr, struct mf_text name)
{
	struct question *q;

	LIST_FOREACH (q, list_of(r, hash), entry)
		if (reply_is_(q->reply, hash, rr, name))
			return q;
	return question_new(r, hash, rr, name);
}

void
questions_free_(struct spf_resolver *r)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&r->to_send)) != NULL) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it is off the list */
		question_unqueue(q);
		question_failed(q, SPF_CAUSE_STOPPING);
	}
}
