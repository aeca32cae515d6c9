/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/csv.h"

#include "common/escape.h"
#include "common/text.h"

static void
separate(struct csv_writer *w)
{
	if (w->begun)
		putc(',', w->to);
	w->begun = true;
}

/* As of Excel and LibreOffice; a full-width form begins with octet 0xef. */
static bool
is_formula(struct mf_text t)
{
	return t.len != 0 &&
	    (memchr("=+-@\t\r\n|%", t.p[0], 9) != NULL ||
		(unsigned char)t.p[0] == 0xef);
}

static bool
needs_quotes(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (memchr(",\";'", t.p[i], 4) != NULL ||
		    ascii_is_control(t.p[i]) || ascii_is_blank(t.p[i]))
			return true;
	return false;
}

void
csv_text(struct csv_writer *w, struct mf_text t)
{
	bool quotes = needs_quotes(t) || is_formula(t);

	separate(w);
	if (!quotes) {
		escape_terminal(w->to, t);
		return;
	}
	fputs(is_formula(t) ? "\"'" : "\"", w->to);
	while (t.len != 0) {
		size_t quote = text_find(t, '"');

		escape_terminal(w->to, text_head(t, quote));
		if (quote != t.len)
			fputs("\"\"", w->to);
		t = text_from(t, quote + 1);
	}
	putc('"', w->to);
}

void
csv_number(struct csv_writer *w, uint64_t number)
{
	separate(w);
	fprintf(w->to, "%llu", (unsigned long long)number);
}

void
csv_end(struct csv_writer *w)
{
	fputs("\r\n", w->to);
	w->begun = false;
}
