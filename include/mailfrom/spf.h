/* SPDX-License-Identifier: ISC */
/*
 * libspf: Sender Policy Framework (RFC 7208) as a pure function.
 *
 *	spf_evaluate(request, answers) -> verdict, or the questions it lacks
 *
 * No I/O, clock, environment, threads or globals.  The caller provides DNS
 * answers through a lookup function that says "unknown" for what isn't there
 * yet.  An evaluation that met nothing unknown is the verdict; one that did
 * ends in SPF_PENDING, having looked up, in order, what it lacks: the first
 * unknown question is the one that evaluating one by one would ask next, the
 * others may be needed and can be asked meanwhile.  Evaluate again whenever the
 * first one's answer is there.  Verdict, mechanism, explanation and counters
 * are exactly those of asking one by one, whatever else was answered.
 *
 * An answer, once given to an evaluation, must stay the same until the check
 * has its verdict (the caller pins it), else one verdict would mix two states
 * of the DNS.
 */
#ifndef MAILFROM_SPF_H
#define MAILFROM_SPF_H

#include <mailfrom/text.h>

/* RFC 7208 4.6.4. */
#define SPF_TERMS_MAX 10  /* terms of a whole check that cause DNS queries */
#define SPF_VOIDS_MAX 2   /* terms whose lookup came back empty */
#define SPF_MX_MAX    10  /* names of one mx term */
#define SPF_LIMIT_MAX 100 /* the highest that a request can set them to */
#define SPF_PTR_MAX   10  /* names of one ptr term; further ones are ignored */

/* Octets of a domain name as text, without a dot at the end (RFC 1035). */
#define SPF_NAME_MAX  253
#define SPF_NAME_SIZE (SPF_NAME_MAX + 1)

/* Octets of a record that are looked at; a longer one is a permerror. */
#define SPF_RECORD_MAX 16384

/*
 * Octets of an explanation and of a problem's text; longer ones are cut.  A
 * header's line has room for one, each octet escaped (RFC 5322 2.1.1: 998).
 */
#define SPF_TEXT_MAX  480
#define SPF_TEXT_SIZE (SPF_TEXT_MAX + 1)

/* Octets of a local part or HELO name that are used. */
#define SPF_SENDER_MAX 512

enum spf_result { /* RFC 7208 2.6 */
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR
};

/* "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror". */
const char *spf_result_text(enum spf_result result);

/* --- addresses --- */

struct spf_ip {
	bool v6;
	uint8_t octets[16]; /* network order; the first 4 unless v6 */
};

/*
 * Read an IPv4 or IPv6 address.  IPv4-mapped IPv6 addresses become IPv4 (RFC
 * 7208 5).  False, and *out untouched, if text is no address.
 */
bool spf_ip_parse(struct mf_text text, struct spf_ip *out);

/* Octets of an address as text, with its NUL. */
#define SPF_IP_SIZE 46

/* Write ip the usual way (RFC 5952); the length without the NUL. */
size_t spf_ip_print(const struct spf_ip *ip, char out[static SPF_IP_SIZE]);

/* --- names --- */

/*
 * Whether text is a name that can be looked up (RFC 1035 2.3.4): labels of 1 to
 * 63 octets, whatever they are, at most SPF_NAME_MAX in all, without a dot at
 * the end.
 */
bool spf_name_ok(struct mf_text text);

/*
 * Write a domain, in U-labels (UTF-8) or A-labels (RFC 5890), as a name that
 * can be looked up: in A-labels, lower case, without a dot at its end.  *len:
 * its length without the NUL.  *len is 0 and out "" if text is no such name;
 * text with control octets isn't.  False, with *len 0 and out "": out of
 * memory.
 */
bool spf_name_to_ascii(
    struct mf_text text, char out[static SPF_NAME_SIZE], size_t *len);

/* --- answers --- */

enum spf_rr { SPF_RR_TXT, SPF_RR_A, SPF_RR_AAAA, SPF_RR_MX, SPF_RR_PTR };

/* "TXT", "A", "AAAA", "MX", "PTR". */
const char *spf_rr_text(enum spf_rr rr);

enum spf_dns_status {
	SPF_DNS_FOUND, /* there are records */
	SPF_DNS_VOID,  /* NXDOMAIN, or no record of that type */
	SPF_DNS_ERROR  /* SERVFAIL, timeout...: try again later */
};

/*
 * Why a lookup failed.  1 to SPF_CAUSE_RCODE_MAX is the response code of the
 * answer (RFC 1035 4.1.1, RFC 2136 2.2, RFC 8490 5.4), of which the common ones
 * have names here; NXDOMAIN is no failure (RFC 8020), nor is it ever a cause.
 */
