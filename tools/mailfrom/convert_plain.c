/* SPDX-License-Identifier: ISC */
/*
 * Two dialects of a line for each key, in which "#" begins a comment wherever
 * it is: spf-engine's "Key = value" and smf-spf's "Key value".
 */
#include "tools/mailfrom/convert.h"

struct plain {
	const struct convert_file *file;
	struct convert_entries *entries;
	unsigned number;
};

static void
fail(const struct plain *p, const char *reason, struct mf_text line)
{
	report_error(p->file->report, p->file->name, p->number, NULL,
	    "%s: \"%.*s\"", reason, (int)text_head(line, 80).len, line.p);
}

/*
 * A second "=" makes spf-engine ignore the line, but for Reason_URL: then what
 * was meant has never been in force.
 */
static void
assignment(const struct plain *p, struct mf_text line)
{
	struct mf_text value = line, key;

	if (!text_cut(&value, '=', &key)) {
		fail(p, "not \"Key = value\"", line);
		return;
	}
	key = text_trim(key);
	if (text_find(value, '=') != value.len &&
	    !mf_text_eq(key, MF_TEXT("Reason_URL"))) {
		fail(p, "two \"=\" in a line, which the old software ignores",
		    line);
		return;
	}
	convert_add_entry(p->file, p->entries,
	    (struct convert_entry){
		.key = key, .value = text_trim(value), .line = p->number});
}

static void
words(const struct plain *p, struct mf_text line)
{
	size_t len = 0;

	while (len < line.len && !ascii_is_blank(line.p[len]))
		len++;
	if (len == line.len) {
		fail(p, "a key without a value", line);
		return;
	}
	convert_add_entry(p->file, p->entries,
	    (struct convert_entry){.key = text_head(line, len),
		.value = text_trim(text_from(line, len)),
		.line = p->number});
}

static bool
has_control(struct mf_text line)
{
	for (size_t i = 0; i < line.len; i++)
		if (ascii_is_control(line.p[i]) && line.p[i] != '\t')
			return true;
	return false;
}

static void
parse(const struct convert_file *file, struct convert_entries *out,
    void (*read)(const struct plain *p, struct mf_text line))
{
	struct plain p = {.file = file, .entries = out};
	struct mf_text rest = file->bytes, line;

	if (text_starts(rest, MF_TEXT("\xef\xbb\xbf")))
		rest = text_from(rest, 3);
	while (rest.len != 0) {
		p.number++;
		if (!text_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		line = text_trim(text_head(line, text_find(line, '#')));
		if (line.len == 0)
			continue;
		if (has_control(line))
			fail(&p, "a control character", line);
		else if (line.len > CONVERT_VALUE_MAX)
			fail(&p, "too long", line);
		else
			read(&p, line);
	}
}

void
convert_parse_assignments(
    const struct convert_file *file, struct convert_entries *out)
{
	parse(file, out, assignment);
}

void
convert_parse_words(
    const struct convert_file *file, struct convert_entries *out)
{
	parse(file, out, words);
}
