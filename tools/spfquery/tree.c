/* SPDX-License-Identifier: ISC */
/*
 * See spfquery_tree.h.
 */
#include "tools/spfquery/tree.h"

#include "common/text.h"

#include <stdlib.h>

struct tree {
	const struct dns *dns;
	struct node *root;
	struct node *checks[TREE_DEPTHS], *terms[TREE_DEPTHS];
	struct node *lookup; /* the last one */
	unsigned voids;
	bool over; /* the check of depth 0 has its result */
};

static char *
copy(struct mf_text t)
{
	char *c = spfquery_must(malloc(t.len + 1));

	if (t.len != 0)
		memcpy(c, t.p, t.len);
	c[t.len] = '\0';
	return c;
}

static struct node *
node_add(struct node *parent, enum node_kind kind, const struct spf_event *e)
{
	struct node *n = spfquery_must(calloc(1, sizeof(*n)));

	n->kind = kind;
	n->name = copy(e->name);
	n->text = copy(e->text);
	if (parent->last != NULL)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

void
tree_clear(struct node *n)
{
	while (n->first != NULL) {
		struct node *child = n->first;

		n->first = child->next;
		tree_clear(child);
		free(child->name);
		free(child->text);
		free(child);
	}
}

/* --- gathering --- */

/* Terms that cause lookups, by name: all but all, ip4, ip6 and exp. */
static bool
is_counted(struct mf_text term)
{
	static const char *const names[] = {
	    "include", "redirect", "exists", "ptr", "mx", "a"};

	if (term.len != 0 && strchr("+-~?", term.p[0]) != NULL)
		term = text_from(term, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct mf_text name = mf_text_of(names[i]);

		if (text_starts_fold(term, name) &&
		    (term.len == name.len ||
			strchr(":/=", term.p[name.len]) != NULL))
			return true;
	}
	return false;
}

/* Where what happens at depth belongs. */
static struct node *
place_of(struct tree *t, unsigned depth)
{
	if (depth >= TREE_DEPTHS || t->over)
		return t->root;
	if (t->terms[depth] != NULL)
		return t->terms[depth];
	return t->checks[depth] != NULL ? t->checks[depth] : t->root;
}

static void
hear_check(struct tree *t, unsigned depth, const struct spf_event *e)
{
	struct node *parent = depth > 0 && t->terms[depth - 1] != NULL
	    ? t->terms[depth - 1]
	    : t->root;

	t->checks[depth] = node_add(parent, NODE_CHECK, e);
	t->terms[depth] = NULL;
}

static void
hear_term(struct tree *t, unsigned depth, const struct spf_event *e)
{
	struct node *n =
	    node_add(t->checks[depth] != NULL ? t->checks[depth] : t->root,
		NODE_TERM, e);

	if (is_counted(e->text))
		n->term = e->terms + 1;
	t->terms[depth] = n;
}

static void
hear_lookup(struct tree *t, const struct spf_event *e)
{
	struct node *n = node_add(place_of(t, e->depth), NODE_LOOKUP, e);

	n->rr = e->rr;
	n->answer = e->answer;
	n->reply = dns_find(t->dns, e->rr, e->name);
	t->lookup = n;
}

static void
hear(void *arg, const struct spf_event *e)
{
	struct tree *t = arg;
	unsigned depth = e->depth < TREE_DEPTHS ? e->depth : 0;

	if (e->voids > t->voids && t->lookup != NULL)
		t->lookup->nothing = t->voids = e->voids;
	switch (e->kind) {
	case SPF_EVENT_CHECK:
		hear_check(t, depth, e);
		break;
	case SPF_EVENT_RECORD:
		free(t->checks[depth]->text);
		t->checks[depth]->text = copy(e->text);
		break;
	case SPF_EVENT_TERM:
		hear_term(t, depth, e);
		break;
	case SPF_EVENT_MACRO:
		node_add(place_of(t, e->depth), NODE_MACRO, e);
		break;
	case SPF_EVENT_LOOKUP:
		hear_lookup(t, e);
		break;
	case SPF_EVENT_MATCH:
		t->terms[depth]->match = e->matched ? MATCH_YES : MATCH_NO;
		break;
	case SPF_EVENT_PROBLEM:
		node_add(place_of(t, e->depth), NODE_PROBLEM, e);
		break;
	case SPF_EVENT_RESULT:
		t->checks[depth]->has_result = true;
		t->checks[depth]->result = e->result;
		t->over = depth == 0;
		break;
	}
}

void
tree_grow(struct node *root, const struct spfquery_report *report)
{
	struct tree t = {.dns = report->dns, .root = root};
	const struct spf_trace trace = {.event = hear, .arg = &t};
	struct spf_source source = dns_source(report->dns);
	struct spf_request request = *report->request;
	struct spf_verdict v;

	request.trace = &trace;
	spfquery_evaluate(report->engine == SPFQUERY_LIBSPF2 ? SPFQUERY_LIBSPF2
							     : SPFQUERY_NATIVE,
	    &request, &source, &v, NULL);
	/* Of the last lookup no later event has told. */
	if (v.voids > t.voids && t.lookup != NULL)
		t.lookup->nothing = v.voids;
}
