/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/recorder.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/text.h"
#include "tools/spfquery/answer_copy.h"
#include "tools/spfquery/spfquery.h"

/* A question that had no answer when it was asked. */
struct wait {
	struct wait *next;
	enum spf_rr rr;
	struct mf_text name;
	uint64_t asked_us;
	bool over;
	uint64_t elapsed_us;
};

/* --- copies --- */

static void
own(struct mf_text *t)
{
	*t = mf_text_at(spfquery_copy(*t), t->len);
}

static void
disown(struct mf_text t)
{
	free((void *)(uintptr_t)t.p);
}

/* --- times --- */

static struct wait *
find_wait(const struct recorder *r, enum spf_rr rr, struct mf_text name)
{
	for (struct wait *w = r->waits; w != NULL; w = w->next)
		if (w->rr == rr && text_eq_fold(w->name, name))
			return w;
	return NULL;
}

static void
begin_wait(struct recorder *r, enum spf_rr rr, struct mf_text name)
{
	struct wait *w = spfquery_must(calloc(1, sizeof(*w)));

	w->rr = rr;
	w->name = name;
	own(&w->name);
	w->asked_us = clock_us();
	w->next = r->waits;
	r->waits = w;
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct recorder *r = arg;
	const struct spf_answer *answer =
	    r->inner->lookup(r->inner->arg, rr, name);
	struct wait *w = find_wait(r, rr, name);

	if (answer == NULL && w == NULL)
		begin_wait(r, rr, name);
	if (answer != NULL && w != NULL && !w->over) {
		w->over = true;
		w->elapsed_us = clock_us() - w->asked_us;
	}
	return answer;
}

/* --- events --- */

static void
record(void *arg, const struct spf_event *event)
{
	struct recorder *r = arg;
	struct recorded *s = spfquery_must(calloc(1, sizeof(*s)));

	s->event = *event;
	own(&s->event.text);
	own(&s->event.name);
	if (event->answer != NULL) {
		const struct wait *w = find_wait(r, event->rr, event->name);

		answer_copy(event->answer, &s->answer);
		s->event.answer = &s->answer;
		s->timed = w != NULL && w->over;
		s->elapsed_us = s->timed ? w->elapsed_us : 0;
	}
	*r->last = s;
	r->last = &s->next;
}

static void
forget_steps(struct recorder *r)
{
	while (r->first != NULL) {
		struct recorded *s = r->first;

		r->first = s->next;
		disown(s->event.text);
		disown(s->event.name);
		answer_clear(&s->answer);
		free(s);
	}
	r->last = &r->first;
}

void
recorder_reset(struct recorder *r)
{
	forget_steps(r);
	while (r->waits != NULL) {
		struct wait *w = r->waits;

		r->waits = w->next;
		disown(w->name);
		free(w);
	}
}

void
recorder_begin(struct recorder *r, struct spf_request *request,
    const struct spf_source **source)
{
	forget_steps(r);
	r->inner = *source;
	r->source = (struct spf_source){.lookup = lookup, .arg = r};
	r->trace = (struct spf_trace){.event = record, .arg = r};
	*source = &r->source;
	request->trace = &r->trace;
}
