/* SPDX-License-Identifier: ISC */
/*
 * The maps: a name and a key in, an answer out.  No I/O.
 *
 *	make_srs reverse_srs		sendmail's shapes, always OK ADDRESS
 *	forward reverse			plain addresses, NOTFOUND if there is
 *	srs_forward srs_reverse		nothing to do
 *	probe				OK and a few words
 *
 * A name may carry the domain that forwards, "forward@example.com", which
 * chooses the SRS domain (fwdomain in mailfrom.conf(5)).
 */
#ifndef MAILFROM_SRSD_MAPS_H
#define MAILFROM_SRSD_MAPS_H

#include "rewrite/policy.h"

/* Octets of a request (name, space, key) that are taken. */
#define MAP_REQUEST_MAX 8192

/* Octets of data that an answer can have: the key itself, or an address. */
#define MAP_DATA_SIZE (MAP_REQUEST_MAX + 16)

enum map_status { MAP_OK, MAP_NOTFOUND, MAP_TEMP, MAP_PERM };

/* What the protocol calls it: "OK", "NOTFOUND", "TEMP", "PERM". */
const char *map_status_text(enum map_status status);

struct map_request {
	struct mf_text map;
	struct mf_text key;
	uint64_t message_id; /* for SES, unique to this request */
	uint64_t now_sec;    /* since 1970 UTC */
	bool spf_passes;     /* as in struct policy_sender */
};

struct map_answer {
	enum map_status status;
	struct text_out data;
	/* For the log, if a decision was made (decided). */
	bool decided;
	bool reverse;
	struct policy_result result;
	bool no_next_hop;
	struct mf_text host;     /* next hop, if the key told it */
	struct text_out address; /* what was asked about, plain */
	char data_room[MAP_DATA_SIZE];
	char address_room[MAP_REQUEST_MAX];
};

/* Answer a request to a map. */
void map_answer(const struct rewriter *r, const struct map_request *request,
    struct map_answer *out);

/*
 * Answer a request of the socketmap protocol, "NAME KEY", which become map and
 * key of *request.
 */
void map_answer_text(const struct rewriter *r, struct mf_text text,
    struct map_request *request, struct map_answer *out);

/* Whether the answer depends on the gate, if there is one. */
bool map_asks_gate(const struct map_answer *answer);

#endif
