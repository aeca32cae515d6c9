/* SPDX-License-Identifier: ISC */
/*
 * What srsd speaks, as bytes in and bytes out.
 *
 * Socketmap (sendmail, Postfix): a request is the netstring "NAME KEY", an
 * answer the netstring "STATUS DATA".  A request over MAP_REQUEST_MAX octets is
 * answered PERM and the connection closed; what can't become a netstring closes
 * it at once, because where the next request begins is unknown then.
 *
 * tcp_table(5) of Postfix: "get KEY LF", answered "200 VALUE LF", "500 TEXT LF"
 * (no such entry) or "400 TEXT LF" (not understood); %XX encodes octets.
 */
#ifndef MAILFROM_SRSD_PROTOCOL_H
#define MAILFROM_SRSD_PROTOCOL_H

#include "rewrite/gate.h"
#include "srsd/maps.h"

enum protocol {
	PROTOCOL_SOCKETMAP,
	PROTOCOL_TCP_FORWARD,
	PROTOCOL_TCP_REVERSE
};

/* Octets of a tcp_table line, its LF included (tcp_table(5)). */
#define PROTOCOL_LINE_MAX 4096

/* Octets that one answer can take: tcp_table triples each. */
#define PROTOCOL_ANSWER_MAX (3 * MAP_DATA_SIZE + 64)

/* Octets that a request can be buffered with before it is refused. */
#define PROTOCOL_INPUT_MAX (MAP_REQUEST_MAX + 8)

enum protocol_status {
	PROTOCOL_ANSWERED, /* one request was taken and answered */
	PROTOCOL_MORE,     /* the input holds no whole request */
	PROTOCOL_WAIT,     /* nothing was taken: the gate hasn't answered yet */
	PROTOCOL_CLOSE     /* close, once what was written is sent */
};

struct protocol_env {
	const struct rewriter *rewriter;
	uint64_t now_sec;
	uint64_t (*next_message_id)(void *arg);
	/*
	 * Whether a sender may stay that would be rewritten; NULL: never.  With
	 * GATE_WAITS the request is to be tried again when it has answered.
	 */
	enum gate_answer (*ask_gate)(void *arg, struct mf_text sender);
	/* Called after each decision; the answer is valid during the call. */
	void (*decided)(void *arg, const struct map_answer *answer);
	void *arg;
	struct map_answer *scratch;
};

/*
 * Take one request from the front of *input and append its answer to out, which
 * must have PROTOCOL_ANSWER_MAX octets of room.
 */
enum protocol_status protocol_next(enum protocol protocol,
    struct mf_text *input, const struct protocol_env *env,
    struct text_out *out);

#endif
