/* SPDX-License-Identifier: ISC */
/*
 * Where log lines go: standard error, syslog's /dev/log or the journal's
 * socket.  One thread at a time; sending may block.
 *
 * A sink gathers lines and sends them with few system calls: to a pipe as many
 * whole lines as it takes in one piece (PIPE_BUF), so that the lines of several
 * programs don't mix; on a socket, a datagram for each.
 */
#ifndef MAILFROM_COMMON_LOG_SINK_H
#define MAILFROM_COMMON_LOG_SINK_H

#include <time.h>

#include "common/log_ring.h"

#define LOG_SINK_LINES 64
/* The parts around a line: priority, time, program, number of the process. */
#define LOG_SINK_AROUND 256
#define LOG_SINK_SIZE   (28 * (LOG_LINE_SIZE + LOG_SINK_AROUND))

struct log_sink {
	enum log_target to;
	const char *program;
	int fd;      /* of a socket, or -1 */
	size_t size; /* bytes to gather */
	bool stream; /* syslog's, on a few systems */
	int64_t stamp_sec;
	char stamp[32]; /* "Jan  1 00:00:00", of stamp_sec */
	/* What is to be sent: pieces, each up to ends[i]. */
	char buffer[LOG_SINK_SIZE];
	size_t len;
	size_t ends[LOG_SINK_LINES];
	unsigned count;
	unsigned sent;    /* pieces */
	size_t sent_part; /* bytes of the next one */
	uint64_t lost;    /* lines that no reader could take */
};

/* Nothing is opened before it is needed.  program must live as long. */
void log_sink_init(
    struct log_sink *sink, enum log_target to, const char *program);

/* Whether there is somebody to connect to. */
bool log_sink_open(struct log_sink *sink);

/* Add a line.  False: it doesn't fit, so flush first; into an empty one it does. */
bool log_sink_add(struct log_sink *sink, const struct log_entry *entry);

/*
 * Send what was added.  False: that isn't possible now, and the rest is kept
 * for another call.
 */
bool log_sink_flush(struct log_sink *sink);

/* Forget what was added. */
void log_sink_discard(struct log_sink *sink);

#endif
