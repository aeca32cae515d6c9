/* SPDX-License-Identifier: ISC */
/*
 * Items of a flattened record: networks join the earliest one that they can,
 * and what needs no term gets none.
 */
#include <stdlib.h>

#include "tools/spfquery/flatten_.h"
#include "tools/spfquery/spfquery.h"

/* Of shortening; two or three do. */
#define ROUNDS_MAX 20

/* --- items --- */

struct flat_item *
flatten_item_add(struct flat *f, enum spf_result result)
{
	struct flat_item *item = spfquery_must(calloc(1, sizeof(*item)));

	item->result = result;
	item->sets[SURVEY_V6].v6 = true;
	*f->last = item;
	f->last = &item->next;
	return item;
}

static bool
meets(const struct flat_item *item, const struct ipset *const sets[static 2])
{
	bool any = false;

	for (size_t i = 0; i < SURVEY_FAMILIES && !any; i++) {
		struct ipset both = ipset_both(&item->sets[i], sets[i]);

		any = !ipset_is_empty(&both);
		ipset_clear(&both);
	}
	return any;
}

/*
 * The earliest item of that result that sets can join: nothing after it
 * decides otherwise about them, nor is a kept term there.
 */
static struct flat_item *
place_of(const struct flat *f, enum spf_result result,
    const struct ipset *const sets[static 2])
{
	struct flat_item *place = NULL;

	for (struct flat_item *i = f->first; i != NULL; i = i->next) {
		if (i->kept != NULL || (i->result != result && meets(i, sets)))
			place = NULL;
		else if (i->result == result && place == NULL)
			place = i;
	}
	return place;
}

void
flatten_add_nets(struct flat *f, enum spf_result result,
    const struct ipset *const sets[static 2])
{
	struct flat_item *item;

	if (ipset_is_empty(sets[0]) && ipset_is_empty(sets[1]))
		return;
	item = place_of(f, result, sets);
	if (item == NULL)
		item = flatten_item_add(f, result);
	for (size_t i = 0; i < SURVEY_FAMILIES; i++)
		ipset_add_set(&item->sets[i], sets[i]);
}

/* --- making it short --- */

void
flatten_item_free(struct flat_item *item)
{
	ipset_clear(&item->sets[0]);
	ipset_clear(&item->sets[1]);
	free(item->kept);
	free(item);
}

/* Whether what follows would decide the same about item as it does. */
static bool
is_needless(const struct flat *f, const struct flat_item *item)
{
	const struct ipset *sets[] = {&item->sets[0], &item->sets[1]};

	if (item->kept != NULL)
		return false;
	if (ipset_is_empty(sets[0]) && ipset_is_empty(sets[1]))
		return true;
	if (f->redirect != NULL || item->result != f->others)
		return false;
	for (const struct flat_item *i = item->next; i != NULL; i = i->next)
		if (i->kept != NULL || meets(i, sets))
			return false;
	return true;
}

