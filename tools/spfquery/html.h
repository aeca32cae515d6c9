/* SPDX-License-Identifier: ISC */
/*
 * A page about a domain for people who get it by mail: its lookup tree, what
 * lint finds, where it finds it, and the networks.  One file that fetches
 * nothing and runs nothing.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_HTML_H
#define MAILFROM_TOOLS_SPFQUERY_HTML_H

#include "tools/spfquery/lint.h"
#include "tools/spfquery/networks_report.h"

struct html_page {
	FILE *to;
	struct mf_text domain;
	const struct lint *lint; /* with its survey */
	const struct networks_report *networks;
};

/* <code class="what">text</code>, the text escaped; what: a class, or NULL. */
void html_code(FILE *to, const char *what, struct mf_text text);

/* <span class="what">format</span>, which has no text of others. */
void html_span(FILE *to, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sections of the page. */
void html_tree(const struct html_page *page);
void html_networks(const struct html_page *page);

#endif
