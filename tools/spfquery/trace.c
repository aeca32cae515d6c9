/* SPDX-License-Identifier: ISC */
/*
 * spfquery --trace: a check as a tree.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/escape.h"
#include "tools/spfquery/report.h"
#include "tools/spfquery/tree.h"

#define COLUMNS 80
/* Networks in a row that don't match are shown as one line. */
#define RUN_MIN 3

/* --- drawing --- */

enum colour { PLAIN, DIM, GOOD, BAD, SOFT, STRONG };

struct canvas {
	FILE *to;
	bool colours;
	const char *branch, *last, *pipe, *arrow, *dots;
	size_t depth; /* of what leads the line */
	bool more[4 * TREE_DEPTHS];
};

/* Colours for a terminal; lines of UTF-8 where that is the locale's. */
static struct canvas
canvas_for(FILE *to)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct canvas c = {.to = to,
	    .branch = "|- ",
	    .last = "`- ",
	    .pipe = "|  ",
	    .arrow = "->",
	    .dots = "..."};

	c.colours = isatty(fileno(to)) &&
	    (no_color == NULL || no_color[0] == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
	if (escape_terminal_utf8()) {
		c.branch = "\u251c\u2500 ";
		c.last = "\u2514\u2500 ";
		c.pipe = "\u2502  ";
		c.arrow = "\u2192";
		c.dots = "\u2026";
	}
	return c;
}