enum spf_cause {
	SPF_CAUSE_NONE = 0, /* it didn't */
	SPF_CAUSE_FORMERR = 1,
	SPF_CAUSE_SERVFAIL = 2,
	SPF_CAUSE_NOTIMP = 4,
	SPF_CAUSE_REFUSED = 5,
	SPF_CAUSE_RCODE_MAX = 15,
	SPF_CAUSE_TIMEOUT,     /* no server answered any attempt */
	SPF_CAUSE_UNREACHABLE, /* no route to any server */
	SPF_CAUSE_CONNREFUSED, /* nothing listens at any server's port */
	SPF_CAUSE_MALFORMED,   /* not a DNS message, or none with that answer */
	SPF_CAUSE_TRUNCATED,   /* by TCP too, or TCP failed (RFC 7766 5) */
	SPF_CAUSE_REFERRAL,  /* a server that doesn't recurse (RFC 2308 2.2) */
	SPF_CAUSE_ALIASES,   /* a loop of CNAMEs, or too many */
	SPF_CAUSE_NO_SERVER, /* no nameserver is configured */
	SPF_CAUSE_LATE,      /* the check's own time was over first */
	SPF_CAUSE_STOPPING,  /* the resolver is being stopped */
	SPF_CAUSE_NO_MEMORY,
	SPF_CAUSE_SYSTEM, /* no socket, a question that can't be sent */
	SPF_CAUSE_COUNT
};

/*
 * "SERVFAIL", "timeout", "connection refused"; an unassigned response code is
 * "RCODE 12".  "" for SPF_CAUSE_NONE.
 */
const char *spf_cause_text(enum spf_cause cause);

/*
 * Write "DNS lookup of TXT example.com failed: SERVFAIL" as a string.  Where
 * size is too small the name is cut, and at last the text.  The length.
 */
size_t spf_failure_print(enum spf_rr rr, struct mf_text name,
    enum spf_cause cause, char *out, size_t size);

/* The cause of that text, in any case.  False: there is none. */
bool spf_cause_parse(struct mf_text text, enum spf_cause *out);

struct spf_record;

#define SPF_NEARLY_MAX 1024

/*
 * An answer: immutable, and everything that was drawn from it with it, so that
 * checks on many threads can share it.  Made by spf_answer_*(), in one piece.
 */
struct spf_answer {
	enum spf_rr rr;
	enum spf_dns_status status;
	/* SPF_RR_TXT: how many SPF records are there, and the only one. */
	unsigned spf_records;
	enum spf_cause cause;            /* of SPF_DNS_ERROR */
	const struct spf_record *record; /* NULL unless spf_records is 1 */
	/* SPF_RR_TXT: the text if there is one TXT record in all, for exp=. */
	struct mf_text only_text;
	/*
	 * SPF_RR_TXT: if there is no SPF record, the first text that was meant
	 * to be one and isn't by its version, such as one with a leading blank,
	 * of which it has SPF_NEARLY_MAX octets at most; else empty.
	 */
	struct mf_text nearly;
	bool sender_id; /* SPF_RR_TXT: there is a Sender ID record too */
	/* SPF_RR_A, SPF_RR_AAAA: count times 4 or 16 octets. */
	const uint8_t *addresses;
	/*
	 * SPF_RR_MX by preference, SPF_RR_PTR: lower case, no dot at the end.
	 */
	const struct mf_text *names;
	size_t count; /* addresses, names, or texts of SPF_RR_TXT */
	size_t size;  /* octets that the answer takes in memory */
};

/*
 * TXT records, the strings of each joined (RFC 7208 3.3).  Selects the SPF
 * record (4.5) and compiles it.  NULL: out of memory.  The answer is the
 * caller's, for spf_answer_free().
 */
struct spf_answer *spf_answer_txt(const struct mf_text *records, size_t count);

/* Addresses: count times 4 (SPF_RR_A) or 16 octets (SPF_RR_AAAA). */
struct spf_answer *spf_answer_addresses(
    enum spf_rr rr, const uint8_t *octets, size_t count);

/* Names: SPF_RR_MX in the order of preference, or SPF_RR_PTR. */
struct spf_answer *spf_answer_names(
    enum spf_rr rr, const struct mf_text *names, size_t count);

/* SPF_DNS_VOID. */
struct spf_answer *spf_answer_void(enum spf_rr rr);

/*
 * SPF_DNS_ERROR, for that cause (not SPF_CAUSE_NONE).  Shared, takes no memory,
 * and lasts forever: never NULL, and nothing to spf_answer_free().
 */