static void
drop_needless(struct flat *f)
{
	struct flat_item **at = &f->first;

	while (*at != NULL) {
		struct flat_item *item = *at;

		if (!is_needless(f, item)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		flatten_item_free(item);
		at = &f->first; /* it may have been in the way of others */
	}
	f->last = at;
}

/* What is decided before need not be in later networks; if that is shorter. */
static void
cut_decided(struct flat *f)
{
	struct ipset decided[SURVEY_FAMILIES] = {
	    ipset_empty(false), ipset_empty(true)};

	for (struct flat_item *i = f->first; i != NULL; i = i->next)
		for (size_t n = 0; n < SURVEY_FAMILIES; n++) {
			struct ipset fresh =
			    ipset_minus(&i->sets[n], &decided[n]);

			ipset_add_set(&decided[n], &i->sets[n]);
			if (ipset_nets(&fresh) <= ipset_nets(&i->sets[n]))
				ipset_take(&i->sets[n], fresh);
			else
				ipset_clear(&fresh);
		}
	ipset_clear(&decided[0]);
	ipset_clear(&decided[1]);
}

static void
add_each(struct flat *f, const struct flat_item *item)
{
	for (size_t i = 0; i < SURVEY_FAMILIES; i++) {
		struct ipset_walk walk = {0};
		struct ip_net net;

		while (ipset_next(&item->sets[i], &walk, &net)) {
			struct ipset one = ipset_empty(net.ip.v6);
			struct ipset none = ipset_empty(!net.ip.v6);
			const struct ipset *sets[] = {&one, &none};

			ipset_add(&one, &net);
			if (net.ip.v6) {
				sets[0] = &none;
				sets[1] = &one;
			}
			flatten_add_nets(f, item->result, sets);
			ipset_clear(&one);
		}
	}
}

/* Let each network join the earliest item that it can. */
static void
join(struct flat *f)
{
	struct flat_item *all = f->first;

	f->first = NULL;
	f->last = &f->first;
	while (all != NULL) {
		struct flat_item *item = all;

		all = item->next;
		item->next = NULL;
		if (item->kept != NULL) {
			*f->last = item;
			f->last = &item->next;
			continue;
		}
		add_each(f, item);
		flatten_item_free(item);
	}
}

/* --- holes --- */

/* Addresses that no item decides about. */
static struct ipset
undecided(const struct flat *f, size_t family)
{
	struct ipset left = ipset_all(family == SURVEY_V6);

	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		ipset_remove_set(&left, &i->sets[family]);
	return left;
}

static bool
is_within(const struct ipset *part, const struct ipset *whole)
{
	struct ipset outside = ipset_minus(part, whole);
	bool within = ipset_is_empty(&outside);

	ipset_clear(&outside);
	return within;
}

/* A stretch of a set, from its range first to the range last. */
struct stretch {
	const struct ipset *set;
	size_t first, last;
	size_t cost; /* networks of it, and of the holes that are filled */
};

/* Lengthen it by a range if that is shorter than the two apart. */
static bool
lengthen(struct stretch *s, const struct ipset *left, struct ipset *holes)
{
	const struct ip_range *r = s->set->ranges, *next = &r[s->last + 1];
	struct ipset all =
	    ipset_range(s->set->v6, r[s->first].first, next->last);
	struct ipset apart = ipset_range(s->set->v6, next->first, next->last);
	struct ipset in = ipset_minus(&all, s->set);
	size_t cost = ipset_nets(&all) + ipset_nets(&in);
	bool longer =
	    cost < s->cost + ipset_nets(&apart) && is_within(&in, left);

	if (longer) {
		s->last++;
		s->cost = cost;
		ipset_add_set(holes, &in);
	}
	ipset_clear(&all);
	ipset_clear(&apart);
	ipset_clear(&in);
	return longer;
}

/* Holes in set that are worth a term of their own in front of it. */
static struct ipset
find_holes(const struct ipset *set, const struct ipset *left)
{
	struct ipset holes = ipset_empty(set->v6);

	for (size_t i = 0; i < set->count; i++) {
		struct ipset range = ipset_range(
		    set->v6, set->ranges[i].first, set->ranges[i].last);
		struct stretch s = {set, i, i, ipset_nets(&range)};

		ipset_clear(&range);
		while (s.last + 1 < set->count && lengthen(&s, left, &holes))
			;
		i = s.last;
	}
	return holes;
}

/*
 * "-ip4:192.0.2.1 ip4:192.0.2.0/24" rather than the eight networks around it.
 * Kept terms might match what is in the hole.
 */
static void
fill_holes(struct flat *f)
{
	struct flat_item *first = f->first, *front;

	for (const struct flat_item *i = first; i != NULL; i = i->next)
		if (i->kept != NULL)
			return;
	if (first == NULL || f->redirect != NULL)
		return;
	f->first = NULL;
	f->last = &f->first;
	front = flatten_item_add(f, f->others);
	front->next = first;
	for (size_t n = 0; n < SURVEY_FAMILIES; n++)
		for (struct flat_item *i = first; i != NULL; i = i->next) {
			struct ipset left = undecided(f, n);
			struct ipset holes = i->result != f->others
			    ? find_holes(&i->sets[n], &left)
			    : ipset_empty(n == SURVEY_V6);

			ipset_add_set(&front->sets[n], &holes);
			ipset_add_set(&i->sets[n], &holes);
			ipset_clear(&holes);
			ipset_clear(&left);
		}
	while (*f->last != NULL)
		f->last = &(*f->last)->next;
}

/* --- until nothing changes --- */

/* A number that changes with the items. */
static uint64_t
fingerprint(const struct flat *f)
{
	uint64_t h = 0;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next) {
		h = (h ^ (uint64_t)i->result) * UINT64_C(0x100000001b3);
		for (size_t n = 0; n < SURVEY_FAMILIES; n++)
			for (size_t k = 0; k < i->sets[n].count; k++) {
				const struct ip_range *r =
				    &i->sets[n].ranges[k];

				h = (h ^ r->first.high ^ r->last.low) *
				    UINT64_C(0x100000001b3);
				h = (h ^ r->first.low ^ r->last.high) *
				    UINT64_C(0x100000001b3);
			}
	}
	return h;
}

/* Until nothing changes, so that a flattened record stays as it is. */
void
flatten_shorten(struct flat *f)
{
	uint64_t before, after = 0;
	unsigned rounds = 0;

	do {
		before = after;
		join(f);
		cut_decided(f);
		fill_holes(f);
		drop_needless(f);
		after = fingerprint(f);
	} while (after != before && ++rounds < ROUNDS_MAX);
}

struct ipset
flatten_set(const struct flat *f, enum spf_result result, bool v6)
{
	struct ipset out = ipset_empty(v6), decided = ipset_empty(v6);

	for (const struct flat_item *i = f->first; i != NULL; i = i->next) {
		const struct ipset *set = &i->sets[survey_family(v6)];

		if (i->result == result) {
			struct ipset fresh = ipset_minus(set, &decided);

			ipset_add_set(&out, &fresh);
			ipset_clear(&fresh);
		}
		ipset_add_set(&decided, set);
	}
	ipset_clear(&decided);
	return out;
}
