/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the evaluator share: eval.c goes through records,
 * mechanisms.c evaluates the terms that need DNS, notes.c counts and tells.
 */
#ifndef MAILFROM_LIBSPF_EVAL__H
#define MAILFROM_LIBSPF_EVAL__H

#include "libspf/record_.h"

/* A result, or that it isn't known yet. */
enum outcome_ {
	OUT_NONE = SPF_NONE,
	OUT_NEUTRAL = SPF_NEUTRAL,
	OUT_PASS = SPF_PASS,
	OUT_FAIL = SPF_FAIL,
	OUT_SOFTFAIL = SPF_SOFTFAIL,
	OUT_TEMPERROR = SPF_TEMPERROR,
	OUT_PERMERROR = SPF_PERMERROR,
	OUT_UNKNOWN,
	OUT_STOP /* unknown, and exploring further can't help */
};

/* What a term comes to. */
enum match_ {
	MATCH_NO,
	MATCH_YES,
	MATCH_TEMPERROR,
	MATCH_PERMERROR,
	MATCH_UNKNOWN, /* an answer is missing; go on, blocked */
	MATCH_STOP
};

struct check_ {
	const struct spf_request *request;
	const struct spf_source *source;
	struct spf_verdict *verdict;
	struct spf_limits limits;
	struct macro_values_ values;
	bool blocked;
	/* The record whose term has failed the client, for its exp=. */
	const struct spf_record *failed;
	struct mf_text domain;
	char failed_domain[SPF_NAME_SIZE];
	char validated[SPF_NAME_SIZE]; /* %{p}, of the term at hand */
};

/* One level of check_host(). */
struct level_ {
	struct mf_text domain;
	const struct spf_record *record;
	const struct spf_term *term;
	struct mf_text written; /* of the term, or of redirect */
	unsigned depth;
	bool included;
};

static inline uint32_t
get_be32_(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Whether the first bits (up to 128) of two addresses are equal. */
static inline bool
prefix_eq_(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (; bits >= 32; bits -= 32, a += 4, b += 4)
		if (get_be32_(a) != get_be32_(b))
			return false;
	return bits == 0 || (get_be32_(a) ^ get_be32_(b)) >> (32 - bits) == 0;
}

/* --- notes.c --- */

/* Tell the trace, if there is one; the values are made only then. */
#define TELL(check, level, ...)                                               \
	do {                                                                  \
		if ((check)->request->trace != NULL)                          \
			tell_(check, level, (struct spf_event){__VA_ARGS__}); \
	} while (0)

void tell_(
    const struct check_ *c, const struct level_ *l, struct spf_event event);

/* Copy t into out, cut and NUL-terminated; how much was copied. */
size_t put_text_(char *out, size_t size, struct mf_text t);

/* What comes from the wire must not carry controls further. */
void hide_controls_(char *text, size_t len);

/* Note the first problem: "TERM" in the record of DOMAIN: WHY WHAT. */
void problem_(const struct check_ *c, const struct level_ *l, const char *why,
    struct mf_text what);

/* DNS has failed for name: note it, and why.  Always MATCH_TEMPERROR. */
enum match_ failed_lookup_(const struct check_ *c, const struct level_ *l,
    struct mf_text name, const struct spf_answer *a);

/* An answer is missing. */
enum match_ blocked_(struct check_ *c);

/* Note the problem that there is "more than MAX OF_WHAT NAME". */
void over_limit_(const struct check_ *c, const struct level_ *l, unsigned max,
    const char *of_what, struct mf_text name);

/* A term that causes lookups (4.6.4).  False: one too many. */
bool count_term_(struct check_ *c, const struct level_ *l);
bool count_void_(struct check_ *c, const struct level_ *l, struct mf_text name);

/* The answer, or NULL: unknown. */
const struct spf_answer *lookup_(struct check_ *c, const struct level_ *l,
    enum spf_rr rr, struct mf_text name);

/* --- mechanisms.c --- */

/* A term that needs DNS, already counted. */
enum match_ match_by_dns_(struct check_ *c, const struct level_ *l);

/* %{p} for l's domain.  MATCH_YES once it is in c->values. */
enum match_ find_validated_(struct check_ *c, const struct level_ *l);

/*
 * The name that a domain-spec stands for, in room.  MATCH_YES: in *name;
 * MATCH_NO: it can't exist; or unknown.
 */
enum match_ target_name_(struct check_ *c, const struct level_ *l,
    const struct spf_domain_spec *spec, char room[static SPF_NAME_SIZE],
    struct mf_text *name);

/* The answer for a term's own name, with what counts against its limits. */
enum match_ term_lookup_(struct check_ *c, const struct level_ *l,
    enum spf_rr rr, struct mf_text name, const struct spf_answer **out);

/* --- eval.c --- */

/* check_host() once the TXT answer of domain is there. */
enum outcome_ check_record_(struct check_ *c, const struct level_ *parent,
    struct mf_text domain, const struct spf_answer *a, bool included);

#endif
