/* SPDX-License-Identifier: ISC */
/*
 * Requests to a Redis that is connected, and its replies.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/redis_.h"

#define PREFIX MF_TEXT("mailfrom:")

/* Requests that are taken at a time. */
#define BATCH_MAX 1000

/* --- requests --- */

struct redis_request {
	struct redis_store *store;
	struct store_query *query;
};

static struct mf_text
name_key(const struct store_query *q, char *out, size_t size)
{
	struct text_out name = text_out(out, size);

	out_text(&name, PREFIX);
	out_text(&name, mf_text_at(q->key, q->key_len));
	return out_view(&name);
}

struct mf_text
redis_number_(uint64_t n, char out[static 21])
{
	struct text_out digits = text_out(out, 21);

	out_uint(&digits, n);
	return out_view(&digits);
}

static uint64_t
seconds_left(const struct store_query *q)
{
	return q->expires_sec > q->now_sec ? q->expires_sec - q->now_sec : 1;
}

/* Ask again when there is a connection; it has its deadline. */
static void
put_back(struct redis_store *s, struct store_query *q)
{
	struct store_queue one;

	TAILQ_INIT(&one);
	TAILQ_INSERT_TAIL(&one, q, entry);
	store_put_back(s->store, &one);
}

/* A refusal, for the log; some mean that this server is none for us. */
static void
refuse(struct redis_store *s, struct store_query *q, struct mf_text text)
{
	char reason[REDIS_REASON_SIZE];

	snprintf(reason, sizeof(reason), "Redis: %.*s",
	    (int)text_head(text, 200).len, text.p);
	if (text_starts(text, MF_TEXT("READONLY")) ||
	    text_starts(text, MF_TEXT("LOADING")) ||
	    text_starts(text, MF_TEXT("MASTERDOWN"))) {
		put_back(s, q);
		s->lose(s, reason);
	} else
		store_fail(s->store, q, reason);
}

static void
answer_value(
    struct redis_store *s, struct store_query *q, const struct redis_part *part)
{
	struct store_answer answer = {.status = STORE_OK};

	if (part->text.len > STORE_VALUE_MAX) {
		store_fail(s->store, q, "Redis: a value is too long");
		return;
	}
	answer.count = part->number > 0 ? (uint64_t)part->number : 0;
	answer.value_len = part->text.len;
	if (part->text.len != 0)
		memcpy(answer.value, part->text.p, part->text.len);
	if (q->kind == STORE_GET)
		text_uint(part->text, UINT64_MAX, &answer.count);
	store_answer(s->store, q, &answer);
}

static void
on_answer(void *arg, const struct redis_answer *answer)
{
	struct redis_request *r = arg;
	struct redis_store *s = r->store;
	struct store_query *q = r->query;
	/* EXEC has the replies of SET and INCR. */
	const struct redis_part *last =
	    &answer->parts[answer->count != 0 ? answer->count - 1 : 0];
	static const struct store_answer absent = {.status = STORE_ABSENT};

	free(r);
	if (answer->kind == REDIS_LOST && q->kind == STORE_COUNT)
		store_fail(s->store, q, "Redis: connection lost");
	else if (answer->kind == REDIS_LOST)
		put_back(s, q);
	else if (last->kind == REDIS_REFUSED)
		refuse(s, q, last->text);
	else if (last->kind == REDIS_NOTHING)
		store_answer(s->store, q, &absent);
	else
		answer_value(s, q, last);
}

/* What comes before EXEC says nothing. */
void
redis_ignore_(void *arg, const struct redis_answer *answer)
{
	(void)arg;
	(void)answer;
}

static void
send_count(struct redis_link *link, struct mf_text key, struct mf_text left,
    struct redis_request *request)
{
	const struct mf_text multi = MF_TEXT("MULTI"), exec = MF_TEXT("EXEC");
	const struct mf_text set[] = {MF_TEXT("SET"), key, MF_TEXT("0"),
	    MF_TEXT("EX"), left, MF_TEXT("NX")};
	const struct mf_text incr[] = {MF_TEXT("INCR"), key};

	redis_link_send(link, &multi, 1, redis_ignore_, NULL);
	redis_link_send(link, set, 6, redis_ignore_, NULL);
	redis_link_send(link, incr, 2, redis_ignore_, NULL);
	redis_link_send(link, &exec, 1, on_answer, request);
}

