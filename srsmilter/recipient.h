/* SPDX-License-Identifier: ISC */
/*
 * What a recipient is, when it is named: somebody's address, or one that we
 * have signed, and then whether what is behind it may be reached.  No state, no
 * I/O.
 */
#ifndef MAILFROM_SRSMILTER_RECIPIENT_H
#define MAILFROM_SRSMILTER_RECIPIENT_H

#include "milter/answer.h"
#include "rewrite/policy.h"
#include "srsmilter/config.h"

enum recipient_fate {
	/* let through */
	RECIPIENT_PASSES, /* as it is */
	RECIPIENT_RESTORED,
	/* refused, each by itself */
	RECIPIENT_FORGED,
	RECIPIENT_EXPIRED,
	RECIPIENT_REPLAYED,
	RECIPIENT_SPOOFED, /* a bounce to an address that is always signed */
	RECIPIENT_NOT_A_BOUNCE, /* other mail to a signed address */
	/* of RRS addresses */
	RECIPIENT_RRS_FORGED,
	RECIPIENT_RRS_REVOKED,
	RECIPIENT_NOT_FORWARDER, /* SPF: another host than its */
	RECIPIENT_UNCLEAR,       /* the MTA may read another address in it */
	RECIPIENT_BAD_SENDER,    /* the sender is what is unclear */
	/* for now */
	RECIPIENT_FORWARDER_UNKNOWN, /* SPF: nobody can say */
	RECIPIENT_ROW_MISSING,
	RECIPIENT_STORE_DOWN,
	/* not the end of it: recipient_facts need a row */
	RECIPIENT_TO_LOOK_UP
};

#define RECIPIENT_FATES (RECIPIENT_STORE_DOWN + 1)

/* Where a recipient's mail goes, as far as the sender is concerned. */
enum destination {
	DESTINATION_LOCAL,
	DESTINATION_FORWARDED,
	DESTINATION_EXCLUDED /* leaves, and wants the sender kept */
};

#define DESTINATIONS (DESTINATION_EXCLUDED + 1)

/* What the store has for a recipient that is an alias. */
struct recipient_row {
	enum policy_row_state state;
	struct mf_text value; /* of POLICY_ROW_FOUND */
};

struct recipient_facts {
	struct mf_text address; /* without angle brackets */
	bool is_ambiguous;      /* path_recipient() */
	struct mf_text mailer;  /* {rcpt_mailer}; empty: not told */
	bool is_bounce;         /* null sender, or one of banned_users */
	bool from_exempt_host;  /* ours: whatever it sends isn't refused */
	uint64_t now_sec;       /* since 1970 UTC */
	const struct recipient_row *row; /* NULL: it wasn't looked up */
};

struct recipient {
	enum recipient_fate fate;
	/* Its signature should be ours and isn't, whatever its fate. */
	bool is_forged;
	enum destination destination;  /* of those that are let through */
	struct policy_result reversed; /* of RECIPIENT_RESTORED: who it is */
	bool is_rrs;
	/* Of is_rrs and RECIPIENT_RESTORED: if SPF passes for it; or empty. */
	struct mf_text forwarder;
};

/*
 * With RECIPIENT_TO_LOOK_UP out->reversed.row says which row is needed.
 * RECIPIENT_REPLAYED, RECIPIENT_BAD_SENDER and what SPF says of a forwarder
 * aren't outcomes: who counts, has read the sender, or asks, has to say it.
 */
void recipient_judge(const struct srsmilter_config *config,
    const struct recipient_facts *facts, struct recipient *out);

/* Whether a sender is one of banned_users. */
bool recipient_is_banned_sender(
    const struct srsmilter_config *config, struct mf_text sender);

/* Whether a mailer delivers here. */
bool recipient_is_local_mailer(
    const struct srsmilter_config *config, struct mf_text mailer);

/* What RCPT is answered. */
struct reply recipient_reply(enum recipient_fate fate);

/*
 * The same for RECIPIENT_FORGED, the count-th of a session that may have limit
 * of them; 0: any number.  421 ends the session (RFC 5321 3.8).
 */
struct reply recipient_forged_reply(uint64_t count, uint64_t limit);

/* The fate as a word, such as "forged". */
const char *recipient_fate_text(enum recipient_fate fate);

#endif
