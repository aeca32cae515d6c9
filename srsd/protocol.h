/* SPDX-License-Identifier: ISC */
/*
 * What srsd speaks: octets to a request, an answer to octets.
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
	PROTOCOL_TAKEN, /* one was */
	PROTOCOL_MORE,  /* nothing was: the input holds no whole request */
	PROTOCOL_CLOSE  /* close, once what was written is sent */
};

struct protocol_parsed {
	struct map_request request; /* text of the input, or of key_room */
	struct mf_text error; /* not empty: answer this instead, MAP_PERM */
	char key_room[PROTOCOL_LINE_MAX];
};

/* Take one request from the front of *input. */
enum protocol_status protocol_parse(
    enum protocol protocol, struct mf_text *input, struct protocol_parsed *out);

/* Append an answer to out, which must have PROTOCOL_ANSWER_MAX octets of room. */
void protocol_format(enum protocol protocol, enum map_status status,
    struct mf_text data, struct text_out *out);

#endif
