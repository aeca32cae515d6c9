/* SPDX-License-Identifier: ISC */
/*
 * Queries on their way: the cache in front, the queue to the backend, answers.
 *
 * A query is on two lists: the queue, until the backend takes it, and
 * `unanswered`.  All have the same timeout, so the oldest there is due first.
 * Whoever is last to let go of it frees it: the asker, or the backend.
 */
#include <stdlib.h>

#include "common/clock.h"
#include "store/store_.h"

/* How long the database is taken at its word, that it has a row. */
#define CACHED_SEC 3600

static void (*before_wait)(void);

void
store_before_wait(void (*hook)(void))
{
	before_wait = hook;
}

/* --- a query's life --- */

static struct store_query *
query_new(const struct store_request *r, store_callback *done, void *arg)
{
	struct store_query *q = malloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->done = done;
	q->arg = arg;
	q->kind = r->kind;
	q->is_held = q->is_queued = true;
	q->is_taken = q->is_answered = false;
	q->is_fixed = r->is_fixed;
	q->expires_sec = r->expires_sec;
	q->now_sec = r->now_sec;
	q->key_len = r->key.len;
	q->value_len = r->value.len;
	if (r->key.len != 0)
		memcpy(q->key, r->key.p, r->key.len);
	q->key[r->key.len] = '\0';
	if (r->value.len != 0)
		memcpy(q->value, r->value.p, r->value.len);
	q->value[r->value.len] = '\0';
	return q;
}

static void
free_unless_wanted(struct store_query *q)
{
	if (!q->is_held && !q->is_queued && !q->is_taken)
		free(q);
}

static void
dequeue(struct store *s, struct store_query *q)
{
	if (q->is_queued)
		TAILQ_REMOVE(&s->queue, q, entry);
	q->is_queued = false;
}

static void
mark_answered(struct store *s, struct store_query *q)
{
	if (q->is_answered)
		return;
	q->is_answered = true;
	TAILQ_REMOVE(&s->unanswered, q, due);
	s->waiting--;
	dequeue(s, q);
}

static void
finish(struct store *s, struct store_query *q, const struct store_answer *a)
{
	if (q->is_answered)
		return;
	mark_answered(s, q);
	if (a->status == STORE_DOWN)
		s->stats.failed++;
	q->done(q->arg, a);
}

static void
let_go(struct store_query *q)
{
	q->is_taken = false;
	free_unless_wanted(q);
}

/* --- asking --- */

/* The database has the value, or the row has one. */
static bool
is_cached(
    struct store *s, const struct store_request *r, struct store_answer *out)
{
	struct cached_row row;

	if (!r->is_fixed || !row_cache_find(s->cache, r->key, r->now_sec, &row))
		return false;
	if (r->kind == STORE_PUT &&
	    (row.epoch != s->epoch ||
		r->now_sec >= row.heard_sec + CACHED_SEC ||
		row.expires_sec < r->expires_sec ||
		!mf_text_eq(row.value, r->value)))
		return false;
	out->status = STORE_OK;
	out->value_len = row.value.len;
	memcpy(out->value, row.value.p, row.value.len);
	s->stats.from_cache++;
	return true;
}

/* Known to be away for so long that nobody is to wait for it. */
static bool
is_given_up(const struct store *s, uint64_t now_ms)
{
	return !s->is_up && now_ms - s->since_ms > s->params.timeout_ms;
}

static enum store_status
ask_locked(struct store *s, const struct store_request *r, store_callback *done,
    void *arg, struct store_query **query, struct store_answer *out)
{
	uint64_t now_ms = clock_ms();
	struct store_query *q = NULL;

	s->stats.requests[r->kind]++;
	if (is_cached(s, r, out))
		return STORE_OK;
	if (r->key.len > STORE_KEY_MAX || r->value.len > STORE_VALUE_MAX)
		store_note_trouble_(s, "a key or value is too long");
	else if (s->waiting >= STORE_WAITING_MAX)
		store_note_trouble_(s, "too many requests wait");
	else if (!s->stopping && !is_given_up(s, now_ms)) {
		q = query_new(r, done, arg);
		if (q == NULL)
			store_note_trouble_(s, "out of memory");
	}
	if (q == NULL) {
		s->stats.failed++;
		return STORE_DOWN;
	}
	q->deadline_ms = now_ms + s->params.timeout_ms;
	if (TAILQ_EMPTY(&s->unanswered))
		pthread_cond_signal(&s->due);
	TAILQ_INSERT_TAIL(&s->unanswered, q, due);
	s->waiting++;
	if (TAILQ_EMPTY(&s->queue)) {
		pthread_cond_signal(&s->queued);
		s->backend->wake(s->self);
	}
	TAILQ_INSERT_TAIL(&s->queue, q, entry);
	*query = q;
	return STORE_WAITS;
}

