/* SPDX-License-Identifier: ISC */
/*
 * Requests that are decided, but wait for the SPF gate's word, or the store's.
 *
 * Both answer on threads of their own; what they have answered is handed over
 * to the thread that waits.
 */
#ifndef MAILFROM_SRSD_PENDING_H
#define MAILFROM_SRSD_PENDING_H

#include "common/handover.h"
#include "rewrite/gate.h"
#include "srsd/config.h"
#include "srsd/maps.h"

struct pending {
	struct handover_item answered;
	struct handover *queue;
	void *owner;
	struct gate_query *query;   /* NULL: it doesn't wait for the gate */
	struct store_query *row;    /* nor for the store */
	struct store *store;        /* held, if that was asked */
	struct store_answer answer; /* the store's; STORE_DOWN until then */
	bool passes;                /* the sender may stay; false until then */
	enum spf_cause cause;       /* why the gate couldn't tell, if so */
	struct map_request request;
	struct policy_result result; /* if it doesn't pass */
	bool asked_store;
	unsigned generation; /* of the configuration that decided it */
	char text[];         /* of the request */
};

/* A copy of a decided request; the caller's.  NULL: out of memory. */
struct pending *pending_new(struct handover *queue, void *owner,
    const struct map_request *request, const struct policy_result *result);
void pending_free(struct pending *p); /* NULL is fine */

/* Ask the gate, once.  With GATE_WAITS p will be queued. */
enum gate_answer pending_ask(struct pending *p,
    const struct srsd_config *config, struct mf_text sender, uint64_t now_sec);

/*
 * Ask the store for the row of a decision that needs it, once.  True: the
 * answer is there; else p will be queued.
 */
bool pending_ask_store(struct pending *p, const struct srsd_config *config,
    const struct map_lookup *lookup, uint64_t now_sec);

static inline bool
pending_waits(const struct pending *p)
{
	return p->query != NULL || p->row != NULL;
}

/* Wait no longer: passes and answer are what was said up to now. */
void pending_settle(struct pending *p);

/* The next one that is answered, settled; NULL: no more. */
struct pending *pending_next(struct handover *queue);

#endif
