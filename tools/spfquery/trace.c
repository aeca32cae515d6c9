/* SPDX-License-Identifier: ISC */
/*
 * spfquery --trace: a check as a tree.
 */
#include "common/escape.h"
#include "tools/spfquery/canvas.h"
#include "tools/spfquery/lookup_report.h"
#include "tools/spfquery/report.h"
#include "tools/spfquery/trace_tree.h"

/* Networks in a row that don't match are shown as one line. */
#define RUN_MIN 3

/* --- nodes --- */

static enum spf_result
result_of_term(struct mf_text term)
{
	switch (term.len != 0 ? term.p[0] : '+') {
	case '-':
		return SPF_FAIL;
	case '~':
		return SPF_SOFTFAIL;
	case '?':
		return SPF_NEUTRAL;
	default:
		return SPF_PASS;
	}
}

static void
put_match(const struct canvas *c, const struct trace_node *n)
{
	enum spf_result result = result_of_term(n->step->event.text);

	switch (n->match) {
	case MATCH_YES:
		fputs("  ", c->to);
		canvas_paint(c, canvas_result(result), "matches: %s",
		    spf_result_text(result));
		break;
	case MATCH_NO:
		canvas_paint(c, DIM, "  no match");
		break;
	case MATCH_UNSAID:
		break;
	}
}

static void
put_node(const struct canvas *c, const struct trace_node *n)
{
	const struct spf_event *e = &n->step->event;

	switch (n->kind) {
	case NODE_CHECK:
		canvas_name(c, e->name);
		if (n->has_result)
			canvas_paint(c, canvas_result(n->result), "  %s",
			    spf_result_text(n->result));
		else if (n->record.len == 0 && n->first == NULL)
			canvas_paint(c, DIM, "  no record");
		break;
	case NODE_TERM:
		escape_terminal(c->to, e->text);
		put_match(c, n);
		if (n->term != 0)
			canvas_paint(
			    c, DIM, "  (term %u of %u)", n->term, n->limit);
		break;
	case NODE_MACRO:
		escape_terminal(c->to, e->text);
		fprintf(c->to, " %s ", c->arrow);
		escape_terminal(c->to,
		    e->name.len != 0 ? e->name
				     : MF_TEXT("(no name that can be asked)"));
		break;
	case NODE_LOOKUP:
		fprintf(c->to, "%s ", spf_rr_text(e->rr));
		escape_terminal(c->to, e->name);
		fprintf(c->to, " %s ", c->arrow);
		words_answer(c->to, &n->step->answer);
		lookup_put_origin(c, &n->step->answer, &n->step->origin);
		if (n->nothing != 0)
			canvas_paint(
			    c, DIM, "  (void %u of %u)", n->nothing, n->limit);
		break;
	case NODE_PROBLEM:
		canvas_paint(c, BAD, "problem: ");
		escape_terminal(c->to, e->text);
		break;
	}
	putc('\n', c->to);
}

static bool
is_dull(const struct trace_node *n)
{
	return n != NULL && n->kind == NODE_TERM && n->term == 0 &&
	    n->match == MATCH_NO && n->first == NULL;
}

/* The last of the dull terms that begin with n, and how many they are. */
static const struct trace_node *
run_of(const struct trace_node *n, size_t *count)
{
	*count = 0;
	for (const struct trace_node *at = n; is_dull(at); at = at->next) {
		++*count;
		n = at;
	}
	return n;
}

static void
put_run(const struct canvas *c, const struct trace_node *first,
    const struct trace_node *last, size_t count)
{
	canvas_branch(c, last->next != NULL);
	escape_terminal(c->to, first->step->event.text);
	fprintf(c->to, " %s ", c->dots);
	escape_terminal(c->to, last->step->event.text);
	canvas_paint(c, DIM, "  no match (%zu networks)", count);
	putc('\n', c->to);
}

static void
put_children(struct canvas *c, const struct trace_node *parent)
{
	for (const struct trace_node *n = parent->first; n != NULL;
	     n = n->next) {
		size_t count;
		const struct trace_node *last = run_of(n, &count);

		if (count >= RUN_MIN) {
			put_run(c, n, last, count);
			n = last;
			continue;
		}
		canvas_branch(c, n->next != NULL);
		put_node(c, n);
		canvas_down(c, n->next != NULL);
		if (n->kind == NODE_CHECK)
			canvas_record(c, n->record, n->first != NULL);
		put_children(c, n);
		canvas_up(c);
	}
}

/* --- around it --- */

static void
put_question(const struct canvas *c, const struct spf_request *q)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&q->ip, ip);
	if (q->identity == SPF_HELO) {
		fputs("HELO ", c->to);
		escape_terminal(c->to, q->helo);
		fprintf(c->to, ", from %s\n", ip);
		return;
	}
	fputs("MAIL FROM <", c->to);
	escape_terminal(c->to, q->sender);
	fprintf(c->to, ">, from %s", ip);
	if (q->helo.len != 0) {
		fputs(", HELO ", c->to);
		escape_terminal(c->to, q->helo);
	}
	putc('\n', c->to);
}

static void
put_counters(const struct canvas *c, const struct spfquery_report *report)
{
	const struct spf_verdict *v = report->verdict;
	const struct spf_cost *cost = &report->cost;
	struct spf_limits limits = spf_limits_set(report->request->limits);

	/* libspf2 doesn't tell its own. */
	if (report->evaluator->engine != SPF_ENGINE_LIBSPF2) {
		canvas_paint(c, v->terms > limits.terms ? BAD : PLAIN,
		    "%u of %u terms", v->terms, limits.terms);
		fputs(", ", c->to);
		canvas_paint(c, v->voids > limits.voids ? BAD : PLAIN,
		    "%u of %u void lookups", v->voids, limits.voids);
		fputs(", ", c->to);
	}
	fprintf(c->to, "%u lookup%s", v->lookups, v->lookups == 1 ? "" : "s");
	if (cost->questions != 0)
		fprintf(c->to, ", %u question%s in %.1f ms", cost->questions,
		    cost->questions == 1 ? "" : "s",
		    (double)cost->elapsed_us / 1000);
	putc('\n', c->to);
}

void
trace_draw(FILE *to, const struct spfquery_report *report)
{
	const struct spf_verdict *v = report->verdict;
	struct canvas_style style = canvas_style_of(to);
	struct canvas c = canvas_on(to, &style);
	struct trace_node root = {.kind = NODE_CHECK};

	trace_tree_grow(
	    &root, &report->evaluator->recorder, v, report->request->limits);
	putc('\n', to);
	put_question(&c, report->request);
	put_children(&c, &root);
	put_counters(&c, report);
	canvas_paint(
	    &c, canvas_result(v->result), "%s", spf_result_text(v->result));
	fputs(": ", to);
	words_why(to, v);
	fputs("\n\n", to);
	trace_tree_clear(&root);
}
