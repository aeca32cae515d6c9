/* SPDX-License-Identifier: ISC */
#include "srsd/pending.h"

#include <stdlib.h>

static struct mf_text
copy(struct mf_text text, char *to)
{
	if (text.len != 0)
		memcpy(to, text.p, text.len);
	return mf_text_at(to, text.len);
}

struct pending *
pending_new(struct handover *queue, void *owner,
    const struct map_request *request, const struct policy_result *result)
{
	struct mf_text map = request->map, key = request->key;
	struct pending *p = malloc(sizeof(*p) + map.len + key.len);

	if (p == NULL)
		return NULL;
	*p =
	    (struct pending){.queue = queue, .owner = owner, .result = *result};
	p->answered.owner = p;
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
	store_release(p->store);
	free(p);
}

/* On a thread of the checker's. */
static void
on_gate(void *arg, bool passes, enum spf_cause cause)
{
	struct pending *p = arg;

	p->passes = passes;
	p->cause = cause;
	handover_put(p->queue, &p->answered);
}

enum gate_answer
pending_ask(struct pending *p, const struct srsd_config *config,
    struct mf_text sender, uint64_t now_sec)
{
	p->generation = config->shared.generation;
	return gate_ask(config->gate, config->checker, sender, now_sec, on_gate,
	    p, &p->query, &p->cause);
}

/* On a thread of the store's. */
static void
on_store(void *arg, const struct store_answer *answer)
{
	struct pending *p = arg;

	p->answer = *answer;
	handover_put(p->queue, &p->answered);
}

bool
pending_ask_store(struct pending *p, const struct srsd_config *config,
    const struct map_lookup *lookup, uint64_t now_sec)
{
	bool puts = lookup->result.reason == POLICY_TO_STORE;
	const struct store_request request = {
	    .kind = puts ? STORE_PUT : STORE_GET,
	    .key = mf_text_of(lookup->result.row.key),
	    .value = puts ? out_view(&lookup->address) : MF_TEXT(""),
	    .expires_sec = lookup->result.row.expires_sec,
	    .now_sec = now_sec,
	    .is_fixed = true};

	p->generation = config->shared.generation;
	p->result = lookup->result;
	p->asked_store = true;
	p->store = store_hold(config->store);
	/* Before the answer can come on another thread. */
	p->answer.status = STORE_DOWN;
	return store_ask(p->store, &request, on_store, p, &p->row,
		   &p->answer) != STORE_WAITS;
}

void
pending_settle(struct pending *p)
{
	if (!pending_waits(p))
		return;
	if (p->query != NULL)
		gate_forget(p->query);
	if (p->row != NULL)
		store_forget(p->store, p->row);
	p->query = NULL;
	p->row = NULL;
	handover_withdraw(p->queue, &p->answered);
}

struct pending *
pending_next(struct handover *q)
{
	struct handover_item *item = handover_take(q);
	struct pending *p = item != NULL ? item->owner : NULL;

	if (p != NULL)
		pending_settle(p);
	return p;
}
