/* SPDX-License-Identifier: ISC */
/*
 * A message as octets: fields, up to an empty line, and the body.
 */
#include <stdlib.h>

#include "libdkim/dkim_.h"

static struct mf_text
without_end(struct mf_text line)
{
	if (line.len != 0 && line.p[line.len - 1] == '\n') {
		line.len--;
		if (line.len != 0 && line.p[line.len - 1] == '\r')
			line.len--;
	}
	return line;
}

/* Without the line's end; a line without a colon is nobody's field. */
static enum dkim_status
field(struct dkim_check *check, struct mf_text line)
{
	struct mf_text value = line, name = line;

	line = without_end(line);
	value = line;
	if (!text_cut(&value, ':', &name)) {
		name = line;
		value = MF_TEXT("");
	}
	return dkim_check_field(check, name, value);
}

enum dkim_status
dkim_check_message_end(struct dkim_check *check)
{
	struct message_ *m = &check->message;
	enum dkim_status status = DKIM_OK;

	if (check->header_over)
		return DKIM_OK;
	if (m->len != 0)
		status = field(check, mf_text_at(m->line, m->len));
	free(m->line);
	*m = (struct message_){.in_body = true};
	return status != DKIM_OK ? status : dkim_check_header_end(check);
}

static bool
keep(struct dkim_check *check, struct mf_text text)
{
	struct message_ *m = &check->message;

	/* No longer than what is too large, whatever comes. */
	if (text.len > DKIM_HEADER_MAX + 1 - m->len)
		text.len = DKIM_HEADER_MAX + 1 - m->len;
	if (m->len + text.len > m->size) {
		size_t size = 2 * (m->len + text.len);
		char *more = realloc(m->line, size);

		if (more == NULL)
			return false;
		m->line = more;
		m->size = size;
	}
	if (text.len != 0)
		memcpy(m->line + m->len, text.p, text.len);
	m->len += text.len;
	return true;
}

/* Whether what was kept ends with an empty line, which is taken off then. */
static bool
end_header(struct message_ *m)
{
	struct mf_text line = mf_text_at(m->line, m->len);
	struct mf_text before = without_end(line);

	if (before.len == line.len ||
	    (before.len != 0 && before.p[before.len - 1] != '\n'))
		return false;
	m->len = before.len;
	return true;
}

/* The first octet of a line: does the field go on? */
static enum dkim_status
begin_line(struct dkim_check *check, char c)
{
	struct message_ *m = &check->message;
	enum dkim_status status = DKIM_OK;

	if (m->len == 0 || ascii_is_blank(c) || c == '\r' || c == '\n')
		return DKIM_OK;
	status = field(check, mf_text_at(m->line, m->len));
	m->len = 0;
	return status;
}

/* A piece of the header, up to the end of a line at most; how many octets. */
static enum dkim_status
header_line(struct dkim_check *check, struct mf_text piece, size_t *taken)
{
	struct message_ *m = &check->message;
	size_t len = text_find(piece, '\n');
	enum dkim_status status = DKIM_OK;

	*taken = len < piece.len ? len + 1 : len;
	if (m->at_start || m->len == 0)
		status = begin_line(check, piece.p[0]);
	if (status != DKIM_OK || !keep(check, text_head(piece, *taken)))
		return DKIM_NO_MEMORY;
	m->at_start = len < piece.len;
	if (!m->at_start || !end_header(m))
		return DKIM_OK;
	return dkim_check_message_end(check);
}

enum dkim_status
dkim_check_message(struct dkim_check *check, struct mf_text piece)
{
	enum dkim_status status = DKIM_OK;
	size_t taken;

	while (piece.len != 0 && !check->message.in_body && status == DKIM_OK) {
		status = header_line(check, piece, &taken);
		piece = text_from(piece, taken);
	}
	return status != DKIM_OK || piece.len == 0
	    ? status
	    : dkim_check_body(check, piece);
}
