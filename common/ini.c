/* SPDX-License-Identifier: ISC */
#include "common/ini.h"

#include <stdlib.h>

#include "common/array.h"

struct parser {
	struct ini *ini;
	enum ini_dialect dialect;
	struct report *report;
	struct text_out store; /* never full: input shrinks */
	struct mf_text section;
	size_t room;
	unsigned line;
	bool in_value;       /* a continued line may follow */
	unsigned value_line; /* the last that had something of the value */
};

static void
fail(struct parser *p, const char *reason)
{
	report_error(p->report, p->ini->name, p->line, NULL, "%s", reason);
	p->in_value = false;
}

/* Keep a copy of t, folded or not, that lives as long as the ini. */
static struct mf_text
keep(struct parser *p, struct mf_text t, bool fold)
{
	struct mf_text copy = {p->store.p + p->store.len, t.len};

	out_text(&p->store, t);
	if (fold)
		ascii_lower_all(p->store.p + p->store.len - t.len, t.len);
	return copy;
}

/* "%%" is "%" to ConfigParser, and nothing else may follow one. */
static struct mf_text
keep_value(struct parser *p, struct mf_text value)
{
	struct mf_text copy = {p->store.p + p->store.len, 0};

	if (p->dialect != INI_CONFIGPARSER)
		return keep(p, value, false);
	for (size_t i = 0; i < value.len; i++) {
		out_char(&p->store, value.p[i]);
		copy.len++;
		if (value.p[i] != '%')
			continue;
		if (i + 1 < value.len && value.p[i + 1] == '%')
			i++;
		else
			fail(p, "\"%\" must be written \"%%\" in this dialect");
	}
	return copy;
}

static bool
grow(struct parser *p)
{
	struct ini *ini = p->ini;
	struct ini_entry *more =
	    array_grow(ini->entries, ini->count, &p->room, sizeof(*more));

	if (more == NULL) {
		fail(p, "out of memory");
		return false;
	}
	ini->entries = more;
	return true;
}

static void
section_line(struct parser *p, struct mf_text line)
{
	p->in_value = false;
	if (line.p[line.len - 1] != ']') {
		fail(p, "no \"]\" at the end of the section's line");
		return;
	}
	struct mf_text name = text_trim(mf_text_at(line.p + 1, line.len - 2));
	if (name.len == 0) {
		fail(p, "empty section name");
		return;
	}
	p->section = keep(p, name,
	    p->dialect == INI_OURS || !mf_text_eq(name, MF_TEXT("DEFAULT")));
}

static void
entry_line(struct parser *p, struct mf_text line)
{
	struct mf_text value = line, key;
	size_t equals = text_find(line, '='), colon = text_find(line, ':');
	char mark =
	    p->dialect == INI_CONFIGPARSER && colon < equals ? ':' : '=';

	if (!text_cut(&value, mark, &key)) {
		fail(p, "neither a [section] nor \"key = value\"");
		return;
	}
	key = text_trim(key);
	if (key.len == 0) {
		fail(p, "no key before \"=\"");
		return;
	}
	if (p->section.len == 0) {
		fail(p, "stands before any [section]");
		return;
	}
	if (!grow(p))
		return;
	p->in_value = true;
	p->value_line = p->line;
	key = keep(p, key, true);
	p->ini->entries[p->ini->count++] =
	    (struct ini_entry){.section = p->section,
		.key = key,
		.value = keep_value(p, text_trim(value)),
		.line = p->line,
		.value_line = p->line};
}

/* The value being continued is the last thing in the store. */
static void
continued_line(struct parser *p, struct mf_text line)
{
	struct ini_entry *entry = &p->ini->entries[p->ini->count - 1];

	/* Comments in between are lines of ours, so that items know theirs. */
	unsigned ends = p->dialect == INI_OURS ? p->line - p->value_line : 1;

	if (entry->value.len == 0)
		entry->value_line = p->line;
	else
		for (; ends != 0; ends--, entry->value.len++)
			out_char(&p->store, '\n');
	p->value_line = p->line;
	entry->value.len += keep_value(p, line).len;
}

static void
one_line(struct parser *p, struct mf_text raw)
{
	struct mf_text line = text_trim(raw);
	bool indented = raw.len != 0 && ascii_is_blank(raw.p[0]);

	if (memchr(raw.p, '\0', raw.len) != NULL)
		fail(p, "a NUL octet");
	else if (line.len == 0)
		p->in_value = false;
	else if (line.p[0] == '#' || line.p[0] == ';')
		return;
	else if (indented && p->in_value)
		continued_line(p, line);
	else if (line.p[0] == '[')
		section_line(p, line);
	else
		entry_line(p, line);
}

bool
ini_parse(struct ini *out, const char *name, struct mf_text bytes,
    enum ini_dialect dialect, struct report *report)
{
	struct parser p = {.ini = out, .dialect = dialect, .report = report};
	unsigned errors = report->errors;
	struct mf_text line;

	*out = (struct ini){.name = name};
	/* One octet more than the input: a value may gain a line feed. */
	out->store_size = bytes.len + 1;
	out->store = malloc(out->store_size);
	if (out->store == NULL) {
		fail(&p, "out of memory");
		return false;
	}
	p.store = text_out(out->store, out->store_size);
	if (text_starts(bytes, MF_TEXT("\xef\xbb\xbf")))
		bytes = text_from(bytes, 3);
	while (bytes.len != 0) {
		p.line++;
		if (!text_cut(&bytes, '\n', &line)) {
			line = bytes;
			bytes.len = 0;
		}
		one_line(&p, line);
	}
	return report->errors == errors;
}

void
ini_free(struct ini *ini)
{
	if (ini->store != NULL)
		explicit_bzero(ini->store, ini->store_size);
	free(ini->entries);
	free(ini->store);
	*ini = (struct ini){.name = NULL};
}
