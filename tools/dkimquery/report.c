/* SPDX-License-Identifier: ISC */
/*
 * What is printed of a check: for people, and as JSON.
 */
#include <inttypes.h>

#include "common/escape.h"
#include "common/json_writer.h"
#include "tools/dkimquery/dkimquery.h"

static const char *
canon_text(bool relaxed)
{
	return relaxed ? "relaxed" : "simple";
}

static void
put_tag(FILE *to, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	fprintf(to, " %s=", name);
	escape_terminal(to, mf_text_of(value));
}

/* Why the signature has its result, in a few words. */
static void
put_reason(
    FILE *to, const struct dkim_signature *s, const struct dkimquery_key *key)
{
	fputs(dkim_reason_text(s->reason), to);
	if (key->asked && key->status == DKIM_KEY_FAILED)
		fprintf(to, ": %s", spf_cause_text(key->cause));
	if (s->reason == DKIM_REASON_KEY_SHORT ||
	    s->reason == DKIM_REASON_KEY_LONG)
		fprintf(to, ": %u bits", s->key_bits);
}

static void
put_tags(FILE *to, const struct dkim_signature *s)
{
	fputs(" ", to);
	put_tag(to, "d", s->domain);
	put_tag(to, "s", s->selector);
	put_tag(to, "i", s->identity);
	put_tag(to, "a", dkim_algorithm_text(s->algorithm));
	fprintf(to, " c=%s/%s", canon_text(s->relaxed_header),
	    canon_text(s->relaxed_body));
	if (s->has_length)
		fprintf(to, " l=%" PRIu64 " of %" PRIu64, s->length,
		    s->body_length);
	if (s->key_bits != 0)
		fprintf(to, " key=%u bits", s->key_bits);
	putc('\n', to);
}

static void
put_signature(FILE *to, const struct dkim_signature *s, size_t number,
    const struct dkimquery_key *key)
{
	fprintf(to, "signature %zu: %s (", number, dkim_result_text(s->result));
	put_reason(to, s, key);
	fputs(")", to);
	if (s->result == DKIM_PASS && s->standing == DKIM_COUNTS)
		fputs(", counts", to);
	else if (s->result == DKIM_PASS)
		fprintf(to, ", does not count: %s",
		    dkim_standing_text(s->standing));
	putc('\n', to);
	put_tags(to, s);
}

void
dkimquery_report(FILE *to, const struct dkim_check *check,
    const struct dkimquery_key *keys, const struct dkimquery_trace *trace)
{
	size_t ignored, count = dkim_check_count(check, &ignored);

	fprintf(to, "%s\n", dkim_result_text(dkim_check_result(check)));
	for (size_t i = 0; i < count; i++) {
		put_signature(
		    to, dkim_check_signature(check, i), i + 1, &keys[i]);
		if (trace != NULL && keys[i].asked) {
			fputs("  key name: ", to);
			escape_terminal(to, mf_text_of(keys[i].name));
			putc('\n', to);
		}
		if (trace != NULL && trace->texts[i] != NULL)
			fputs(trace->texts[i], to);
	}
	if (ignored != 0)
		fprintf(to, "%zu more signatures were ignored\n", ignored);
}

/* --- JSON --- */

/* The lines of a trace; NULL: there is none. */
static void
json_trace(struct json_writer *w, const char *text)
{
	struct mf_text rest = mf_text_of(text), line;

	if (text == NULL)
		return;
	json_open(w, "trace", '[');
	while (text_cut(&rest, '\n', &line))
		json_item(w, text_trim(line));
	json_close(w, ']');
}

static void
json_signature(struct json_writer *w, const struct dkim_signature *s,
    const struct dkimquery_key *key, const char *trace)
{
	json_open(w, NULL, '{');
	json_text(w, "result", mf_text_of(dkim_result_text(s->result)));
	json_text(w, "reason", mf_text_of(dkim_reason_text(s->reason)));
	json_truth(w, "counts", s->standing == DKIM_COUNTS);
	if (s->standing != DKIM_COUNTS)
		json_text(
		    w, "why_not", mf_text_of(dkim_standing_text(s->standing)));
	json_text(w, "d", mf_text_of(s->domain));
	json_text(w, "s", mf_text_of(s->selector));
	json_text(w, "i", mf_text_of(s->identity));
	json_text(w, "a", mf_text_of(dkim_algorithm_text(s->algorithm)));
	json_text(w, "b", mf_text_of(s->mark));
	json_text(w, "header_canonicalization",
	    mf_text_of(canon_text(s->relaxed_header)));
	json_text(w, "body_canonicalization",
	    mf_text_of(canon_text(s->relaxed_body)));
	json_number(w, "key_bits", s->key_bits);
	if (s->has_length)
		json_number(w, "l", s->length);
	json_number(w, "body_length", s->body_length);
	if (key->asked)
		json_text(w, "key_name", mf_text_of(key->name));
	if (key->cause != SPF_CAUSE_NONE)
		json_text(
		    w, "dns_error", mf_text_of(spf_cause_text(key->cause)));
	json_trace(w, trace);
	json_close(w, '}');
}

void
dkimquery_report_json(FILE *to, const struct dkim_check *check,
    const struct dkimquery_key *keys, const struct dkimquery_trace *trace)
{
	size_t ignored, count = dkim_check_count(check, &ignored);
	struct json_writer w = {.to = to, .first = true};

	json_open(&w, NULL, '{');
	json_text(&w, "result",
	    mf_text_of(dkim_result_text(dkim_check_result(check))));
	json_open(&w, "signatures", '[');
	for (size_t i = 0; i < count; i++)
		json_signature(&w, dkim_check_signature(check, i), &keys[i],
		    trace != NULL ? trace->texts[i] : NULL);
	json_close(&w, ']');
	json_number(&w, "ignored", ignored);
	json_close(&w, '}');
	putc('\n', to);
}
