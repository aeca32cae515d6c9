/* SPDX-License-Identifier: ISC */
/*
 * What the parts of spfquery --lint share.  All but lint.c and lint_report.c is
 * pure: answers in, findings out.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_LINT_H
#define MAILFROM_TOOLS_SPFQUERY_LINT_H

#include <stdio.h>

#include "common/text.h"
#include "tools/spfquery/reach.h"
#include "tools/spfquery/survey.h"

/*
 * LINT_ERROR: some client gets permerror or temperror, or everybody passes.
 * LINT_WARNING: likely to be a mistake, or close to a limit.
 */
enum lint_level { LINT_ERROR, LINT_WARNING, LINT_NOTE };

struct lint_finding {
	struct lint_finding *next;
	enum lint_level level;
	const char *code;
	char *domain; /* in whose record */
	char *term;   /* "" if it isn't about one */
	char *says;
};

/* A client, and what the evaluator says that it gets. */
struct lint_witness {
	bool found;
	struct spf_ip ip;
	char sender[SPF_NAME_SIZE + 16];
	struct spf_verdict verdict;
};

/* The most terms or voids, or the least, that clients of a family can have. */
struct lint_bound {
	unsigned count;
	unsigned reached; /* by the witness, if it is found */
	const struct reach_outcome *outcome; /* that has count */
	struct lint_witness witness;
};

/* Of one family. */
struct lint_bounds {
	struct lint_bound terms_least, terms_most, voids_least, voids_most;
};

struct lint {
	struct spf_source source;
	struct spf_limits limits;
	struct mf_text domain; /* as evaluator_domain() makes it */
	struct lint_finding *first, **last;
	unsigned levels[LINT_NOTE + 1]; /* how many of each */
	char *record;                   /* of the domain; NULL: none */
	struct survey survey;
	struct reach reaches[SURVEY_FAMILIES];
	struct lint_bounds bounds[SURVEY_FAMILIES];
	unsigned trials; /* of clients, for witnesses */
};

/*
 * Find what is wrong with the record of domain, or close to a limit, by the
 * answers of source, which has them all.  For lint_clear().
 */
void lint_domain(struct lint *out, struct mf_text domain,
    struct spf_limits limits, const struct spf_source *source);
void lint_clear(struct lint *lint);

/* --- findings --- */

/* Note something about term, empty if it is about the whole, in domain. */
void lint_find(struct lint *lint, enum lint_level level, const char *code,
    struct mf_text domain, struct mf_text term, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* --- terms as they are written --- */

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
	struct mf_text value; /* after ":" or "=" */
	char qualifier;
	char separator; /* ':', '=' or '\0' */
	enum lint_kind kind;
	bool valid; /* the compiler takes it */
};

/*
 * The next term of *rest; false at its end.  problem: why the compiler doesn't
 * take it, "" if it does.
 */
bool lint_next(struct mf_text *rest, struct lint_term *out,
    char problem[static SPF_TEXT_SIZE]);

/* A problem of the compiler's without its hint: lint has better ones. */
struct mf_text lint_plain_problem(const char *problem);

/* The term that is written so, without asking the compiler. */
void lint_parse(struct mf_text written, struct lint_term *out);

/* Of the names of mechanisms and modifiers. */
bool lint_is_modifier(enum lint_kind kind);

/*
 * What somebody who wrote this may have meant, as a sentence: terms that have
 * been compiled, with its qualifier.  "" if there is nothing to suggest.  next:
 * the word after it, which may belong to it; or empty.  *both: it does.
 */
void lint_hint(const struct lint_term *term, struct mf_text next,
    char hint[static SPF_TEXT_SIZE], bool *both);

/*
 * Other terms that a valid one may have been meant as: it has several of them
 * in one, or a URL.  False: it is as it should be.  out: for text_out_size.
 */
bool lint_unglue(struct mf_text written, struct text_out *out);

/* The record that a text was meant to be; false: there is none. */
bool lint_repair(struct mf_text text, struct text_out *out);

/* --- parts --- */

/* What can be said of a record without asking.  is_met: some client gets there. */
void lint_record(struct lint *lint, struct mf_text domain,
    struct mf_text record, bool is_met);

/* What is to be said of its networks: their use, their bits, adjacent ones. */
void lint_networks(struct lint *lint, struct mf_text domain,
    const struct spf_term *terms, size_t count);

/* The network of an ip4 or ip6 term; and whether it is all in outer. */
struct ip_net lint_net(const struct spf_term *term);
bool lint_net_in(const struct ip_net *net, const struct ip_net *outer);

/* How many terms before one it is compared with. */
#define LINT_EARLIER_MAX 512

/* A record without its invalid terms, for free(). */
char *lint_valid_part(struct mf_text record);

/* What its names lead to. */
void lint_names(struct lint *lint);

/* A record is the domain's own too if a redirect of its own leads to it. */
const struct survey_record *lint_next_own(const struct survey_record *record);

/* What some clients get that is an error. */
void lint_errors(struct lint *lint);

/* That, what everybody gets, and limits that are near. */
void lint_classes(struct lint *lint);

/* Suggest terms in the place of one that finds nothing, if they find something. */
bool lint_suggest(const struct lint *lint, struct mf_text domain,
    struct mf_text written, char hint[static SPF_TEXT_SIZE]);

/* --- witnesses --- */

/*
 * Look for a client that gets outcome of reach; the evaluator says whether it
 * does.  only: those who can get no other.
 */
void lint_confirm(struct lint *lint, const struct reach_outcome *outcome,
    const struct ipset *only, struct lint_witness *out);

/* Of one family. */
void lint_bound(struct lint *lint, enum survey_family family);

/* What the evaluator says of this client. */
void lint_evaluate(const struct lint *lint, const struct spf_request *request,
    struct spf_verdict *out);

/* --- reports --- */

/* The client that was asked about, and what it gets. */
struct lint_client {
	const struct spf_request *request;
	const struct spf_verdict *verdict;
};

/* "error", "warning", "note". */
const char *lint_level_text(enum lint_level level);

/* client: NULL if nobody was. */
void lint_print(
    FILE *to, const struct lint *lint, const struct lint_client *client);
void lint_print_json(
    FILE *to, const struct lint *lint, const struct lint_client *client);

#endif