/* All but what waits for replicas. */
static void
send_query(struct redis_store *s, struct store_query *q)
{
	struct redis_link *link = s->sides[REDIS_READER].link;
	struct redis_request *request = malloc(sizeof(*request));
	char key_room[STORE_KEY_MAX + 16], left_room[21];
	struct mf_text key = name_key(q, key_room, sizeof(key_room));
	struct mf_text left = redis_number_(seconds_left(q), left_room);
	const struct mf_text ping = MF_TEXT("PING");
	const struct mf_text get[] = {MF_TEXT("GET"), key};
	const struct mf_text set[] = {MF_TEXT("SET"), key,
	    mf_text_at(q->value, q->value_len), MF_TEXT("EX"), left};

	if (request == NULL) {
		store_fail(s->store, q, "out of memory");
		return;
	}
	*request = (struct redis_request){s, q};
	switch (q->kind) {
	case STORE_PUT:
		redis_link_send(link, set, 5, on_answer, request);
		break;
	case STORE_GET:
		redis_link_send(link, get, 2, on_answer, request);
		break;
	case STORE_COUNT:
		send_count(link, key, left, request);
		break;
	case STORE_PING:
		redis_link_send(link, &ping, 1, on_answer, request);
		break;
	}
}

/* --- rows that wait for replicas --- */

static void send_writes(struct redis_store *s);

static void
on_set(void *arg, const struct redis_answer *answer)
{
	struct redis_request *r = arg;
	struct redis_store *s = r->store;
	struct store_query *q = r->query;

	free(r);
	if (answer->kind == REDIS_VALUE)
		return; /* the WAIT behind it answers */
	TAILQ_REMOVE(&s->unacked, q, entry);
	if (answer->kind == REDIS_REFUSED)
		refuse(s, q, answer->parts[0].text);
	else
		put_back(s, q);
}

static void
on_wait(void *arg, const struct redis_answer *answer)
{
	struct redis_store *s = arg;
	static const struct store_answer ok = {.status = STORE_OK};
	long long have = answer->kind == REDIS_VALUE && answer->count == 1
	    ? answer->parts[0].number
	    : 0;
	char reason[REDIS_REASON_SIZE];
	struct store_query *q;

	s->wait_is_due = false;
	snprintf(reason, sizeof(reason),
	    "Redis: %lld of %u replicas have the row in time", have,
	    s->params.replicas);
	while ((q = TAILQ_FIRST(&s->unacked)) != NULL) {
		TAILQ_REMOVE(&s->unacked, q, entry);
		if (answer->kind == REDIS_LOST)
			put_back(s, q);
		else if (have >= (long long)s->params.replicas)
			store_answer(s->store, q, &ok);
		else
			store_fail(s->store, q, reason);
	}
	send_writes(s);
}

static void
send_write(struct redis_store *s, struct store_query *q)
{
	struct redis_request *request = malloc(sizeof(*request));
	char key_room[STORE_KEY_MAX + 16], left_room[21];
	const struct mf_text set[] = {MF_TEXT("SET"),
	    name_key(q, key_room, sizeof(key_room)),
	    mf_text_at(q->value, q->value_len), MF_TEXT("EX"),
	    redis_number_(seconds_left(q), left_room)};

	if (request == NULL) {
		store_fail(s->store, q, "out of memory");
		return;
	}
	*request = (struct redis_request){s, q};
	TAILQ_INSERT_TAIL(&s->unacked, q, entry);
	redis_link_send(s->sides[REDIS_WRITER].link, set, 5, on_set, request);
}

/* While a WAIT is due the next rows gather, for one more. */
static void
send_writes(struct redis_store *s)
{
	char replicas[21], limit[21];
	const struct mf_text wait[] = {MF_TEXT("WAIT"),
	    redis_number_(s->params.replicas, replicas),
	    /* Two of them fit into the deadline of a row. */
	    redis_number_(s->params.timeout_ms / 3, limit)};
	struct store_query *q;

	if (s->wait_is_due || !s->sides[REDIS_WRITER].is_ready ||
	    TAILQ_EMPTY(&s->unsent))
		return;
	while ((q = TAILQ_FIRST(&s->unsent)) != NULL) {
		TAILQ_REMOVE(&s->unsent, q, entry);
		send_write(s, q);
	}
	s->wait_is_due = true;
	redis_link_send(s->sides[REDIS_WRITER].link, wait, 3, on_wait, s);
}

static bool
is_ready(const struct redis_store *s)
{
	for (unsigned i = 0; i < s->link_count; i++)
		if (!s->sides[i].is_ready)
			return false;
	return true;
}

/* Those that nobody can be asked wait in the store's queue. */
void
redis_send_all_(struct redis_store *s)
{
	struct store_queue taken;
	struct store_query *q;

	TAILQ_INIT(&taken);
	while (is_ready(s) && store_take(s->store, &taken, BATCH_MAX))
		while ((q = TAILQ_FIRST(&taken)) != NULL) {
			TAILQ_REMOVE(&taken, q, entry);
			if (q->kind == STORE_PUT && s->params.replicas != 0)
				TAILQ_INSERT_TAIL(&s->unsent, q, entry);
			else
				send_query(s, q);
		}
	send_writes(s);
}

void
redis_keep_all_(struct redis_store *s)
{
	store_put_back(s->store, &s->unsent);
}
