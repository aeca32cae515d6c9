/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/recorder.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/text.h"
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

/* All that reports show of it; the compiled record isn't. */
static void
copy_answer(const struct spf_answer *from, struct spf_answer *to)
{
	size_t size = from->rr == SPF_RR_AAAA ? 16 : 4;

	*to = *from;
	to->record = NULL;
	own(&to->only_text);
	if (from->addresses != NULL)
		to->addresses = (const uint8_t *)spfquery_copy(mf_text_at(
		    (const char *)from->addresses, from->count * size));
	if (from->names != NULL) {
		struct mf_text *names =
		    spfquery_must(calloc(from->count + 1, sizeof(*names)));

		for (size_t i = 0; i < from->count; i++) {
			names[i] = from->names[i];
			own(&names[i]);
		}
		to->names = names;
	}
}

static void
free_answer(struct spf_answer *a)
{
	disown(a->only_text);
	free((void *)(uintptr_t)a->addresses);
	for (size_t i = 0; a->names != NULL && i < a->count; i++)
		disown(a->names[i]);
	free((void *)(uintptr_t)a->names);
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

		copy_answer(event->answer, &s->answer);
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
		free_answer(&s->answer);
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
