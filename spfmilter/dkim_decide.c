/* SPDX-License-Identifier: ISC */
/*
 * d= has to be the domain of MAIL FROM or above it: whoever signs for
 * example.org may send for mail.example.org, never the other way.  There is no
 * list of suffixes under which anybody can register; who signs for one is its
 * owner.  From alone never counts: senders of spam sign their own From, and
 * could use anybody's MAIL FROM.
 */
#include "spfmilter/dkim_decide.h"

static bool
is_aligned(const struct dkim_facts *f, struct mf_text d)
{
	if (!dkim_domain_covers(d, f->sender_domain))
		return false;
	switch (f->aligned) {
	case DKIM_ALIGNED_MAILFROM:
		return true;
	case DKIM_ALIGNED_BOTH:
		return dkim_domain_covers(d, f->from_domain);
	}
	return false;
}

/* What s could do if it passes and counts. */
static enum dkim_effect
effect_of(const struct dkim_facts *f, const struct dkim_signature *s,
    struct lookup_answer *answer)
{
	struct mf_text d = mf_text_of(s->domain);

	switch (lookup_dkim_pass(f->table, d, NULL, answer)) {
	case LOOKUP_DKIM_DEFAULT:
		return is_aligned(f, d) ? DKIM_LIFTS : DKIM_LIFTS_NOT;
	case LOOKUP_DKIM_OK:
		return DKIM_LIFTS;
	case LOOKUP_DKIM_SKIP:
		return DKIM_LIFTS_NOT;
	case LOOKUP_DKIM_REFUSE:
		return DKIM_REFUSES;
	}
	return DKIM_LIFTS_NOT;
}

static unsigned
strength(enum dkim_effect effect)
{
	switch (effect) {
	case DKIM_LIFTS_NOT:
		return 0;
	case DKIM_LIFTS_LATER:
		return 1;
	case DKIM_LIFTS:
		return 2;
	case DKIM_REFUSES:
		return 3;
	}
	return 0;
}

enum dkim_effect
dkim_decide(
    const struct dkim_facts *f, size_t *which, struct lookup_answer *answer)
{
	enum dkim_effect best = DKIM_LIFTS_NOT;

	*answer = (struct lookup_answer){.entry = NULL};
	for (size_t i = 0; i < f->count; i++) {
		const struct dkim_signature *s = f->signatures[i];
		bool unknown = s->result == DKIM_TEMPERROR;
		struct lookup_answer own;
		enum dkim_effect effect;

		if (s->standing != DKIM_COUNTS && !unknown)
			continue;
		effect = effect_of(f, s, &own);
		if (unknown)
			effect = effect == DKIM_LIFTS &&
				strchr(s->domain, '.') != NULL
			    ? DKIM_LIFTS_LATER
			    : DKIM_LIFTS_NOT;
		if (strength(effect) <= strength(best))
			continue;
		best = effect;
		*which = i;
		*answer = own;
	}
	return best;
}
