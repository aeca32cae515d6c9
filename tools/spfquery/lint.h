/* SPDX-License-Identifier: ISC */
/*
 * What the parts of spfquery --lint share.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_LINT_H
#define MAILFROM_TOOLS_SPFQUERY_LINT_H

#include "tools/spfquery/dns.h"

enum lint_level { LINT_ERROR, LINT_WARNING, LINT_NOTE };

struct lint_finding {
	struct lint_finding *next;
	enum lint_level level;
	const char *code;
	char *domain; /* in whose record */
	char *term;   /* "" if it isn't about one */
	char *says;
};

#define LINT_DEPTH_MAX 12  /* of includes; terms end it before */
#define LINT_NAMES_MAX 300 /* lookups; hostile trees are endless */

struct lint {
	struct dns *dns;
	struct lint_finding *first, **last;
	unsigned levels[LINT_NOTE + 1]; /* how many of each */
	/* If nothing matches, over all records: */
	unsigned terms, voids4, voids6;
	unsigned lookups;
	/* The domains from the first to the one at hand. */
	struct mf_text path[LINT_DEPTH_MAX];
	size_t depth;
	char *record; /* of the first domain; NULL: none */
};

/* Note something about term, empty if it is about the whole, in domain. */
void lint_find(struct lint *lint, enum lint_level level, const char *code,
    struct mf_text domain, struct mf_text term, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

void lint_clear(struct lint *lint);

/* --- terms --- */

enum lint_kind {
	LINT_ALL,
	LINT_INCLUDE,
	LINT_A,
	LINT_MX,
	LINT_PTR,
	LINT_IP4,
	LINT_IP6,
	LINT_EXISTS,
	LINT_REDIRECT,
	LINT_EXP,
	LINT_MODIFIER, /* of another name */
	LINT_UNKNOWN
};

struct lint_term {
	struct mf_text written;
	struct mf_text bare;  /* without its qualifier */
	struct mf_text name;  /* of the mechanism or modifier */
	struct mf_text value; /* behind ":" or "="; without prefix lengths */
	char qualifier;
	char separator; /* ':', '=' or '\0' */
	enum lint_kind kind;
	bool valid;  /* the compiler takes it */
	bool macros; /* in value */
	/* Of ip4, ip6: the network; of these, a, mx: prefix lengths. */
	struct spf_ip network;
	unsigned bits4, bits6;
};

/*
 * The next term of *rest; false at its end.  problem: why the compiler doesn't
 * take it, "" if it does.
 */
bool lint_next(struct mf_text *rest, struct lint_term *out,
    char problem[static SPF_TEXT_SIZE]);

/* What somebody who wrote this may have meant, or "". */
void lint_hint(const struct lint_term *term, char hint[static SPF_TEXT_SIZE]);

/* --- checks --- */

/* What can be said of a record without asking. */
void lint_record(
    struct lint *lint, struct mf_text domain, struct mf_text record);

/* Follow a record's names; own: it is the domain's own, or by redirect. */
void lint_follow(struct lint *lint, struct mf_text domain,
    const struct spf_record *record, bool own);

/* --- reports --- */

void lint_print(const struct lint *lint, struct mf_text domain);
void lint_print_json(const struct lint *lint, struct mf_text domain);

/* --- the command --- */

/* SPFQUERY_OK, or SPFQUERY_FAILED if there are errors. */
int spfquery_lint(struct dns *dns, const char *domain, bool json);

#endif
