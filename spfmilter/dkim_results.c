/* SPDX-License-Identifier: ISC */
/*
 * d= and s= are names, a= is one of ours, and the texts are ours: nothing else
 * of a signature gets there but eight characters of base64, in quotes.  i= can
 * hold anything, and tells nothing that d= doesn't.
 */
#include "spfmilter/dkim_results.h"

static void
out_property(struct text_out *out, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	out_str(out, name);
	out_str(out, value);
}

/* Characters of base64 alone, whatever the signature has there. */
static void
out_mark(struct text_out *out, const char *mark)
{
	for (const char *p = mark; *p != '\0'; p++) {
		char c = ascii_lower(*p);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z') && c != '+' &&
		    c != '/' && c != '=')
			return;
	}
	if (mark[0] == '\0')
		return;
	out_str(out, " header.b=\"");
	out_str(out, mark);
	out_char(out, '"');
}

static void
out_signature(struct text_out *out, const struct dkim_signature *s)
{
	bool counts = s->standing == DKIM_COUNTS;
	enum dkim_result result =
	    s->result == DKIM_PASS && !counts ? DKIM_POLICY : s->result;

	out_str(out, ";\n\tdkim=");
	out_str(out, dkim_result_text(result));
	if (!counts) {
		out_str(out, " reason=\"");
		out_str(out,
		    s->result == DKIM_PASS ? dkim_standing_text(s->standing)
					   : dkim_reason_text(s->reason));
		out_char(out, '"');
	}
	out_property(out, " header.d=", s->domain);
	out_property(out, " header.s=", s->selector);
	out_property(out, " header.a=", dkim_algorithm_text(s->algorithm));
	out_mark(out, s->mark);
}

void
dkim_results_write(const struct dkim_check *check, struct text_out *out)
{
	size_t count = dkim_check_count(check, NULL);

	if (count == 0)
		out_str(out, ";\n\tdkim=none");
	for (size_t i = 0; i < count; i++)
		out_signature(out, dkim_check_signature(check, i));
}
