/* SPDX-License-Identifier: ISC */
/*
 * spfquery --html: the page as a whole, and what is wrong.
 */
#include "tools/spfquery/views.h"

#include "common/escape.h"
#include "tools/spfquery/html.h"

/*
 * Colours are those of the reader's system, for a screen in the dark too.  On
 * paper all is unfolded.
 */
static const char style[] =
    ":root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#59636e;"
    "--line:#d1d9e0;--box:#f6f8fa;--good:#116329;--bad:#b3141f;"
    "--warn:#7d4e00;--badbg:#ffebe9;--warnbg:#fff8c5;--goodbg:#dafbe1}\n"
    "@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;"
    "--soft:#9198a1;--line:#3d444d;--box:#151b23;--good:#56d364;"
    "--bad:#ff7b72;--warn:#e3b341;--badbg:#3c1618;--warnbg:#332711;"
    "--goodbg:#12261e}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1rem;color:var(--fg);"
    "background:var(--bg);font:1rem/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:.5rem 0;overflow-wrap:anywhere}\n"
    "h2{font-size:1.2rem;margin:2rem 0 .5rem;"
    "border-bottom:1px solid var(--line)}\n"
    "p{margin:.4rem 0}\n"
    "code,pre{font:.9em/1.4 ui-monospace,monospace;overflow-wrap:anywhere;"
    "unicode-bidi:isolate}\n"
    "pre{white-space:pre-wrap;margin:.3rem 0;padding:.5rem;"
    "background:var(--box);border-radius:.3rem}\n"
    ".name{font-weight:600}\n"
    ".quiet{color:var(--soft);font-size:.9em}\n"
    ".limits{display:grid;gap:.5rem;"
    "grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));"
    "margin:1rem 0}\n"
    ".limit{border:1px solid var(--line);border-radius:.4rem;"
    "padding:.5rem .75rem}\n"
    ".limit b{display:block;font-size:1.3rem}\n"
    ".limit i{display:block;height:.4rem;border-radius:.2rem;"
    "background:var(--line);overflow:hidden;margin-top:.3rem}\n"
    ".limit i i{margin:0;background:var(--good)}\n"
    ".limit.near i i{background:var(--warn)}\n"
    ".limit.over{background:var(--badbg)}\n"
    ".limit.over i i{background:var(--bad)}\n"
    ".finding{border-left:.25rem solid var(--line);padding:.3rem .6rem;"
    "background:var(--box);overflow-wrap:anywhere}\n"
    ".finding.error{border-color:var(--bad);background:var(--badbg)}\n"
    ".finding.warning{border-color:var(--warn);background:var(--warnbg)}\n"
    ".error b{color:var(--bad)}.warning b{color:var(--warn)}\n"
    ".badge{font-size:.8em;border:1px solid var(--line);"
    "border-radius:1rem;padding:0 .5rem;margin-left:.5rem;"
    "white-space:nowrap}\n"
    "span.badge.error{color:var(--bad);border-color:var(--bad);"
    "white-space:normal}\n"
    "span.badge.warning{color:var(--warn);border-color:var(--warn)}\n"
    ".tree ul{list-style:none;margin:0;padding-left:1rem;"
    "border-left:1px solid var(--line)}\n"
    ".tree li{margin:.25rem 0}\n"
    ".tree .record{margin:.25rem 0 .25rem .5rem}\n"
    "ul.lookups{font-size:.9em}\n"
    "summary{cursor:pointer}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-size:.95em}\n"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;"
    "border-bottom:1px solid var(--line)}\n"
    ".number{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".result{font-weight:600}\n"
    ".pass{color:var(--good)}.fail,.permerror,.temperror{color:var(--bad)}\n"
    ".softfail{color:var(--warn)}\n"
    "@media(max-width:40rem){body{padding:.5rem}"
    ".tree ul{padding-left:.5rem}.tree .record{margin-left:.2rem}"
    "th,td{padding:.25rem}}\n"
    "@media print{body{max-width:none;font-size:10pt;padding:0}"
    "::details-content{content-visibility:visible;block-size:auto}"
    "li,tr,.finding{break-inside:avoid}h2{break-after:avoid}}\n";

/* --- limits --- */