static void paint(const struct canvas *c, enum colour colour,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static void
paint(const struct canvas *c, enum colour colour, const char *format, ...)
{
	static const char *const codes[] = {[PLAIN] = "",
	    [DIM] = "\033[2m",
	    [GOOD] = "\033[1;32m",
	    [BAD] = "\033[1;31m",
	    [SOFT] = "\033[1;33m",
	    [STRONG] = "\033[1m"};
	bool coloured = c->colours && colour != PLAIN;
	va_list args;

	fputs(coloured ? codes[colour] : "", c->to);
	va_start(args, format);
	vfprintf(c->to, format, args);
	va_end(args);
	fputs(coloured ? "\033[0m" : "", c->to);
}

static void
paint_name(const struct canvas *c, struct mf_text name)
{
	fputs(c->colours ? "\033[1m" : "", c->to);
	escape_terminal(c->to, name);
	fputs(c->colours ? "\033[0m" : "", c->to);
}

static enum colour
result_colour(enum spf_result result)
{
	switch (result) {
	case SPF_PASS:
		return GOOD;
	case SPF_FAIL:
	case SPF_PERMERROR:
	case SPF_TEMPERROR:
		return BAD;
	case SPF_SOFTFAIL:
		return SOFT;
	case SPF_NEUTRAL:
	case SPF_NONE:
		break;
	}
	return STRONG;
}

static void
put_lead(const struct canvas *c)
{
	for (size_t i = 0; i < c->depth; i++)
		paint(c, DIM, "%s", c->more[i] ? c->pipe : "   ");
}

static void
put_branch(const struct canvas *c, bool more)
{
	put_lead(c);
	paint(c, DIM, "%s", more ? c->branch : c->last);
}

static void
put_time(const struct canvas *c, const struct recorded *s)
{
	if (s->timed)
		paint(c, DIM, "  %.1f ms", (double)s->elapsed_us / 1000);
}

/* A record, its terms wrapped behind what leads the line. */
static void
put_record(const struct canvas *c, struct mf_text rest, bool branches)
{
	size_t lead = 3 * c->depth + (branches ? 3 : 0), column = 0;
	struct mf_text word;

	while (rest.len != 0) {
		if (!text_cut(&rest, ' ', &word)) {
			word = rest;
			rest.len = 0;
		}
		if (word.len == 0)
			continue;
		if (column == 0 || lead + column + 1 + word.len > COLUMNS) {
			fputs(column != 0 ? "\n" : "", c->to);
			put_lead(c);
			paint(c, DIM, "%s", branches ? c->pipe : "");
			column = 0;
		} else {
			putc(' ', c->to);
			column++;
		}
		escape_terminal(c->to, word);
		column += word.len;
	}
	if (column != 0)
		putc('\n', c->to);
}

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
put_match(const struct canvas *c, const struct node *n)
{
	enum spf_result result = result_of_term(n->step->event.text);

	switch (n->match) {
	case MATCH_YES:
		fputs("  ", c->to);
		paint(c, result_colour(result), "matches: %s",
		    spf_result_text(result));
		break;
	case MATCH_NO:
		paint(c, DIM, "  no match");
		break;
	case MATCH_UNSAID:
		break;
	}
}

static void
put_node(const struct canvas *c, const struct node *n)
{
	const struct spf_event *e = &n->step->event;

	switch (n->kind) {
	case NODE_CHECK:
		paint_name(c, e->name);
		if (n->has_result)
			paint(c, result_colour(n->result), "  %s",
			    spf_result_text(n->result));
		else if (n->record.len == 0 && n->first == NULL)
			paint(c, DIM, "  no record");
		break;
	case NODE_TERM:
		escape_terminal(c->to, e->text);
		put_match(c, n);
		if (n->term != 0)
			paint(c, DIM, "  (term %u of %u)", n->term, n->limit);
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
		if (n->nothing != 0)
			paint(
			    c, DIM, "  (void %u of %u)", n->nothing, n->limit);
		put_time(c, n->step);
		break;
	case NODE_PROBLEM:
		paint(c, BAD, "problem: ");
		escape_terminal(c->to, e->text);
		break;
	}
	putc('\n', c->to);
}

static bool
is_dull(const struct node *n)
{
	return n != NULL && n->kind == NODE_TERM && n->term == 0 &&
	    n->match == MATCH_NO && n->first == NULL;
}

/* The last of the dull terms that begin with n, and how many they are. */
static const struct node *
run_of(const struct node *n, size_t *count)
{
	*count = 0;
	for (const struct node *at = n; is_dull(at); at = at->next) {
		++*count;
		n = at;
	}
	return n;
}

static void
put_run(const struct canvas *c, const struct node *first,
    const struct node *last, size_t count)
{
	put_branch(c, last->next != NULL);
	escape_terminal(c->to, first->step->event.text);
	fprintf(c->to, " %s ", c->dots);
	escape_terminal(c->to, last->step->event.text);
	paint(c, DIM, "  no match (%zu networks)", count);
	putc('\n', c->to);
}

static void
put_children(struct canvas *c, const struct node *parent)
{
	for (const struct node *n = parent->first; n != NULL; n = n->next) {
		size_t count;
		const struct node *last = run_of(n, &count);

		if (count >= RUN_MIN) {
			put_run(c, n, last, count);
			n = last;
			continue;
		}
		put_branch(c, n->next != NULL);
		put_node(c, n);
		c->more[c->depth++] = n->next != NULL;
		if (n->kind == NODE_CHECK)
			put_record(c, n->record, n->first != NULL);
		put_children(c, n);
		c->depth--;
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
		paint(c, v->terms > limits.terms ? BAD : PLAIN,
		    "%u of %u terms", v->terms, limits.terms);
		fputs(", ", c->to);
		paint(c, v->voids > limits.voids ? BAD : PLAIN,
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
	struct canvas c = canvas_for(to);
	struct node root = {.kind = NODE_CHECK};

	tree_grow(
	    &root, &report->evaluator->recorder, v, report->request->limits);
	putc('\n', to);
	put_question(&c, report->request);
	put_children(&c, &root);
	put_counters(&c, report);
	paint(&c, result_colour(v->result), "%s", spf_result_text(v->result));
	fputs(": ", to);
	words_why(to, v);
	fputs("\n\n", to);
	tree_clear(&root);
}
