/* SPDX-License-Identifier: ISC */
/*
 * What the outcomes say, taken together.
 */
#include "tools/spfquery/reach.h"

bool
reach_is_guess(const struct reach_outcome *o)
{
	return o->result == SPF_TEMPERROR && o->why == REACH_MAYBE;
}

struct ipset
reach_may(const struct reach *r, enum spf_result result)
{
	struct ipset set = ipset_empty(r->v6);

	for (size_t i = 0; i < r->count; i++)
		if (r->outcomes[i].result == result)
			ipset_add_set(&set, &r->outcomes[i].clients);
	return set;
}

struct ipset
reach_must(const struct reach *r, enum spf_result result)
{
	struct ipset set = ipset_copy(&r->everybody);

	for (size_t i = 0; i < r->count; i++)
		if (r->outcomes[i].result != result &&
		    !reach_is_guess(&r->outcomes[i]))
			ipset_remove_set(&set, &r->outcomes[i].clients);
	return set;
}

struct ipset
reach_only(const struct reach *r, size_t i)
{
	struct ipset set = ipset_copy(&r->outcomes[i].clients);

	for (size_t k = 0; k < r->count; k++)
		if (k != i)
			ipset_remove_set(&set, &r->outcomes[k].clients);
	return set;
}

unsigned
reach_results(const struct reach *r, const struct ipset *set)
{
	unsigned bits = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct ipset both = ipset_both(&r->outcomes[i].clients, set);

		if (!ipset_is_empty(&both))
			bits |= REACH_BIT(r->outcomes[i].result);
		ipset_clear(&both);
	}
	return bits;
}

bool
reach_all_pass(const struct reach *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->outcomes[i].result != SPF_PASS &&
		    !reach_is_guess(&r->outcomes[i]))
			return false;
	return true;
}

struct ipset
reach_shown(const struct reach *r, const struct ipset *set)
{
	struct ipset shown = ipset_copy(set), hole;

	if (!r->v6)
		return shown;
	hole = ipset_all(true);
	ipset_remove_set(&hole, &r->everybody);
	/* One range less: the set was on both sides of it. */
	ipset_add_set(&shown, &hole);
	if (shown.count >= set->count)
		ipset_take(&shown, ipset_copy(set));
	ipset_clear(&hole);
	return shown;
}
