/* SPDX-License-Identifier: ISC */
#include "common/json_writer.h"

#include "common/escape.h"

static void
key(struct json_writer *w, const char *name)
{
	fprintf(w->to, "%s\"%s\":", w->first ? "" : ",", name);
	w->first = false;
}

void
json_text(struct json_writer *w, const char *name, struct mf_text value)
{
	key(w, name);
	escape_json(w->to, value);
}

void
json_number(struct json_writer *w, const char *name, uint64_t value)
{
	key(w, name);
	fprintf(w->to, "%llu", (unsigned long long)value);
}

void
json_truth(struct json_writer *w, const char *name, bool value)
{
	key(w, name);
	fputs(value ? "true" : "false", w->to);
}

void
json_open(struct json_writer *w, const char *name, char bracket)
{
	if (name != NULL)
		key(w, name);
	else if (!w->first)
		putc(',', w->to);
	putc(bracket, w->to);
	w->first = true;
}

void
json_close(struct json_writer *w, char bracket)
{
	putc(bracket, w->to);
	w->first = false;
}

void
json_item(struct json_writer *w, struct mf_text value)
{
	fputs(w->first ? "" : ",", w->to);
	w->first = false;
	escape_json(w->to, value);
}
