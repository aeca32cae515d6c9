/* SPDX-License-Identifier: ISC */
/* sendmmsg() is outside of POSIX. */
#define _GNU_SOURCE
#include "common/log_sink.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

static bool
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* Where the lines that are gathered from now on go. */
static void
go_via(struct log_sink *s, enum log_target via)
{
	s->via = via;
	s->size = via == LOG_TO_STDERR && !is_file(STDERR_FILENO)
	    ? PIPE_BUF
	    : sizeof(s->buffer);
}

void
log_sink_init(struct log_sink *s, enum log_target to, const char *program)
{
	s->to = to;
	s->program = program;
	s->fd = -1;
	s->stamp_sec = -1;
	s->lost = 0;
	s->was_open = false;
	go_via(s, to);
	log_sink_discard(s);
}

void
log_sink_discard(struct log_sink *s)
{
	s->len = s->sent_part = 0;
	s->count = s->sent = 0;
}

/* --- connections --- */

static bool
connect_to(struct log_sink *s, const char *path, int type)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct text_out name = text_out(to.sun_path, sizeof(to.sun_path) - 1);

	out_str(&name, path);
	s->stream = type == SOCK_STREAM;
	s->fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	int error = errno;
	close(s->fd);
	s->fd = -1;
	errno = error;
	return false;
}

bool
log_sink_open(struct log_sink *s)
{
	if (s->via == LOG_TO_STDERR || s->fd >= 0)
		return true;
	if (s->to == LOG_TO_JOURNAL)
		return connect_to(s, JOURNAL_SOCKET, SOCK_DGRAM);
	return connect_to(s, SYSLOG_SOCKET, SOCK_DGRAM) ||
	    (errno == EPROTOTYPE && connect_to(s, SYSLOG_SOCKET, SOCK_STREAM));
}

bool
log_sink_lacks_syslog(struct log_sink *s)
{
	if (s->to != LOG_TO_SYSLOG || s->was_open)
		return false;
	go_via(s, LOG_TO_SYSLOG);
	s->was_open = log_sink_open(s) || errno != ENOENT;
	if (!s->was_open)
		go_via(s, LOG_TO_STDERR);
	return !s->was_open;
}

/* The reader has gone; a stream gets the line again that it has cut. */
static void
disconnect(struct log_sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->sent_part = 0;
}

/* --- gathering --- */

static struct mf_text
stamp_of(struct log_sink *s, int64_t time_sec)
{
	time_t t = (time_t)time_sec;
	struct tm tm;

	if (time_sec != s->stamp_sec) {
		s->stamp_sec = time_sec;
		localtime_r(&t, &tm);
		/* In the C locale, as daemons don't set another. */
		strftime(s->stamp, sizeof(s->stamp), "%b %e %H:%M:%S", &tm);
	}
	return mf_text_of(s->stamp);
}

static void
out_syslog(
    struct log_sink *s, const struct log_entry *entry, struct text_out *out)
{
	out_char(out, '<');
	out_uint(out, (uint64_t)(LOG_MAIL | priorities[entry->level]));
	out_char(out, '>');
	out_text(out, stamp_of(s, entry->time_sec));
	out_char(out, ' ');
	out_str(out, s->program);
	out_char(out, '[');
	out_uint(out, (uint64_t)getpid());
	out_text(out, MF_TEXT("]: "));
	out_text(out, entry->text);
	if (s->stream)
		out_char(out, '\0');
}

static void
out_journal(
    struct log_sink *s, const struct log_entry *entry, struct text_out *out)
{
	out_text(out, MF_TEXT("PRIORITY="));
	out_uint(out, (uint64_t)priorities[entry->level]);
	out_text(out, MF_TEXT("\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER="));
	out_str(out, s->program);
	/* The journal's own time is that of a line's arrival. */
	out_text(out, MF_TEXT("\nSYSLOG_TIMESTAMP="));
	out_text(out, stamp_of(s, entry->time_sec));
	out_text(out, MF_TEXT(" \nMESSAGE="));
	out_text(out, entry->text);
	out_char(out, '\n');
}

