/* SPDX-License-Identifier: ISC */
#include "spfmilter/examination.h"

#include "common/clock.h"

/* True: that was the last. */
static bool
leave(struct examination *x)
{
	return atomic_fetch_sub(&x->left, 1) == 1;
}

static void
on_checked(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	struct examination_check *c = arg;

	(void)cost;
	if (c->verdict != NULL)
		*c->verdict = *verdict;
	c->passes = verdict->result == SPF_PASS;
	if (leave(c->of))
		c->of->woken(c->of->arg);
}

/* At the deadline the resolver's verdict is temperror. */
static unsigned
time_left(const struct examination *x)
{
	uint64_t now = clock_ms();

	return x->deadline_ms > now ? (unsigned)(x->deadline_ms - now) : 0;
}

/* What is cached is answered while it is asked. */
static enum examination_state
start(struct examination *x, const struct spf_request *requests)
{
	unsigned timeout_ms = time_left(x);

	atomic_init(&x->left, x->count + 1);
	for (size_t i = 0; i < x->count; i++) {
		x->checks[i].of = x;
		x->checks[i].number = checker_start(x->checker, &requests[i],
		    timeout_ms, on_checked, &x->checks[i]);
	}
	return leave(x) ? EXAMINATION_OVER : EXAMINATION_WAITS;
}

static enum examination_state
start_identities(struct examination *x)
{
	struct spf_request requests[EXAMINED_COUNT];

	examined_begin(&x->who, x->findings);
	x->count = EXAMINED_COUNT;
	for (size_t i = 0; i < x->count; i++) {
		requests[i] = x->findings->checks[i].request;
		x->checks[i].verdict = &x->findings->checks[i].verdict;
	}
	return start(x, requests);
}

static enum examination_state
start_forwarders(struct examination *x)
{
	const struct conf_list *names = checker_forwarders(x->checker);
	struct spf_request requests[CHECKS_MAX];

	x->tries_forwarders = true;
	x->count = names->count < CHECKS_MAX ? names->count : CHECKS_MAX;
	for (size_t i = 0; i < x->count; i++) {
		requests[i] = examined_forwarder(&x->who, names->items[i]);
		x->checks[i].verdict = NULL;
	}
	return start(x, requests);
}

/* The first of those that pass. */
static void
take_forwarder(struct examination *x)
{
	const struct conf_list *names = checker_forwarders(x->checker);

	for (size_t i = x->count; i-- > 0;)
		if (x->checks[i].passes)
			x->findings->forwarder = names->items[i];
}

enum examination_state
examination_go_on(struct examination *x)
{
	if (!x->tries_forwarders &&
	    examined_wants_forwarders(x->checker, x->findings) &&
	    start_forwarders(x) == EXAMINATION_WAITS)
		return EXAMINATION_WAITS;
	if (x->tries_forwarders)
		take_forwarder(x);
	return EXAMINATION_OVER;
}

enum examination_state
examination_begin(struct examination *x)
{
	x->deadline_ms = checker_deadline(x->checker);
	x->tries_forwarders = false;
	return start_identities(x) == EXAMINATION_WAITS ? EXAMINATION_WAITS
							: examination_go_on(x);
}

void
examination_cancel(struct examination *x)
{
	for (size_t i = 0; i < x->count; i++)
		checker_cancel(x->checker, x->checks[i].number);
}