static void
put_endless(FILE *to, const char *what)
{
	fprintf(to,
	    "<div class=\"limit over\">%s<b>endless: a loop</b><i><i "
	    "style=\"width:100%%\"></i></i></div>\n",
	    what);
}

static void
put_limit(FILE *to, const char *what, size_t count, size_t limit)
{
	size_t percent = count < limit ? count * 100 / limit : 100;

	fprintf(to,
	    "<div class=\"limit%s\">%s<b>%zu of %zu</b><i><i "
	    "style=\"width:%zu%%\"></i></i></div>\n",
	    count > limit                 ? " over"
		: count * 10 >= limit * 9 ? " near"
					  : "",
	    what, count, limit, percent);
}

static void
put_limits(const struct html_page *p)
{
	const struct survey_record *r = p->lint->survey.root;
	unsigned voids;

	if (r == NULL)
		return;
	voids = r->voids[SURVEY_V4] > r->voids[SURVEY_V6] ? r->voids[SURVEY_V4]
							  : r->voids[SURVEY_V6];
	fputs("<div class=\"limits\">\n", p->to);
	if (r->endless)
		put_endless(p->to, "Terms that need DNS");
	else
		put_limit(
		    p->to, "Terms that need DNS", r->terms, SPF_TERMS_MAX);
	put_limit(p->to, "Void lookups", voids, SPF_VOIDS_MAX);
	put_limit(p->to, "Bytes", strlen(r->text), 450);
	fputs("</div>\n", p->to);
}

/* --- findings --- */

static void
put_level(const struct html_page *p, enum lint_level level)
{
	for (const struct lint_finding *f = p->lint->first; f != NULL;
	     f = f->next) {
		if (f->level != level)
			continue;
		fprintf(p->to, "<p class=\"finding %s\"><b>%s</b> ",
		    lint_level_text(f->level), lint_level_text(f->level));
		html_code(p->to, NULL, mf_text_of(f->domain));
		if (f->term[0] != '\0') {
			putc(' ', p->to);
			html_code(p->to, "term", mf_text_of(f->term));
		}
		fputs(": ", p->to);
		escape_html(p->to, mf_text_of(f->says));
		fputs("</p>\n", p->to);
	}
}

static void
put_findings(const struct html_page *p)
{
	const struct lint *l = p->lint;

	fprintf(p->to, "<h2>Findings</h2>\n<p>%u error%s, %u warning%s</p>\n",
	    l->levels[LINT_ERROR], l->levels[LINT_ERROR] == 1 ? "" : "s",
	    l->levels[LINT_WARNING], l->levels[LINT_WARNING] == 1 ? "" : "s");
	for (int level = LINT_ERROR; level <= LINT_NOTE; level++)
		put_level(p, (enum lint_level)level);
}

/* --- the page --- */

static void
put_page(const struct html_page *p)
{
	const struct survey_record *r = p->lint->survey.root;

	fputs(
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" "
	    "content=\"width=device-width,initial-scale=1\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" "
	    "content=\"default-src 'none';style-src 'unsafe-inline'\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>SPF of ",
	    p->to);
	escape_html(p->to, p->domain);
	fprintf(p->to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>",
	    style);
	fputs("SPF of ", p->to);
	escape_html(p->to, p->domain);
	fputs("</h1>\n", p->to);
	if (r != NULL && r->text[0] != '\0') {
		fputs("<pre>", p->to);
		escape_html(p->to, mf_text_of(r->text));
		fputs("</pre>\n", p->to);
	}
	put_limits(p);
	put_findings(p);
	html_tree(p);
	html_networks(p);
	fputs("<p class=\"quiet\">spfquery (mailfrom) " MAILFROM_VERSION
	      "</p>\n</body>\n</html>\n",
	    p->to);
}

int
html_view(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_source *source, FILE *to)
{
	struct spf_source whole = jobs_whole_source(source);
	struct networks_report networks;
	struct lint lint;
	struct html_page page = {
	    .to = to, .domain = domain, .lint = &lint, .networks = &networks};
	int status = SPFQUERY_OK;

	networks_report_find(&networks, domain, source);
	if (!networks.survey.pending) {
		lint_domain(&lint, domain, o->limits, &whole);
		put_page(&page);
		if (lint.levels[LINT_ERROR] != 0)
			status = SPFQUERY_FAILED;
		lint_clear(&lint);
	}
	networks_report_clear(&networks);
	return status;
}
