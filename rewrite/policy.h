/* SPDX-License-Identifier: ISC */
/*
 * Which sender is rewritten, and which recipient restored: pure functions of
 * an address and the settings.  srsd and srsmilter only differ in how they ask.
 */
#ifndef MAILFROM_REWRITE_POLICY_H
#define MAILFROM_REWRITE_POLICY_H

#include "rewrite/rewriter.h"

/* Why an address was changed, or wasn't; the words of the log. */
enum policy_reason {
	/* changed */
	POLICY_FORWARDED, /* SRS0 or SRS1 into the SRS domain */
	POLICY_SIGNED,    /* SRS in its own domain */
	POLICY_SES_SIGNED,
	POLICY_ALIASED, /* the store has the sender */
	POLICY_RESTORED,
	/* nothing to do */
	POLICY_NULL_SENDER,
	POLICY_NO_NEXT_HOP,        /* delivered here, as pysrs has it */
	POLICY_UNQUALIFIED,        /* no domain */
	POLICY_OWN_DOMAIN,         /* in own_domains, or in the SRS domain */
	POLICY_OWN_SRS,            /* carries a valid signature of ours */
	POLICY_RECIPIENT_EXCLUDED, /* exclude_recipients */
	POLICY_SENDER_EXCLUDED,
	POLICY_SENDER_NOT_INCLUDED,
	POLICY_FORWARDER_NOT_INCLUDED, /* forward_domains */
	POLICY_NO_FWDOMAIN,
	POLICY_SPF_PASSES,     /* the gate: all our addresses may send it */
	POLICY_NOT_SRS,        /* nothing to restore */
	POLICY_FOREIGN_DOMAIN, /* SRS, but in nobody's domain that we know */
	/* should have been changed, but can't be */
	POLICY_TOO_LONG,
	POLICY_BAD_ADDRESS,
	POLICY_BAD_SIGNATURE, /* forged, or of a secret that is gone */
	POLICY_EXPIRED,
	POLICY_NOT_STORED, /* the store is away: the sender stays */
	/* for now */
	POLICY_ROW_MISSING, /* signed by us, and not in the store */
	POLICY_STORE_DOWN,
	/* not the end of it: the store is to be asked */
	POLICY_TO_STORE,  /* address, once the row is committed */
	POLICY_TO_LOOK_UP /* for the row */
};

/* Those that are the end of it. */
#define POLICY_REASONS (POLICY_STORE_DOWN + 1)

/* The reason as a word, such as "own_domain". */
const char *policy_reason_text(enum policy_reason reason);

/* True for the reasons of the first group: address holds the new one. */
bool policy_changed(enum policy_reason reason);

/* True for those that somebody should look at. */
bool policy_failed(enum policy_reason reason);

/* True for those of them that are to be tried again: a temporary failure. */
bool policy_defers(enum policy_reason reason);

/* Whether the store is to be asked first. */
static inline bool
policy_needs_store(enum policy_reason reason)
{
	return reason >= POLICY_TO_STORE;
}

#define POLICY_ROW_PREFIX   "a:"
#define POLICY_ROW_KEY_SIZE (sizeof(POLICY_ROW_PREFIX) - 1 + SRS_DIGEST_SIZE)

/*
 * A SES signature that was verified, for those who count how often it is used:
 * in upper case, which is how it was written.
 */
struct policy_signature {
	char text[SES_SIGNATURE_MAX];
	size_t len; /* 0: none, or one without a date, made to be used often */
	uint64_t expires_sec;
};

/* What the store has, or is to have: the sender that an alias stands for. */
struct policy_row {
	char key[POLICY_ROW_KEY_SIZE];
	uint64_t expires_sec; /* of POLICY_TO_STORE */
};

struct policy_result {
	enum policy_reason reason;
	/* "" unless policy_changed(reason), or POLICY_TO_STORE */
	struct srs_addr address;
	struct policy_row row;             /* if policy_needs_store(reason) */
	struct policy_signature signature; /* of POLICY_RESTORED */
};

struct policy_sender {
	struct mf_text address; /* without angle brackets; empty: null sender */
	struct mf_text recipient_host; /* next hop or domain; empty: unknown */
	bool no_next_hop;              /* the MTA says that there is none */
	struct mf_text
	    forwarding_domain; /* whose mail it was; empty: unknown */
	uint64_t message_id;   /* for SES; unique to this message */
	uint64_t now_sec;      /* since 1970 UTC */
};

/* Decide on a sender, and rewrite or sign it. */
void policy_forward(const struct rewriter *r, const struct policy_sender *s,
    struct policy_result *out);

/*
 * The same in two steps.  The plan is the reason for which the sender stays, or
 * will be changed, unless that turns out to be impossible; with
 * POLICY_SES_SIGNED the second step needs a message id.
 */
enum policy_reason policy_plan(
    const struct rewriter *r, const struct policy_sender *s);
void policy_carry_out(const struct rewriter *r, const struct policy_sender *s,
    enum policy_reason plan, struct policy_result *out);

/*
 * The gate (rewrite/gate.h), which is only asked for a sender that is
 * POLICY_FORWARDED, has let it pass: it stays.
 */
void policy_spf_passes(struct policy_result *result);

enum policy_scope {
	POLICY_SRS_DOMAINS, /* what srs_domains says is ours */
	POLICY_ANY_DOMAIN   /* whatever our secrets have signed, as pysrs */
};

/*
 * Restore the address behind a signature, all layers of it that are ours.
 */
void policy_reverse(const struct rewriter *r, struct mf_text address,
    enum policy_scope scope, uint64_t now_sec, struct policy_result *out);

/* --- what the store has said --- */

/* POLICY_TO_STORE comes to its end: the row is committed, or isn't. */
void policy_stored(
    const struct rewriter *r, bool is_stored, struct policy_result *result);

enum policy_row_state {
	POLICY_ROW_FOUND,
	POLICY_ROW_ABSENT,
	POLICY_ROW_UNKNOWN
};

/* The same of POLICY_TO_LOOK_UP; value: of POLICY_ROW_FOUND. */
void policy_looked_up(const struct rewriter *r, enum policy_row_state state,
    struct mf_text value, enum policy_scope scope, uint64_t now_sec,
    struct policy_result *result);

#endif