/* What syslog would add, but not to JSON, which has it. */
static void
out_prefix(const struct log_sink *s, const struct log_entry *entry,
    struct text_out *out)
{
	if (text_starts(entry->text, MF_TEXT("{")))
		return;
	out_str(out, s->program);
	out_text(out, MF_TEXT(": "));
	out_str(out, log_level_names[entry->level]);
	out_text(out, MF_TEXT(": "));
}

static void
out_entry(
    struct log_sink *s, const struct log_entry *entry, struct text_out *out)
{
	switch (s->via) {
	case LOG_TO_STDERR:
		if (s->to != LOG_TO_STDERR)
			out_prefix(s, entry, out);
		out_text(out, entry->text);
		out_char(out, '\n');
		break;
	case LOG_TO_SYSLOG:
		out_syslog(s, entry, out);
		break;
	case LOG_TO_JOURNAL:
		out_journal(s, entry, out);
		break;
	}
}

bool
log_sink_add(struct log_sink *s, const struct log_entry *entry)
{
	struct text_out out;

	if (s->len == 0)
		(void)log_sink_lacks_syslog(s);
	if (s->count == LOG_SINK_LINES)
		return false;
	out = text_out(s->buffer + s->len, s->size - s->len);
	out_entry(s, entry, &out);
	if (out.full)
		return false;
	s->len += out.len;
	if (s->via != LOG_TO_STDERR || s->count == 0)
		s->count++;
	s->ends[s->count - 1] = s->len;
	return true;
}

/* --- sending --- */

static struct mf_text
piece(const struct log_sink *s, unsigned i)
{
	size_t start = i == 0 ? 0 : s->ends[i - 1];

	return mf_text_at(s->buffer + start, s->ends[i] - start);
}

/* The next piece, or a part of it. */
static bool
send_bytes(struct log_sink *s)
{
	struct mf_text rest = text_from(piece(s, s->sent), s->sent_part);
	ssize_t n = s->via == LOG_TO_STDERR
	    ? write(STDERR_FILENO, rest.p, rest.len)
	    : send(s->fd, rest.p, rest.len, MSG_NOSIGNAL);

	if (n < 0)
		return false;
	s->sent_part += (size_t)n;
	if ((size_t)n == rest.len) {
		s->sent++;
		s->sent_part = 0;
	}
	return true;
}

/* As many pieces as the system takes in a call. */
static bool
send_datagrams(struct log_sink *s)
{
	struct mmsghdr messages[LOG_SINK_LINES] = {0};
	struct iovec parts[LOG_SINK_LINES];
	unsigned count = s->count - s->sent;
	int n;

	for (unsigned i = 0; i < count; i++) {
		struct mf_text t = piece(s, s->sent + i);

		parts[i] = (struct iovec){(void *)t.p, t.len};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(s->fd, messages, count, MSG_NOSIGNAL);
	if (n < 0)
		return false;
	s->sent += (unsigned)n;
	return true;
}

/* False: errno can't be helped now. */
static bool
recover(struct log_sink *s)
{
	switch (errno) {
	case EINTR:
		return true;
	case EMSGSIZE:
		/* This reader will never take it. */
		s->lost++;
		s->sent++;
		s->sent_part = 0;
		return true;
	case ECONNREFUSED:
	case ECONNRESET:
	case ENOTCONN:
	case EPIPE:
		/* Syslog was started again: there is a new socket. */
		if (s->via == LOG_TO_STDERR)
			return false;
		disconnect(s);
		return log_sink_open(s);
	default:
		return false;
	}
}

bool
log_sink_flush(struct log_sink *s)
{
	if (s->count != 0 && !log_sink_open(s))
		return false;
	while (s->sent < s->count) {
		bool bytes = s->via == LOG_TO_STDERR || s->stream;

		if (!(bytes ? send_bytes(s) : send_datagrams(s)) && !recover(s))
			return false;
	}
	log_sink_discard(s);
	return true;
}
