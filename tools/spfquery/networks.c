/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/networks.h"

#include <stdlib.h>

#include "common/array.h"
#include "tools/spfquery/spfquery.h"

static bool
names_addresses(const struct survey_term *t)
{
	return t->kind == SURVEY_MECHANISM &&
	    (t->mechanism == SPF_TERM_IP4 || t->mechanism == SPF_TERM_IP6 ||
		t->mechanism == SPF_TERM_A || t->mechanism == SPF_TERM_MX);
}

bool
networks_is_named(const struct scope_piece *p)
{
	return p->term != NULL && p->problem == NULL &&
	    names_addresses(p->term);
}

/* --- parts --- */

static int
compare(const void *a, const void *b)
{
	const struct networks_part *x = a, *y = b;

	return ip_number_cmp(x->range.first, y->range.first);
}

static void
add_parts(struct networks *n, size_t *room, const struct scope_piece *p)
{
	for (size_t i = 0; i < p->set.count; i++) {
		n->parts = spfquery_must(
		    array_grow(n->parts, n->count, room, sizeof(*n->parts)));
		n->parts[n->count++] =
		    (struct networks_part){p->set.ranges[i], p};
	}
}

void
networks_find(
    struct networks *n, const struct scope *scope, enum spf_result result)
{
	size_t room = 0;

	*n = (struct networks){.set.v6 = scope->v6};
	for (const struct scope_piece *p = scope->first; p != NULL;
	     p = p->next) {
		if (p->result != result || !networks_is_named(p))
			continue;
		ipset_add_set(&n->set, &p->set);
		add_parts(n, &room, p);
	}
	if (n->count != 0)
		qsort(n->parts, n->count, sizeof(*n->parts), compare);
}

void
networks_clear(struct networks *n)
{
	ipset_clear(&n->set);
	free(n->parts);
}

size_t
networks_parts(
    const struct networks *n, const struct ip_net *net, size_t *first)
{
	struct ip_range r = ip_net_range(net);
	size_t end;

	while (*first < n->count &&
	    ip_number_cmp(n->parts[*first].range.last, r.first) < 0)
		++*first;
	end = *first;
	while (end < n->count &&
	    ip_number_cmp(n->parts[end].range.first, r.last) <= 0)
		end++;
	return end - *first;
}

/* --- authorised twice --- */

struct twice {
	enum survey_family family;
	struct ipset seen;
	const struct survey_term **terms; /* that it is from */
	size_t term_count, room;
	struct networks_twice *out;
	size_t count;
};

static void
find_first(struct twice *w, const struct survey_term *again)
{
	const struct ipset *nets = &again->match[w->family].nets;

	for (size_t i = 0; i < w->term_count; i++) {
		const struct survey_term *first = w->terms[i];
		struct ipset both =
		    ipset_both(&first->match[w->family].nets, nets);

		if (!ipset_is_empty(&both)) {
			w->out[w->count++] =
			    (struct networks_twice){first, again, both};
			return;
		}
	}
}

static void
see_term(struct twice *w, const struct survey_term *t)
{
	const struct ipset *nets = &t->match[w->family].nets;
	struct ipset both = ipset_both(&w->seen, nets);

	if (!ipset_is_empty(&both))
		find_first(w, t);
	ipset_clear(&both);
	ipset_add_set(&w->seen, nets);
	w->terms = spfquery_must(
	    array_grow(w->terms, w->term_count, &w->room, sizeof(*w->terms)));
	w->terms[w->term_count++] = t;
}

static void
see_record(struct twice *w, const struct survey_record *r)
{
	for (const struct survey_term *t = r->first; t != NULL; t = t->next) {
		const struct survey_match *m = &t->match[w->family];

		if (t->after_all || w->count == NETWORKS_TWICE_MAX)
			continue;
		if (names_addresses(t))
			see_term(w, t);
		else if (m->leads != NULL && !t->repeat && !t->loop)
			see_record(w, m->leads);
	}
}

size_t
networks_twice(const struct survey *survey, bool v6,
    struct networks_twice out[static NETWORKS_TWICE_MAX])
{
	struct twice w = {
	    .family = survey_family(v6), .seen.v6 = v6, .out = out};

	if (survey->root != NULL)
		see_record(&w, survey->root);
	ipset_clear(&w.seen);
	free((void *)(uintptr_t)w.terms);
	return w.count;
}
