/* SPDX-License-Identifier: ISC */
/*
 * The maps: a name and a key in, an answer out.  No I/O.
 *
 *	make_srs reverse_srs		sendmail's shapes, OK ADDRESS or TEMP
 *	forward reverse			plain addresses, NOTFOUND if there is
 *	srs_forward srs_reverse		nothing to do
 *	probe				OK and a few words
 *
 * A name may carry the domain that forwards, "forward@example.com", which
 * chooses the SRS domain (fwdomain in mailfrom.conf(5)).
 *
 * A request is read, decided and answered, in this order.  Only the second step
 * needs the configuration; between it and the third the SPF gate may change the
 * decision, and the store may have to give or to take a row.
 */
#ifndef MAILFROM_SRSD_MAPS_H
#define MAILFROM_SRSD_MAPS_H

#include "common/log.h"
#include "rewrite/message_id.h"
#include "rewrite/policy.h"
#include "store/store.h"
#include <mailfrom/spf.h>

/* Octets of a request (name, space, key) that are taken. */
#define MAP_REQUEST_MAX 8192

/* Octets of data that an answer can have: the key itself, or an address. */
#define MAP_DATA_SIZE (MAP_REQUEST_MAX + 16)

/* How many maps there are; they are numbered from 0. */
#define MAPS 7

struct map_request {
	struct mf_text map;
	struct mf_text key;
};

enum map_kind {
	MAP_FORWARD, /* of a sender */
	MAP_REVERSE, /* of a recipient */
	MAP_PROBE,
	MAP_UNKNOWN, /* there is no such map */
	MAP_BAD_KEY
};

/*
 * What a request asks for, and what was decided on that.  Its text is the
 * request's, but for address.
 */
struct map_lookup {
	enum map_kind kind;
	unsigned map; /* its number; MAPS: there is none */
	bool for_sendmail;
	struct mf_text forwarding_domain; /* empty: unknown */
	struct mf_text host;              /* next hop, if the key told it */
	bool no_next_hop;                 /* the key told that there is none */
	struct mf_text given;             /* the address as the MTA writes it */
	struct text_out address;          /* the same, plain */
	struct policy_result result;      /* if map_decides() */
	enum spf_cause gate_cause;        /* why the gate couldn't tell */
	char address_room[MAP_REQUEST_MAX];
};

enum map_status { MAP_OK, MAP_NOTFOUND, MAP_TEMP, MAP_PERM };

struct map_answer {
	enum map_status status;
	/* Without MAP_OK: why.  Constant, the lookup's, or in data_room. */
	struct mf_text data;
	char data_room[MAP_DATA_SIZE];
};

/* The name of a map by its number. */
struct mf_text map_name(unsigned map);

/* What a probe also says where the log's reader doesn't keep up. */
void map_add_log(struct map_answer *probe, const struct log_health *log);

void map_read(const struct map_request *request, struct map_lookup *out);

/* Whether there is something to decide: it is MAP_FORWARD or MAP_REVERSE. */
bool map_decides(const struct map_lookup *lookup);

/*
 * Decide, if there is something.  now_sec is since 1970 UTC.  A message id is
 * drawn from ids only for what SES signs.
 */
void map_decide(const struct rewriter *r, struct map_lookup *lookup,
    struct message_ids *ids, uint64_t now_sec);

/* Whether the store has to give or to take a row first. */
bool map_needs_store(const struct map_lookup *lookup);

/* Whether the gate, if there is one, has a say in what was decided. */
bool map_asks_gate(const struct map_lookup *lookup);

/*
 * What the store has said to a decision that policy_needs_store(); NULL: it
 * didn't, or there is none.
 */
void map_hear_store(const struct rewriter *r, struct map_lookup *lookup,
    const struct store_answer *answer, uint64_t now_sec);

void map_answer(const struct map_lookup *lookup, struct map_answer *out);

#endif
