/* SPDX-License-Identifier: ISC */
/*
 * The events of an evaluation as a tree: checks, their terms, and below these
 * what was expanded, looked up and included.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_TRACE_TREE_H
#define MAILFROM_TOOLS_SPFQUERY_TRACE_TREE_H

#include "tools/spfquery/recorder.h"

/* Levels of check_host(): as many as there can be terms, and the first. */
#define TREE_DEPTHS (SPF_LIMIT_MAX + 2)

enum trace_node_kind {
	NODE_CHECK,
	NODE_TERM,
	NODE_MACRO,
	NODE_LOOKUP,
	NODE_PROBLEM
};
enum trace_node_match { MATCH_UNSAID, MATCH_NO, MATCH_YES };

struct trace_node {
	struct trace_node *next, *first, *last;
	enum trace_node_kind kind;
	const struct recorded *step; /* NULL: the root */
	struct mf_text record;       /* of a check; empty: none */
	enum trace_node_match match;
	bool has_result;
	enum spf_result result;
	unsigned term;    /* its number among those that count; 0: it doesn't */
	unsigned nothing; /* the number of this lookup among void ones */
	unsigned limit;   /* of that number */
};

/*
 * Below root, which must be zeroed, what was recorded; its steps must stay
 * until trace_tree_clear().
 */
void trace_tree_grow(struct trace_node *root, const struct recorder *recorder,
    const struct spf_verdict *verdict, struct spf_limits limits);
void trace_tree_clear(struct trace_node *root);

#endif
