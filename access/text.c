/* SPDX-License-Identifier: ISC */
/*
 * Access files as text, a key and a value a line.
 *
 * As makemap reads them: the key ends at the first white space, and "#" begins
 * a comment in column 1 only.  A line that begins with white space is an error;
 * here one of nothing else is blank.
 *
 * As postmap reads them (texthash): such a line continues the one before,
 * across comments and blank lines, comments may be indented, and white space
 * between quotes doesn't end a key.
 *
 * White space at the end of a value is left out.  Two differences are meant:
 * what postmap skips with a warning is an error here, for a policy that is
 * missing is found too late; and lines may be longer than makemap's 1024
 * octets.
 */
#include <stdlib.h>

#include "access/readers.h"

#define LINE_LIMIT 65536 /* octets of a line, or of several that are one */
#define DISCARD    (1024 * 1024) /* octets that are discarded at once */

struct text_reader {
	const char *path;
	enum access_type type;
	struct access_table *table;
	struct report *report;
	struct text_out entry; /* texthash: the lines of one, joined */
	unsigned line;         /* that is being read */
	unsigned first;        /* line of the entry */
	unsigned errors;
	bool has_cr;
	void (*discard)(struct mf_text part); /* NULL: nobody wants to know */
};

static bool
is_space(char c)
{
	return ascii_is_blank(c) || c == '\v' || c == '\f' || c == '\r';
}

static void
fail(struct text_reader *r, unsigned line, const char *reason)
{
	report_error(r->report, r->path, line, NULL, "%s", reason);
	r->errors++;
}

static size_t
leading_space(struct mf_text t)
{
	size_t n = 0;

	while (n < t.len && is_space(t.p[n]))
		n++;
	return n;
}

/*
 * Octets of the key that line begins with; with is_quoted, white space between
 * quotes and behind a backslash is a part of it.  False: a quote isn't closed.
 */
static bool
find_key(struct mf_text line, bool is_quoted, size_t *len)
{
	bool in_quotes = false;
	size_t at;

	for (at = 0; at < line.len; at++) {
		if (is_space(line.p[at]) && !in_quotes)
			break;
		if (is_quoted && line.p[at] == '\\' && at + 1 < line.len)
			at++;
		else if (is_quoted && line.p[at] == '"')
			in_quotes = !in_quotes;
	}
	*len = at;
	return !in_quotes;
}

/* Add the entry of a whole line.  False: out of memory. */
static bool
add_entry(struct text_reader *r, struct mf_text line, unsigned number)
{
	struct mf_text value;
	size_t len;

	if (!find_key(line, r->type == ACCESS_TEXTHASH, &len)) {
		fail(r, number, "a quote of the key isn't closed");
		return true;
	}
	value = text_from(line, len);
	value = text_from(value, leading_space(value));
	while (value.len != 0 && is_space(value.p[value.len - 1]))
		value.len--;
	if (value.len == 0) {
		report_error(r->report, r->path, number, NULL,
		    "no value behind the key \"%.*s\"",
		    (int)(len < 256 ? len : 256), line.p);
		r->errors++;
		return true;
	}
	return access_table_add(r->table, text_head(line, len), value, number);
}

static bool
makemap_line(struct text_reader *r, struct mf_text line)
{
	if (line.len == 0 || line.p[0] == '#' ||
	    leading_space(line) == line.len)
		return true;
	if (is_space(line.p[0])) {
		fail(r, r->line, "begins with white space");
		return true;
	}
	return add_entry(r, line, r->line);
}

/* No more lines continue the entry. */
static bool
end_entry(struct text_reader *r)
{
	bool ok = true;

	if (r->entry.full)
		fail(r, r->first, "longer than 65536 octets");
	else if (r->entry.len != 0)
		ok = add_entry(r, out_view(&r->entry), r->first);
	r->entry.len = 0;
	r->entry.full = false;
	return ok;
}

static bool
postmap_line(struct text_reader *r, struct mf_text line)
{
	size_t space = leading_space(line);
	bool ok = true;

	if (space == line.len || line.p[space] == '#')
		return true;
	if (space != 0 && r->entry.len == 0) {
		fail(r, r->line,
		    "begins with white space, and continues "
		    "no entry");
		return true;
	}
	if (space == 0) {
		ok = end_entry(r);
		r->first = r->line;
	}
	out_text(&r->entry, line);
	return ok;
}

static bool
one_line(struct text_reader *r, struct mf_text line)
{
	if (line.len != 0 && line.p[line.len - 1] == '\r') {
		line.len--;
		if (!r->has_cr)
			report_warning(r->report, r->path, r->line, NULL,
			    "ends in CR LF, which makemap and postmap would "
			    "take for a part of the value");
		r->has_cr = true;
	}
	if (line.len > LINE_LIMIT) {
		fail(r, r->line, "longer than 65536 octets");
		return true;
	}
	if (line.len != 0 && memchr(line.p, '\0', line.len) != NULL) {
		fail(r, r->line, "a NUL octet");
		return true;
	}
	return r->type == ACCESS_TEXT ? makemap_line(r, line)
				      : postmap_line(r, line);
}

static bool
all_lines(struct text_reader *r, struct mf_text bytes)
{
	struct mf_text line, done = text_head(bytes, 0);

	if (text_starts(bytes, MF_TEXT("\xef\xbb\xbf")))
		bytes = text_from(bytes, 3);
	while (bytes.len != 0) {
		done.len = (size_t)(bytes.p - done.p);
		if (r->discard != NULL && done.len >= DISCARD) {
			r->discard(done);
			done = text_head(bytes, 0);
		}
		if (r->errors == ACCESS_FINDINGS_MAX) {
			fail(r, 0, "too many errors: the rest isn't read");
			return true;
		}
		r->line++;
		if (!text_cut(&bytes, '\n', &line)) {
			line = bytes;
			bytes.len = 0;
		}
		if (!one_line(r, line))
			return false;
	}
	return end_entry(r);
}

bool
access_read_text_(const char *path, struct mf_text bytes, enum access_type type,
    struct access_table *table, void (*discard)(struct mf_text part),
    struct report *report)
{
	struct text_reader r = {.path = path,
	    .type = type,
	    .table = table,
	    .report = report,
	    .discard = discard};
	char *room = malloc(LINE_LIMIT);

	r.entry = text_out(room, LINE_LIMIT);
	if (room == NULL || !all_lines(&r, bytes))
		fail(&r, 0, ACCESS_NO_MEMORY);
	free(room);
	return r.errors == 0;
}

bool
access_check_text_(const char *path, enum access_type type,
    const struct access_table *table, struct report *report)
{
	unsigned found = 0;
	bool ok = true;

	for (size_t n = 1; n < access_table_count(table); n++) {
		const struct access_entry *first =
		    access_table_at(table, n - 1);
		const struct access_entry *e = access_table_at(table, n);
		unsigned line = access_entry_line(first);

		if (!mf_text_eq(access_entry_key(first), access_entry_key(e)))
			continue;
		if (found++ == ACCESS_FINDINGS_MAX) {
			report_warning(report, path, 0, NULL,
			    "has more entries with the same key");
			break;
		}
		if (type == ACCESS_TEXTHASH) {
			report_warning(report, path, access_entry_line(e), NULL,
			    "left out: line %u has the same key", line);
		} else {
			report_error(report, path, access_entry_line(e), NULL,
			    "line %u has the same key", line);
			ok = false;
		}
	}
	return ok;
}
