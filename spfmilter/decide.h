/* SPDX-License-Identifier: ISC */
/*
 * From what was found out about a message to what is done with it: a pure
 * function.
 */
#ifndef MAILFROM_SPFMILTER_DECIDE_H
#define MAILFROM_SPFMILTER_DECIDE_H

#include "access/lookup.h"
#include "common/reply.h"
#include "milter/origin.h"

/* Why a message that would be refused isn't. */
enum exemption { EXEMPT_NOT, EXEMPT_CLIENT, EXEMPT_SENDER, EXEMPT_HELO };

struct facts {
	enum origin origin;
	enum exemption exemption;
	struct mf_text ip;     /* of the client, as text */
	struct mf_text sender; /* mailbox; empty: the null reverse-path */
	struct mf_text helo;
	struct mf_text user; /* who has authenticated */
	bool bad_helo;       /* and that is to be refused */
	bool bad_sender; /* nobody can tell its domain: nothing was checked */
	bool own_srs;    /* sender is an SRS address of ours, by its looks */
	const struct spf_verdict *mailfrom; /* both for ORIGIN_OUTSIDE */
	const struct spf_verdict *helo_verdict;
	/* The trusted forwarder that passes; empty: none. */
	struct mf_text forwarder;
	const struct access_table *table; /* NULL: there is no access file */
	enum lookup_defaults defaults;
	bool dkim; /* signatures are verified: a refusal may wait for them */
};

enum decision_reason { /* the words of the log */
	DECIDED_INTERNAL,
	DECIDED_TRUSTED_RELAY,
	DECIDED_BAD_HELO,
	DECIDED_BAD_SENDER,
	DECIDED_KEY,     /* by an entry of the access file */
	DECIDED_DEFAULT, /* by the defaults */
	DECIDED_EXEMPT_CLIENT,
	DECIDED_EXEMPT_SENDER,
	DECIDED_EXEMPT_HELO,
	DECIDED_DKIM_PASS,   /* a signature has lifted the refusal */
	DECIDED_DKIM_ERROR,  /* one may, later */
	DECIDED_DKIM_REFUSED /* by dkim-pass */
};

const char *decision_reason_text(enum decision_reason reason);

struct decision {
	enum decision_reason reason;
	/* OK, WHITELIST, REJECT, TEMPFAIL, DISCARD or QUARANTINE */
	enum action_verb verb;
	enum lookup_identity identity;    /* that decided */
	const struct access_entry *entry; /* of the table, or NULL */
	bool unless_dkim; /* it waits for the end of the message */
	/* DISCARD or QUARANTINE for the HELO name, once that is lifted; NULL */
	const struct access_entry *behind;
	unsigned code;         /* of the reply; 0: none */
	char dsn[12];          /* "" if code is 0 */
	char text[REPLY_SIZE]; /* fit for smfi_setreply(), or a reason */
};

/* Whether verb lets the message pass. */
bool decision_accepts(const struct decision *decision);

void decide(const struct facts *facts, struct decision *out);

/* What became of a decision that DKIM has a say in; d: the signature's domain. */
void decide_dkim_lifted(struct decision *decision, struct mf_text d);
void decide_dkim_later(
    struct decision *decision, struct mf_text key, enum spf_cause cause);
void decide_dkim_refused(struct decision *decision,
    const struct lookup_answer *answer, struct mf_text d);

#endif
