/* SPDX-License-Identifier: ISC */
/*
 * Requests that are decided, but wait for the SPF gate's word.
 *
 * The gate answers on a thread of its own; what it has answered is handed over
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
	struct gate_query *query; /* NULL: it doesn't wait */
	bool passes;              /* the sender may stay; false until then */
	enum spf_cause cause;     /* why the gate couldn't tell, if so */
	struct map_request request;
	struct policy_result result; /* if it doesn't pass */
	unsigned generation;         /* of the configuration that decided it */
	char text[];                 /* of the request */
};

/* A copy of a decided request; the caller's.  NULL: out of memory. */
struct pending *pending_new(struct handover *queue, void *owner,
    const struct map_request *request, const struct policy_result *result);
void pending_free(struct pending *p); /* NULL is fine */

/* Ask the gate, once.  With GATE_WAITS p will be queued. */
enum gate_answer pending_ask(struct pending *p,
    const struct srsd_config *config, struct mf_text sender, uint64_t now_sec);

/* Wait no longer: passes is what the gate has answered up to now. */
void pending_settle(struct pending *p);

/* The next one that is answered, settled; NULL: no more. */
struct pending *pending_next(struct handover *queue);

#endif