const struct spf_answer *spf_answer_failure(
    enum spf_rr rr, enum spf_cause cause);

/* NULL is fine. */
void spf_answer_free(const struct spf_answer *answer);

/* Octets of a server's address and port as text, with its NUL. */
#define SPF_SERVER_SIZE 80

/* How an answer was come by, for reports. */
struct spf_origin {
	/* "192.0.2.53:53", "[2001:db8::53]:53"; "": no server was asked. */
	char server[SPF_SERVER_SIZE];
	bool has_rcode;      /* the server has said it */
	unsigned rcode;      /* 0: NOERROR, 3: NXDOMAIN, or an spf_cause */
	bool cached;         /* it was there before the check began */
	uint32_t ttl_sec;    /* that is left; of a failure: till it is asked
			      * again */
	uint64_t elapsed_us; /* from the question to the answer */
};

/*
 * Where an evaluation gets its answers.  name is lower case and spf_name_ok();
 * octets other than letters, digits, "-", "_" and "." can occur in it.
 * NULL: unknown yet.
 */
struct spf_source {
	const struct spf_answer *(*lookup)(
	    void *arg, enum spf_rr rr, struct mf_text name);
	void *arg;
	/*
	 * NULL, or how an answer that lookup() has given was come by.  False,
	 * and *out zeroed: unknown.
	 */
	bool (*origin)(void *arg, enum spf_rr rr, struct mf_text name,
	    struct spf_origin *out);
};

/* --- checks --- */

enum spf_identity { SPF_MAILFROM, SPF_HELO };

struct spf_trace;

/*
 * Limits instead of those of RFC 7208 4.6.4, which a receiver may only raise;
 * each at most SPF_LIMIT_MAX.  0: SPF_TERMS_MAX, SPF_VOIDS_MAX, SPF_MX_MAX.
 */
struct spf_limits {
	unsigned terms, voids, mx;
};

/* limits with the numbers that a 0 stands for. */
struct spf_limits spf_limits_set(struct spf_limits limits);

/* What is checked.  Views must stay valid for as long as the check lasts. */
struct spf_request {
	struct spf_ip ip;
	/*
	 * Nobody knows the client's address: temperror, unless there is no
	 * domain that could have a record.
	 */
	bool ip_unknown;
	enum spf_identity identity;
	/*
	 * The reverse-path without angle brackets.  Empty: the null sender,
	 * checked as postmaster@helo (RFC 7208 2.4).  Not used for SPF_HELO.
	 */
	struct mf_text sender;
	struct mf_text helo;
	struct mf_text receiver; /* %{r}; empty: "unknown" */
	uint64_t now_sec;        /* %{t}: since 1970 UTC */
	struct spf_limits limits;
	/* Only the next question is looked up, nothing is speculated on. */
	bool sequential;
	/* A compiled record for a domain that has none; or NULL. */
	const struct spf_record *best_guess;
	/* <domain>._spf.<delegate> is asked for a domain without a record. */
	struct mf_text delegate;
	/*
	 * Macro string, as that of exp=, where the domain has none; or empty.
	 */
	struct mf_text default_explanation;
	/* Told about each step; or NULL. */
	const struct spf_trace *trace;
};

/*
 * What a check has found out.  Texts are NUL-terminated, "" if there is none.
 */
struct spf_verdict {
	enum spf_result result;
	char domain[SPF_NAME_SIZE]; /* that was checked, as A-labels */
	char
	    mechanism[SPF_TEXT_SIZE]; /* that decided, as written; "" default */
	char at[SPF_NAME_SIZE];       /* domain whose record it stands in */
	char explanation[SPF_TEXT_SIZE]; /* for fail; printable ASCII */
	char
	    problem[SPF_TEXT_SIZE]; /* temperror, permerror: the term and why */
	enum spf_cause cause;       /* of the lookup that failed: temperror */
	unsigned terms;             /* of limits.terms */
	unsigned voids;             /* of limits.voids */
	unsigned lookups;           /* answers that the verdict rests on */
	unsigned depth;             /* of includes and redirects, 0: none */
	bool guessed;               /* by best_guess */
	bool delegated;             /* by delegate */
};

enum spf_status {
	SPF_OK = 0,
	SPF_PENDING /* answers are missing; they have been looked up */
};

/*
 * Evaluate.  *out is complete with SPF_OK and undefined with SPF_PENDING.
 * Allocates nothing, but what libidn2 needs for a domain in U-labels.  Takes
 * 12 KB of stack, and 1 KB for each level of include, of which there are at
 * most limits.terms.
 */
