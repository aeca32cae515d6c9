/* SPDX-License-Identifier: ISC */
/*
 * Verdicts and DNS answers in words, for people.
 */
#include "tools/spfquery/report.h"

#include "common/escape.h"

/* Addresses or names of an answer that are shown. */
#define SHOWN_MAX 4

/* --- sentences --- */

static const char *
modifiers_of(const struct spf_verdict *v)
{
	if (v->guessed)
		return "best guess for ";
	return v->delegated ? "delegated record of " : "record of ";
}

void
words_why(FILE *to, const struct spf_verdict *v)
{
	switch (v->result) {
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		escape_terminal(to, mf_text_of(v->problem));
		return;
	case SPF_NONE:
		fputs("there is no SPF record at ", to);
		escape_terminal(to,
		    v->domain[0] != '\0' ? mf_text_of(v->domain)
					 : MF_TEXT("\"\""));
		return;
	case SPF_NEUTRAL:
	case SPF_PASS:
	case SPF_FAIL:
	case SPF_SOFTFAIL:
		break;
	}
	if (v->at[0] == '\0') {
		fputs("libspf2 doesn't say which term", to);
		return;
	}
	if (v->mechanism[0] == '\0') {
		fprintf(to, "nothing matches in the %s", modifiers_of(v));
		escape_terminal(to, mf_text_of(v->at));
		return;
	}
	putc('"', to);
	escape_terminal(to, mf_text_of(v->mechanism));
	fprintf(to, "\" matches in the %s", modifiers_of(v));
	escape_terminal(to, mf_text_of(v->at));
}

/* --- answers --- */

static void
put_address(FILE *to, const struct spf_answer *a, size_t i)
{
	struct spf_ip ip = {.v6 = a->rr == SPF_RR_AAAA};
	size_t size = ip.v6 ? 16 : 4;
	char text[SPF_IP_SIZE];

	memcpy(ip.octets, a->addresses + i * size, size);
	spf_ip_print(&ip, text);
	fputs(text, to);
}

static void
put_items(FILE *to, const struct spf_answer *a)
{
	size_t shown = a->count <= SHOWN_MAX + 1 ? a->count : SHOWN_MAX;

	for (size_t i = 0; i < shown; i++) {
		fputs(i != 0 ? ", " : "", to);
		if (a->addresses != NULL)
			put_address(to, a, i);
		else if (a->names[i].len == 0)
			putc('.', to);
		else
			escape_terminal(to, a->names[i]);
	}
	if (shown < a->count)
		fprintf(to, " and %zu more", a->count - shown);
}

static void
put_txt(FILE *to, const struct spf_answer *a)
{
	if (a->spf_records > 1)
		fprintf(to, "%u SPF records", a->spf_records);
	else if (a->spf_records == 1)
		fputs("an SPF record", to);
	else if (a->only_text.len == 0)
		fputs("no SPF record", to);
	else {
		putc('"', to);
		escape_terminal(to, text_head(a->only_text, 100));
		fputs(a->only_text.len > 100 ? "...\"" : "\"", to);
	}
}

void
words_answer(FILE *to, const struct spf_answer *a)
{
	switch (a->status) {
	case SPF_DNS_VOID:
		fputs("nothing", to);
		return;
	case SPF_DNS_ERROR:
		fprintf(to, "failed: %s", spf_cause_text(a->cause));
		return;
	case SPF_DNS_FOUND:
		break;
	}
	if (a->rr == SPF_RR_TXT)
		put_txt(to, a);
	else
		put_items(to, a);
}
