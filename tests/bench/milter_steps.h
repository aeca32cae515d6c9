/* SPDX-License-Identifier: ISC */
/*
 * What an MTA says to a filter, for milter_load.c: the steps of a session,
 * their packets and macros, as far as the filter wants them.
 */
#ifndef MAILFROM_TESTS_BENCH_MILTER_STEPS_H
#define MAILFROM_TESTS_BENCH_MILTER_STEPS_H

#include <libmilter/mfapi.h>

#include "common/text.h"

/* In the order in which they come; each has one reply, or none. */
enum step {
	NEGOTIATE,
	CONNECT,
	HELO,
	MAIL,
	RCPT, /* for each recipient */
	DATA,
	HEADER, /* for each field */
	EOH,
	BODY,
	EOM
};

/* Who sends: the client of a session, the sender of a message. */
struct line {
	struct mf_text ip, helo, sender;
};

/* Where a session is. */
struct place {
	enum step step;
	uint64_t nth; /* recipient or field */
	const struct line *client, *mail;
	uint64_t message; /* makes its queue id */
};

/* What messages are like. */
struct shape {
	uint64_t recipients, headers, body; /* body: octets, one packet's */
};

#define MACROS_MAX 16 /* in the list of a stage */

/* What was negotiated: the same for all connections to a filter. */
struct terms {
	bool known;
	uint64_t steps; /* SMFIP_* */
	struct {
		unsigned macros[MACROS_MAX];
		size_t count;
	} lists[SMFIM_LAST + 1];
};

/*
 * Read the data of the filter's OPTNEG, unless the terms are known.  False if
 * it is malformed, or differs from them.  sendmail: whose lists of macros there
 * are without the filter's.
 */
bool terms_read(struct terms *terms, struct mf_text data, bool sendmail);

/* Add the step to what is sent; true if the filter will reply to it. */
bool step_put(struct text_out *o, const struct terms *terms,
    const struct shape *shape, const struct place *place);

/* Go on to the next step; from EOM there is none. */
void step_next(const struct shape *shape, struct place *place);

/* A command without data. */
void command_put(struct text_out *o, char command);

/*
 * Cut the first packet off what came.  False: it isn't there whole; one that
 * can't be a packet never is.
 */
bool packet_cut(struct mf_text *in, char *command, struct mf_text *data);

#endif