enum spf_status spf_evaluate(const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out);

/* --- records --- */

/*
 * Whether text is an SPF record by its version, "v=spf1" and then a blank or
 * the end (RFC 7208 4.5); it may have errors.
 */
bool spf_is_record(struct mf_text text);

/*
 * Compile a record.  *out: the caller's, for spf_record_free(); a record with
 * errors compiles too, and says so when it is asked.  NULL: out of memory.
 */
struct spf_record *spf_record_compile(struct mf_text record);
void spf_record_free(struct spf_record *record);

/* The record as it was given; a view, valid until the record is freed. */
struct mf_text spf_record_text(const struct spf_record *record);

/* The first syntax error, as a sentence that names the term; NULL: none. */
const char *spf_record_problem(const struct spf_record *record);

/* The mechanisms of RFC 7208 5. */
enum spf_term_kind {
	SPF_TERM_ALL,
	SPF_TERM_IP4,
	SPF_TERM_IP6,
	SPF_TERM_A,
	SPF_TERM_MX,
	SPF_TERM_PTR,
	SPF_TERM_EXISTS,
	SPF_TERM_INCLUDE
};

/*
 * A domain-spec (RFC 7208 7.1).  Without macros it is lowered, without a dot at
 * its end, cut to SPF_NAME_MAX (7.3), and usable says whether it can be asked
 * for; with macros it is as written, validated, so that expanding can't fail.
 */
struct spf_domain_spec {
	struct mf_text text; /* empty: the current domain */
	bool macros;
	bool from_local; /* they use the sender's local part: s or l */
	bool usable;
};

/* A mechanism as it is evaluated. */
struct spf_term {
	enum spf_term_kind kind;
	enum spf_result result; /* of the qualifier, if the term matches */
	uint8_t cidr4, cidr6;   /* prefix lengths; of ip6 in cidr6 */
	struct spf_domain_spec target;
	uint8_t network[16];    /* of ip4 (4 octets) and ip6 */
	struct mf_text written; /* the term as it stands in the record */
};

/*
 * The record's mechanisms in their order, *count of them; none if it has
 * errors.  They and their texts are valid until the record is freed.
 */
const struct spf_term *spf_record_terms(
    const struct spf_record *record, size_t *count);

/* The domains of redirect= and exp=; NULL: there is none. */
const struct spf_domain_spec *spf_record_redirect(
    const struct spf_record *record);
const struct spf_domain_spec *spf_record_explanation(
    const struct spf_record *record);

/* What is known of a domain-spec's name without client and sender. */
enum spf_naming {
	SPF_NAMING_KNOWN, /* it is the same for all of them */
	SPF_NAMING_NEVER, /* no name that can be asked for (RFC 7208 4.8) */
	SPF_NAMING_VARIES /* its macros are others than d, o and v */
};

/*
 * The name of spec in a record of domain, in a check of checked (the domain
 * whose mail it is, for %{o}; in A-labels, lower case) from a client with an
 * IPv6 address (v6) or an IPv4 one.  out has it, with its NUL, and *len its
 * length, for SPF_NAMING_KNOWN; else they are undefined.
 */
enum spf_naming spf_domain_spec_name(const struct spf_domain_spec *spec,
    struct mf_text domain, struct mf_text checked, bool v6,
    char out[static SPF_NAME_SIZE], size_t *len);

/*
 * Whether text is a macro string as explanations are (RFC 7208 7.1), such as
 * default_explanation; an empty one is.
 */
bool spf_explanation_ok(struct mf_text text);

/* --- tracing --- */

enum spf_event_kind {
	SPF_EVENT_CHECK,   /* check_host() begins: name is the domain */
	SPF_EVENT_RECORD,  /* text is the record of name */
	SPF_EVENT_TERM,    /* text is the term; counters are set */
	SPF_EVENT_MACRO,   /* text is expanded to name */
	SPF_EVENT_LOOKUP,  /* of rr and name; answer, NULL if unknown */
	SPF_EVENT_MATCH,   /* the term in text matched (matched) or not */
	SPF_EVENT_PROBLEM, /* text says what is wrong */
	SPF_EVENT_RESULT   /* check_host() of name ends with result */
};

struct spf_event {
	enum spf_event_kind kind;
	unsigned depth;
	struct mf_text text;
	struct mf_text name;
	enum spf_rr rr;
	const struct spf_answer *answer;
	enum spf_result result;
	bool matched;
	unsigned terms, voids;
};

/* Views are valid during the call only. */
struct spf_trace {
	void (*event)(void *arg, const struct spf_event *event);
	void *arg;
};

#endif
