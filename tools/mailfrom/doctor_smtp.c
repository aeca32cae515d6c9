/* SPDX-License-Identifier: ISC */
/*
 * A client of SMTP, up to RCPT (RFC 5321).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/dial.h"
#include "tools/mailfrom/doctor_talk.h"

/* A line with its code; false: it is none. */
static bool
read_line(struct mf_text line, unsigned *code, bool *is_last)
{
	uint64_t n;

	if (line.len != 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (line.len < 3 || !text_uint(text_head(line, 3), 999, &n) || n < 200)
		return false;
	*code = (unsigned)n;
	*is_last = line.len == 3 || line.p[3] == ' ';
	return *is_last || line.p[3] == '-';
}

enum talk_parse
talk_parse_smtp(
    struct mf_text buffer, struct talk_smtp_reply *out, size_t *used)
{
	struct mf_text rest = buffer, line;
	bool is_last = false;

	while (text_cut(&rest, '\n', &line)) {
		if (!read_line(line, &out->code, &is_last))
			return TALK_BAD;
		if (is_last) {
			out->text = text_trim(text_from(line, 3));
			*used = (size_t)(line.p - buffer.p) + line.len + 1;
			return TALK_DONE;
		}
	}
	return TALK_MORE;
}

static bool
read_reply(struct talk_smtp *s, struct talk_smtp_reply *out)
{
	size_t used;

	s->len = 0;
	while (s->len < sizeof(s->room)) {
		ssize_t n =
		    read(s->fd, s->room + s->len, sizeof(s->room) - s->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s->len += (size_t)n;
		switch (
		    talk_parse_smtp(mf_text_at(s->room, s->len), out, &used)) {
		case TALK_DONE:
			return true;
		case TALK_MORE:
			break;
		case TALK_BAD:
			return false;
		}
	}
	return false;
}

bool
talk_smtp_open(struct talk_smtp *s, const struct sockaddr_spec *to,
    struct talk_smtp_reply *greeting)
{
	*greeting = (struct talk_smtp_reply){.code = 0};
	s->fd = dial(to, TALK_SMTP_SEC);
	return s->fd >= 0 && read_reply(s, greeting);
}

bool
talk_table_open(struct talk_smtp *table, const struct sockaddr_spec *to)
{
	table->fd = dial(to, TALK_SEC);
	return table->fd >= 0;
}

void
talk_smtp_close(struct talk_smtp *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

struct talk_smtp_reply
talk_smtp_say(struct talk_smtp *s, struct arena *arena, const char *format, ...)
{
	struct talk_smtp_reply reply = {.code = 0}, got;
	char line[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 2, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line) - 2)
		return reply;
	memcpy(line + len, "\r\n", 2);
	if (!dial_send(s->fd, mf_text_at(line, (size_t)len + 2)) ||
	    !read_reply(s, &got))
		return reply;
	return (struct talk_smtp_reply){got.code, arena_copy(arena, got.text)};
}