enum store_status
store_ask(struct store *s, const struct store_request *r, store_callback *done,
    void *arg, struct store_query **query, struct store_answer *out)
{
	*query = NULL;
	out->status = STORE_DOWN;
	out->count = 0;
	out->value_len = 0;
	pthread_mutex_lock(&s->lock);
	enum store_status status = ask_locked(s, r, done, arg, query, out);
	pthread_mutex_unlock(&s->lock);
	return status;
}

void
store_forget(struct store *s, struct store_query *q)
{
	pthread_mutex_lock(&s->lock);
	mark_answered(s, q);
	q->is_held = false;
	free_unless_wanted(q);
	pthread_mutex_unlock(&s->lock);
}

/* --- waiting --- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_answered;
	struct store_answer *answer;
};

static void
on_answer(void *arg, const struct store_answer *answer)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	*w->answer = *answer;
	w->is_answered = true;
	pthread_cond_signal(&w->answered);
	pthread_mutex_unlock(&w->lock);
}

enum store_status
store_call(
    struct store *s, const struct store_request *r, struct store_answer *out)
{
	struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .answered = PTHREAD_COND_INITIALIZER,
	    .answer = out};
	struct store_query *q;
	enum store_status status = store_ask(s, r, on_answer, &w, &q, out);

	if (status != STORE_WAITS)
		return status;
	if (before_wait != NULL)
		before_wait();
	pthread_mutex_lock(&w.lock);
	while (!w.is_answered)
		pthread_cond_wait(&w.answered, &w.lock);
	pthread_mutex_unlock(&w.lock);
	store_forget(s, q);
	pthread_cond_destroy(&w.answered);
	pthread_mutex_destroy(&w.lock);
	return out->status;
}

/* --- the backend's side --- */

static void
remember(
    struct store *s, const struct store_query *q, const struct store_answer *a)
{
	struct cached_row row = {.epoch = 0, .heard_sec = q->now_sec};

	if (!q->is_fixed || a->status != STORE_OK)
		return;
	if (q->kind == STORE_PUT) {
		row.value = mf_text_at(q->value, q->value_len);
		row.expires_sec = q->expires_sec;
		row.epoch = s->epoch;
	} else {
		row.value = mf_text_at(a->value, a->value_len);
		row.expires_sec = q->now_sec + CACHED_SEC;
	}
	row_cache_add(s->cache, mf_text_at(q->key, q->key_len), &row);
}

void
store_answer(
    struct store *s, struct store_query *q, const struct store_answer *answer)
{
	pthread_mutex_lock(&s->lock);
	remember(s, q, answer);
	finish(s, q, answer);
	let_go(q);
	pthread_mutex_unlock(&s->lock);
}

void
store_fail(struct store *s, struct store_query *q, const char *reason)
{
	const struct store_answer down = {.status = STORE_DOWN};

	pthread_mutex_lock(&s->lock);
	if (!q->is_answered)
		store_note_trouble_(s, reason);
	finish(s, q, &down);
	let_go(q);
	pthread_mutex_unlock(&s->lock);
}

bool
store_stopping(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

bool
store_take(struct store *s, struct store_queue *taken, size_t max)
{
	struct store_query *q;

	pthread_mutex_lock(&s->lock);
	while (max-- > 0 && (q = TAILQ_FIRST(&s->queue)) != NULL) {
		TAILQ_REMOVE(&s->queue, q, entry);
		q->is_queued = false;
		q->is_taken = true;
		TAILQ_INSERT_TAIL(taken, q, entry);
	}
	pthread_mutex_unlock(&s->lock);
	return !TAILQ_EMPTY(taken);
}

void
store_put_back(struct store *s, struct store_queue *taken)
{
	struct store_query *q;

	pthread_mutex_lock(&s->lock);
	while ((q = TAILQ_LAST(taken, store_queue)) != NULL) {
		TAILQ_REMOVE(taken, q, entry);
		q->is_queued = !q->is_answered;
		if (q->is_queued)
			TAILQ_INSERT_HEAD(&s->queue, q, entry);
		let_go(q);
	}
	pthread_mutex_unlock(&s->lock);
}

void
store_cond_wait_(struct store *s, pthread_cond_t *cond, uint64_t until_ms)
{
	struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = (long)(until_ms % 1000) * 1000000};

	pthread_cond_timedwait(cond, &s->lock, &until);
}

void
store_wait(struct store *s, uint64_t until_ms)
{
	pthread_mutex_lock(&s->lock);
	while (TAILQ_EMPTY(&s->queue) && !s->stopping && clock_ms() < until_ms)
		store_cond_wait_(s, &s->queued, until_ms);
	pthread_mutex_unlock(&s->lock);
}

/* --- deadlines --- */

void
store_expire_(struct store *s, uint64_t now_ms)
{
	const struct store_answer down = {.status = STORE_DOWN};
	struct store_query *q;

	while ((q = TAILQ_FIRST(&s->unanswered)) != NULL &&
	    q->deadline_ms <= now_ms) {
		s->stats.late++;
		store_note_trouble_(s, "no answer in time");
		finish(s, q, &down);
	}
}
