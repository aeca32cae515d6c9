/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/recorder.h"

#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/answer_copy.h"
#include "tools/spfquery/spfquery.h"

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
		answer_copy(event->answer, &s->answer);
		s->event.answer = &s->answer;
		answer_origin(r->inner, event->rr, event->name, &s->origin);
	}
	*r->last = s;
	r->last = &s->next;
}

void
recorder_reset(struct recorder *r)
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
recorder_begin(struct recorder *r, struct spf_request *request,
    const struct spf_source *source)
{
	recorder_reset(r);
	r->inner = source;
	r->trace = (struct spf_trace){.event = record, .arg = r};
	request->trace = &r->trace;
}
