/* SPDX-License-Identifier: ISC */
/*
 * What libspf2 has to say, or why it says nothing.
 */
#include "libspf-engine/opinion.h"

#include "common/text.h"

const char *
spf_opinion_text(enum spf_opinion opinion)
{
	switch (opinion) {
	case SPF_OPINION_GIVEN:
		return "libspf2 returned a result";
	case SPF_OPINION_REFUSED:
		return "record considered unsafe for libspf2";
	case SPF_OPINION_LOOKUPS:
		return "libspf2 made too many lookups";
	case SPF_OPINION_LACKING:
		return "libspf2 asked for DNS data that was not fetched";
	case SPF_OPINION_FAILED:
		return "libspf2 failed";
	case SPF_OPINION_DIED:
		return "libspf2 crashed";
	case SPF_OPINION_LATE:
		return "libspf2 took too long";
	case SPF_OPINION_GARBLED:
		return "libspf2's helper violated the protocol";
	case SPF_OPINION_UNAVAILABLE:
		return "libspf2's helper has crashed too often, or can't be "
		       "started";
	case SPF_OPINIONS:
		break;
	}
	return "?";
}

void
opinion_put_text_(char *out, size_t size, struct mf_text text)
{
	struct mf_text kept = text_head(text, size - 1);

	for (size_t i = 0; i < kept.len; i++) {
		bool printable = kept.p[i] >= ' ' && kept.p[i] <= '~';

		out[i] = (char)(printable ? kept.p[i] : '?');
	}
	out[kept.len] = '\0';
}

enum spf_status
opinion_none_(
    struct spf_verdict *out, enum spf_opinion why, enum spf_opinion *opinion)
{
	out->result = SPF_TEMPERROR;
	out->domain[0] = out->mechanism[0] = out->at[0] = '\0';
	out->explanation[0] = '\0';
	out->terms = out->voids = out->lookups = out->depth = 0;
	out->guessed = out->delegated = false;
	out->cause = SPF_CAUSE_NONE;
	opinion_put_text_(out->problem, sizeof(out->problem),
	    mf_text_of(spf_opinion_text(why)));
	if (opinion != NULL)
		*opinion = why;
	return SPF_OK;
}

void
opinion_tell_lookup_(const struct spf_request *request, enum spf_rr rr,
    struct mf_text name, const struct spf_answer *answer)
{
	const struct spf_trace *trace = request->trace;

	if (trace == NULL)
		return;
	trace->event(trace->arg,
	    &(struct spf_event){.kind = SPF_EVENT_LOOKUP,
		.rr = rr,
		.name = name,
		.answer = answer});
}
