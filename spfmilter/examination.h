/* SPDX-License-Identifier: ISC */
/*
 * The checks of one message (identities.h) without waiting, for an event loop.
 *
 * MAIL FROM and the HELO name are checked first, then, if MAIL FROM doesn't
 * pass, the trusted forwarders: each a step, after which the loop goes on.
 */
#ifndef MAILFROM_SPFMILTER_EXAMINATION_H
#define MAILFROM_SPFMILTER_EXAMINATION_H

#include <stdatomic.h>

#include "spfmilter/identities.h"

enum examination_state {
	EXAMINATION_OVER, /* the findings are complete */
	EXAMINATION_WAITS /* woken will be called once */
};

struct examination;

/* One of its checks. */
struct examination_check {
	struct examination *of;
	struct spf_verdict *verdict; /* where it goes, or NULL: */
	bool passes;                 /* only this is kept */
	uint64_t number;             /* for checker_cancel() */
};

/* Must not move while it waits. */
struct examination {
	struct checker *checker;
	struct examined who;
	struct findings *findings;
	/* Called on the resolver's thread, when a step is done. */
	void (*woken)(void *arg);
	void *arg;

	/* Its own: */
	uint64_t deadline_ms;
	bool tries_forwarders;
	size_t count;
	atomic_size_t left; /* checks, and the loop while it starts them */
	struct examination_check checks[CHECKS_MAX];
};

/*
 * Begin; the members above are set, and what they point to stays valid until it
 * is over or cancelled.
 */
enum examination_state examination_begin(struct examination *x);

/* woken was called: go on. */
enum examination_state examination_go_on(struct examination *x);

/* It waits no longer.  Once this returns woken isn't called any more. */
void examination_cancel(struct examination *x);

#endif
