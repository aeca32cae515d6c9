/* SPDX-License-Identifier: ISC */
/*
 * A proof without sending mail: what srsd, srsmilter and the mail server do
 * with an address that was signed a moment ago, with a forged one, and with
 * senders that have to stay.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_PROOF_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_PROOF_H

#include "tools/mailfrom/doctor_talk.h"

/* The addresses that everything is tried with. */
#define PROOF_SENDER    "mailfrom-doctor@sender.example"
#define PROOF_RECIPIENT "mailfrom-doctor@dest.example"

enum proof_outcome {
	PROOF_NOT_TRIED,
	PROOF_RIGHT,
	PROOF_WRONG, /* it did something else */
	PROOF_BROKEN /* no answer */
};

/* One thing that was tried. */
struct proof_step {
	enum proof_outcome outcome;
	struct mf_text said; /* what came back */
};

/* In srsd, by its maps, or in srsmilter, by messages that are never sent. */
struct proof_facts {
	struct proof_step null_sender; /* stays */
	struct proof_step own_sender;  /* stays */
	struct proof_step foreign;     /* gets an SRS sender */
	struct proof_step fresh;       /* is restored */
	struct proof_step forged;      /* isn't */
	struct proof_step rrs;         /* a made-up RRS address is refused */
};

/* At the mail server. */
struct proof_smtp {
	const char *where; /* "HOST:PORT"; NULL: not tried */
	bool is_connected;
	struct mf_text greeting;
	struct talk_smtp_reply fresh, forged; /* to RCPT */
};

struct doctor_facts;

void proof_read_srsd(struct doctor_facts *facts);
void proof_read_srsmilter(struct doctor_facts *facts);

/* where: HOST:PORT, or NULL for this host's mail server. */
void proof_read_smtp(struct doctor_facts *facts, const char *where);

#endif
