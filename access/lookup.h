/* SPDX-License-Identifier: ISC */
/*
 * What the access file, and the defaults where it is silent, say of a result:
 * a pure function of table, result and identity.
 *
 * For the tag pfx and user+detail@sub.example.com these keys are looked up, the
 * first that is there counts:
 *
 *	pfx:user+detail@sub.example.com
 *	pfx:user@sub.example.com
 *	pfx:sub.example.com
 *	pfx:.example.com
 *	pfx:.com
 *	pfx:user@
 *	pfx:
 *	pfx
 */
#ifndef MAILFROM_ACCESS_LOOKUP_H
#define MAILFROM_ACCESS_LOOKUP_H

#include "access/table.h"
#include <mailfrom/spf.h>

/* Octets of a key that is looked up; longer ones match nothing. */
#define LOOKUP_KEY_SIZE 1024

/* --- keys --- */

/* The keys of a tag and a subject, one after the other. */
struct lookup_keys {
	const unsigned char *forms; /* that are still to come */
	struct mf_text tag;
	struct mf_text local, user, domain; /* user: without its detail */
	size_t label; /* of domain, where a parent begins */
	char key[LOOKUP_KEY_SIZE];
};

/*
 * Begin.  subject: user@domain, or a domain; case and a dot at the end don't
 * matter.  The local part ends at the last "@"; its detail begins at the first
 * "+", unless it begins with "+" or is quoted.  Both texts must stay valid for
 * as long as keys are asked for.
 */
void lookup_keys(
    struct lookup_keys *keys, struct mf_text tag, struct mf_text subject);

/* The next key, in lower case, valid until the next call; false: no more. */
bool lookup_next(struct lookup_keys *keys, struct mf_text *key);

/* Told about each key that is looked up; entry NULL: it isn't there. */
struct lookup_trace {
	void (*key)(
	    void *arg, struct mf_text key, const struct access_entry *entry);
	void *arg;
};

/* --- senders --- */

/* Whose actions and replies are used where the access file has none. */
enum lookup_defaults {
	LOOKUP_RFC,     /* replies of RFC 7372; HELO: only a fail rejects */
	LOOKUP_PYMILTER /* those of pymilter's spfmilter */
};

/*
 * Where no key of the last tag is there, and the result is none, those of
 * spf-neutral are looked up, but not for HELO.
 */
enum lookup_identity {
	LOOKUP_MAILFROM, /* spf-<result> */
	LOOKUP_NULL,     /* MAIL FROM:<>: null-<result>, then spf-<result> */
	LOOKUP_SRS,      /* an SRS address of ours: srs-<result>, then spf- */
	LOOKUP_HELO,     /* helo-<result> */
	LOOKUP_AUTH      /* smtp-auth */
};

struct lookup_query {
	enum lookup_identity identity;
	enum spf_result result; /* not for LOOKUP_AUTH */
	/* user@domain; for LOOKUP_HELO the bare name. */
	struct mf_text subject;
	enum lookup_defaults defaults;
	const struct lookup_trace *trace; /* or NULL */
};

struct lookup_answer {
	const struct access_entry *entry; /* that was found; NULL: none */
	enum action_verb verb;            /* never ACTION_SKIP, ACTION_ERROR */
	unsigned code;                    /* of a refusal, else 0 */
	char dsn[12];        /* "5.7.23", of code's class; "" if code is 0 */
	struct mf_text text; /* of the entry; empty: compose one */
	/* It doesn't accept, unless a DKIM signature counts. */
	bool unless_dkim;
};

/*
 * Ask.  An entry that says SKIP, or nothing that action_parse() understands,
 * ends the search: the answer is the result's default, and names the entry.
 * table may be NULL: there is no access file.  UNLESS-DKIM is for LOOKUP_MAILFROM
 * and LOOKUP_SRS, and without effect elsewhere.
 */
void lookup_ask(const struct access_table *table,
    const struct lookup_query *query, struct lookup_answer *out);

/* --- DKIM --- */

/* What the tag dkim-pass says of a domain whose signature counts. */
enum lookup_dkim {
	LOOKUP_DKIM_DEFAULT, /* nothing: it has to be aligned */
	LOOKUP_DKIM_OK,      /* it lifts refusals, aligned or not */
	LOOKUP_DKIM_SKIP,    /* it never does */
	LOOKUP_DKIM_REFUSE   /* what it has signed is refused: *out */
};

/*
 * Ask for d= of a signature.  out->entry names the entry; an action that isn't
 * understood is taken for SKIP.  trace may be NULL.
 */
enum lookup_dkim lookup_dkim_pass(const struct access_table *table,
    struct mf_text d, const struct lookup_trace *trace,
    struct lookup_answer *out);

/* What of DKIM the entries of a table have. */
struct lookup_dkim_uses {
	bool unless_dkim; /* where it has an effect */
	bool dkim_pass;
};

struct lookup_dkim_uses lookup_dkim_uses(const struct access_table *table);

/* --- recipients --- */

/*
 * sendmail's FEATURE(`delay_checks') looks recipients up with the tag Spam: the
 * address with its detail, with "+*" for it and without it; the domain and its
 * parents (without a dot before them); the same local parts before "@".
 * sendmail asks for the last ones in its own domains only; which these are
 * isn't known here, so they count in all.
 */
enum lookup_recipients {
	LOOKUP_RCPT_TO,     /* spf-to: alone */
	LOOKUP_RCPT_FRIEND, /* Spam: ... FRIEND exempts, delay_checks' way */
	LOOKUP_RCPT_HATER   /* all but Spam: ... HATER are exempt */
};

/*
 * Whether recipient (without angle brackets) gets its mail whatever SPF says.
 * The first key of spf-to that is there decides: OK and WHITELIST exempt, all
 * else doesn't.  Where there is none, how says what does.  *entry: what
 * decided, or NULL.  trace may be NULL.
 */
bool lookup_is_exempt(const struct access_table *table,
    enum lookup_recipients how, struct mf_text recipient,
    const struct lookup_trace *trace, const struct access_entry **entry);

/* Whether value is a word of delay_checks, FRIEND or HATER. */
bool lookup_is_friend(struct mf_text value);
bool lookup_is_hater(struct mf_text value);

#endif
