/* SPDX-License-Identifier: ISC */
/* pipe2() is outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "srsd/pending.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool
pending_queue_begin(struct pending_queue *q)
{
	q->pipe[0] = q->pipe[1] = -1;
	pthread_mutex_init(&q->lock, NULL);
	STAILQ_INIT(&q->answered);
	return pipe2(q->pipe, O_CLOEXEC | O_NONBLOCK) == 0;
}

void
pending_queue_end(struct pending_queue *q)
{
	if (q->pipe[0] >= 0) {
		close(q->pipe[0]);
		close(q->pipe[1]);
	}
	pthread_mutex_destroy(&q->lock);
}

static struct mf_text
copy(struct mf_text text, char *to)
{
	if (text.len != 0)
		memcpy(to, text.p, text.len);
	return mf_text_at(to, text.len);
}

struct pending *
pending_new(struct pending_queue *queue, void *owner,
    const struct map_request *request, const struct policy_result *result)
{
	struct mf_text map = request->map, key = request->key;
	struct pending *p = malloc(sizeof(*p) + map.len + key.len);

	if (p == NULL)
		return NULL;
	*p =
	    (struct pending){.queue = queue, .owner = owner, .result = *result};
	/* Not before: text begins in the padding of the struct. */
	p->request.map = copy(map, p->text);
	p->request.key = copy(key, p->text + map.len);
	return p;
}

void
pending_free(struct pending *p)
{
	if (p == NULL)
		return;
	pending_settle(p);
	free(p);
}

/* On a thread of the checker's. */
static void
on_gate(void *arg, bool passes, enum spf_cause cause)
{
	struct pending *p = arg;
	struct pending_queue *q = p->queue;
	bool was_empty;

	pthread_mutex_lock(&q->lock);
	was_empty = STAILQ_EMPTY(&q->answered);
	p->passes = passes;
	p->cause = cause;
	p->is_answered = true;
	STAILQ_INSERT_TAIL(&q->answered, p, entry);
	pthread_mutex_unlock(&q->lock);
	if (was_empty)
		(void)!write(q->pipe[1], "", 1);
}

enum gate_answer
pending_ask(struct pending *p, const struct srsd_config *config,
    struct mf_text sender, uint64_t now_sec)
{
	p->generation = config->shared.generation;
	return gate_ask(config->gate, config->checker, sender, now_sec, on_gate,
	    p, &p->query, &p->cause);
}

void
pending_settle(struct pending *p)
{
	struct pending_queue *q = p->queue;

	if (p->query == NULL)
		return;
	gate_forget(p->query);
	p->query = NULL;
	pthread_mutex_lock(&q->lock);
	if (p->is_answered)
		STAILQ_REMOVE(&q->answered, p, pending, entry);
	p->is_answered = false;
	pthread_mutex_unlock(&q->lock);
}

struct pending *
pending_next(struct pending_queue *q)
{
	struct pending *p;

	pthread_mutex_lock(&q->lock);
	p = STAILQ_FIRST(&q->answered);
	pthread_mutex_unlock(&q->lock);
	if (p != NULL)
		pending_settle(p);
	return p;
}
