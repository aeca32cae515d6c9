/* SPDX-License-Identifier: ISC */
/*
 * The networks in the page: who gets which result, and from which term.
 */
#include "tools/spfquery/html.h"

#include "common/escape.h"

static void
put_origin(const struct html_page *p, const struct survey_term *t)
{
	html_code(p->to, NULL, t->written);
	if (mf_text_eq(mf_text_of(t->record->domain), p->domain))
		return;
	fputs(" in ", p->to);
	html_code(p->to, NULL, mf_text_of(t->record->domain));
}

static void
begin_row(const struct html_page *p, enum spf_result result)
{
	const char *word = spf_result_text(result);

	fprintf(p->to, "<tr><td class=\"result %s\">%s</td><td>", word, word);
}

static void
put_networks(
    const struct html_page *p, const struct scope *s, enum spf_result result)
{
	struct ipset_walk walk = {0};
	struct networks n;
	struct ip_net net;
	size_t at = 0;

	networks_find(&n, s, result);
	while (ipset_next(&n.set, &walk, &net)) {
		char text[IP_NET_SIZE], count[IPSET_COUNT_SIZE];
		size_t parts = networks_parts(&n, &net, &at);
		const struct survey_term *last = NULL;

		begin_row(p, result);
		ip_net_print(&net, text);
		networks_report_size(&net, count);
		fprintf(p->to,
		    "<code>%s</code></td><td class=\"number\">%s</td><td>",
		    text, count);
		for (size_t i = 0; i < parts; i++) {
			const struct survey_term *t =
			    n.parts[at + i].piece->term;

			if (t == last)
				continue;
			fputs(last != NULL ? ", " : "", p->to);
			put_origin(p, t);
			last = t;
		}
		fputs("</td></tr>\n", p->to);
	}
	networks_clear(&n);
}

static void
put_others(const struct html_page *p, const struct scope *s)
{
	for (const struct scope_piece *q = s->first; q != NULL; q = q->next) {
		if (networks_is_named(q))
			continue;
		begin_row(p, q->result);
		fprintf(p->to, "%s IPv%d addresses</td><td></td><td>",
		    ipset_is_all(&q->set) ? "all" : "other", s->v6 ? 6 : 4);
		if (q->term != NULL)
			put_origin(p, q->term);
		if (q->problem != NULL) {
			fputs(": ", p->to);
			escape_html(p->to, mf_text_of(q->problem));
		}
		fputs("</td></tr>\n", p->to);
	}
}

static void
put_open(const struct html_page *p)
{
	for (const struct scope_open *o = p->networks->scopes[SURVEY_V4].open;
	     o != NULL; o = o->next) {
		fputs("<tr><td class=\"result\">depends</td><td>clients that "
		      "it matches</td><td></td><td>",
		    p->to);
		put_origin(p, o->term);
		fprintf(p->to,
		    o->excludes ? ": excludes them</td></tr>\n"
				: ": %s</td></tr>\n",
		    spf_result_text(o->result));
	}
}

void
html_networks(const struct html_page *p)
{
	fputs("<h2>Networks</h2>\n", p->to);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		const struct ipset *pass =
		    &p->networks->scopes[f].sets[SPF_PASS];
		char count[IPSET_COUNT_SIZE];

		ipset_count_print(pass, count);
		fprintf(p->to,
		    "<p%s>IPv%d: %s addresses pass, in %zu networks</p>\n",
		    ipset_is_all(pass) ? " class=\"finding error\"" : "",
		    f == SURVEY_V6 ? 6 : 4, count, ipset_nets(pass));
	}
	fputs("<div class=\"scroll\"><table>\n<tr><th>Result</th><th>Network"
	      "</th><th class=\"number\">Addresses</th><th>From</th></tr>\n",
	    p->to);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		const struct scope *s = &p->networks->scopes[f];

		for (size_t i = 0; i < SCOPE_RESULTS; i++)
			put_networks(p, s, networks_report_order[i]);
		put_others(p, s);
	}
	put_open(p);
	fputs("</table></div>\n", p->to);
}
