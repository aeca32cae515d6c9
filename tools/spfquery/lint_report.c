/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what was found, in lines for people or as JSON.
 */
#include "tools/spfquery/lint.h"

#include "common/escape.h"
#include "tools/spfquery/json_writer.h"

static const char *const levels[] = {
    [LINT_ERROR] = "error",
    [LINT_WARNING] = "warning",
    [LINT_NOTE] = "note",
};

void
lint_print(const struct lint *l, struct mf_text domain)
{
	if (l->record != NULL) {
		escape_terminal(stdout, domain);
		printf(": ");
		escape_terminal(stdout, mf_text_of(l->record));
		putchar('\n');
	}
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		printf("%s: ", levels[f->level]);
		escape_terminal(stdout, mf_text_of(f->domain));
		printf(": ");
		if (f->term[0] != '\0') {
			putchar('"');
			escape_terminal(stdout, mf_text_of(f->term));
			printf("\": ");
		}
		escape_terminal(stdout, mf_text_of(f->says));
		printf(" [%s]\n", f->code);
	}
	if (l->record != NULL)
		printf("at most %u of %u terms, %u of %u void lookups (%u for "
		       "IPv6 clients), %zu octets\n",
		    l->terms, SPF_TERMS_MAX, l->voids4, SPF_VOIDS_MAX,
		    l->voids6, strlen(l->record));
	printf("%u error%s, %u warning%s\n", l->levels[LINT_ERROR],
	    l->levels[LINT_ERROR] == 1 ? "" : "s", l->levels[LINT_WARNING],
	    l->levels[LINT_WARNING] == 1 ? "" : "s");
}

static void
print_finding(struct json_writer *w, const struct lint_finding *f)
{
	json_open(w, NULL, '{');
	json_text(w, "level", mf_text_of(levels[f->level]));
	json_text(w, "code", mf_text_of(f->code));
	json_text(w, "domain", mf_text_of(f->domain));
	json_text(w, "term", mf_text_of(f->term));
	json_text(w, "text", mf_text_of(f->says));
	json_close(w, '}');
}

void
lint_print_json(const struct lint *l, struct mf_text domain)
{
	struct json_writer w = {.to = stdout, .first = true};

	json_open(&w, NULL, '{');
	json_text(&w, "domain", domain);
	json_text(&w, "record", mf_text_of(l->record));
	json_number(&w, "errors", l->levels[LINT_ERROR]);
	json_number(&w, "warnings", l->levels[LINT_WARNING]);
	json_number(&w, "terms", l->terms);
	json_number(&w, "terms_max", SPF_TERMS_MAX);
	json_number(&w, "voids", l->voids4);
	json_number(&w, "voids_ipv6", l->voids6);
	json_number(&w, "voids_max", SPF_VOIDS_MAX);
	json_open(&w, "findings", '[');
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next)
		print_finding(&w, f);
	json_close(&w, ']');
	json_close(&w, '}');
	putchar('\n');
}
