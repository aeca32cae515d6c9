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
#ifndef MAILFROM_SPFMILTER_POLICY_H
#define MAILFROM_SPFMILTER_POLICY_H

#include "libspf/spf.h"
#include "spfmilter/table.h"

/* Octets of a key that are looked up; longer ones match nothing. */
#define POLICY_KEY_SIZE 1024

/* Whose actions and replies are used where the access file has none. */
enum policy_defaults {
	POLICY_RFC,     /* replies of RFC 7372; HELO: only a fail rejects */
	POLICY_PYMILTER /* those of pymilter's spfmilter */
};

extern const char *const policy_defaults_names[]; /* NULL at the end */

enum policy_identity {
	POLICY_MAILFROM, /* spf-<result> */
	POLICY_NULL,     /* MAIL FROM:<>: null-<result>, then spf-<result> */
	POLICY_SRS,      /* an SRS address of ours: srs-<result>, then spf- */
	POLICY_HELO,     /* helo-<result> */
	POLICY_AUTH      /* smtp-auth */
};

struct policy_query {
	enum policy_identity identity;
	enum spf_result result; /* not for POLICY_AUTH */
	/* user@domain; for POLICY_HELO the bare name. */
	struct text subject;
	enum policy_defaults defaults;
};

struct policy_answer {
	const struct entry *entry; /* that decided; NULL: the default did */
	enum action_verb verb;     /* never ACTION_SKIP, ACTION_ERROR */
	unsigned code;             /* of a refusal, else 0 */
	char dsn[12];              /* "5.7.23"; "" if code is 0 */
	struct text text;          /* of the entry; empty: compose one */
};

/* Ask.  table may be NULL: there is no access file. */
void policy_ask(const struct table *table, const struct policy_query *query,
    struct policy_answer *out);

/* The entry of the first key that is there; NULL: none. */
const struct entry *policy_find(
    const struct table *table, const char *tag, struct text subject);

/* How recipients are asked about. */
enum policy_recipients {
	POLICY_RCPT_TO,     /* spf-to: alone */
	POLICY_RCPT_FRIEND, /* Spam: ... FRIEND exempts, delay_checks' way */
	POLICY_RCPT_HATER   /* all but Spam: ... HATER are exempt */
};

extern const char *const policy_recipients_names[]; /* NULL at the end */

/*
 * Whether recipient (without angle brackets) gets its mail whatever SPF says:
 * by spf-to:, and as how says.  *entry: what decided, or NULL.
 */
bool policy_is_exempt(const struct table *table, enum policy_recipients how,
    struct text recipient, const struct entry **entry);

#endif
