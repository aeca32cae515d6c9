/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/trace_tree.h"

#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

struct growing_tree {
	struct trace_node *root;
	struct trace_node *checks[TREE_DEPTHS], *terms[TREE_DEPTHS];
	struct trace_node *term, *lookup; /* the last ones */
	unsigned counted, voids;
	struct spf_limits limits;
	bool over; /* the check of depth 0 has its result */
};

static struct trace_node *
node_add(struct trace_node *parent, enum trace_node_kind kind,
    const struct recorded *s)
{
	struct trace_node *n = spfquery_must(calloc(1, sizeof(*n)));

	n->kind = kind;
	n->step = s;
	if (parent->last != NULL)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
	return n;
}

void
trace_tree_clear(struct trace_node *n)
{
	while (n->first != NULL) {
		struct trace_node *child = n->first;

		n->first = child->next;
		trace_tree_clear(child);
		free(child);
	}
}

/* --- growing --- */

/* Where what happens at depth belongs. */
static struct trace_node *
place_of(struct growing_tree *t, unsigned depth)
{
	if (depth >= TREE_DEPTHS || t->over)
		return t->root;
	if (t->terms[depth] != NULL)
		return t->terms[depth];
	return t->checks[depth] != NULL ? t->checks[depth] : t->root;
}

static void
add_check(struct growing_tree *t, unsigned depth, const struct recorded *s)
{
	struct trace_node *parent = depth > 0 && t->terms[depth - 1] != NULL
	    ? t->terms[depth - 1]
	    : t->root;

	t->checks[depth] = node_add(parent, NODE_CHECK, s);
	t->terms[depth] = NULL;
}

static void
add_term(struct growing_tree *t, unsigned depth, const struct recorded *s)
{
	t->term =
	    node_add(t->checks[depth] != NULL ? t->checks[depth] : t->root,
		NODE_TERM, s);
	t->terms[depth] = t->term;
}

/* A counter that has moved since is that of the last term or lookup. */
static void
count(struct growing_tree *t, unsigned terms, unsigned voids)
{
	if (terms > t->counted && t->term != NULL) {
		t->term->term = t->counted = terms;
		t->term->limit = t->limits.terms;
	}
	if (voids > t->voids && t->lookup != NULL) {
		t->lookup->nothing = t->voids = voids;
		t->lookup->limit = t->limits.voids;
	}
}

static void
add_step(struct growing_tree *t, const struct recorded *s)
{
	const struct spf_event *e = &s->event;
	unsigned depth = e->depth < TREE_DEPTHS ? e->depth : 0;

	count(t, e->terms, e->voids);
	switch (e->kind) {
	case SPF_EVENT_CHECK:
		add_check(t, depth, s);
		break;
	case SPF_EVENT_RECORD:
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		t->checks[depth]->record = e->text;
		break;
	case SPF_EVENT_TERM:
		add_term(t, depth, s);
		break;
	case SPF_EVENT_MACRO:
		node_add(place_of(t, e->depth), NODE_MACRO, s);
		break;
	case SPF_EVENT_LOOKUP:
		t->lookup = node_add(place_of(t, e->depth), NODE_LOOKUP, s);
		break;
	case SPF_EVENT_MATCH:
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		t->terms[depth]->match = e->matched ? MATCH_YES : MATCH_NO;
		break;
	case SPF_EVENT_PROBLEM:
		node_add(place_of(t, e->depth), NODE_PROBLEM, s);
		break;
	case SPF_EVENT_RESULT:
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		t->checks[depth]->has_result = true;
		t->checks[depth]->result = e->result;
		t->over = depth == 0;
		break;
	}
}

void
trace_tree_grow(struct trace_node *root, const struct recorder *recorder,
    const struct spf_verdict *verdict, struct spf_limits limits)
{
	struct growing_tree t = {
	    .root = root, .limits = spf_limits_set(limits)};

	for (const struct recorded *s = recorder->first; s != NULL; s = s->next)
		add_step(&t, s);
	/* Of the last one no later event has told. */
	count(&t, verdict->terms, verdict->voids);
}
