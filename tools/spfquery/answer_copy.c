/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/answer_copy.h"

#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

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

void
answer_copy(const struct spf_answer *from, struct spf_answer *to)
{
	size_t size = from->rr == SPF_RR_AAAA ? 16 : 4;

	*to = *from;
	to->record = NULL;
	own(&to->only_text);
	own(&to->nearly);
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

void
answer_clear(struct spf_answer *a)
{
	disown(a->only_text);
	disown(a->nearly);
	free((void *)(uintptr_t)a->addresses);
	for (size_t i = 0; a->names != NULL && i < a->count; i++)
		disown(a->names[i]);
	free((void *)(uintptr_t)a->names);
}

void
answer_origin(const struct spf_source *source, enum spf_rr rr,
    struct mf_text name, struct spf_origin *out)
{
	*out = (struct spf_origin){.has_rcode = false};
	if (source->origin != NULL)
		source->origin(source->arg, rr, name, out);
}
