/* SPDX-License-Identifier: ISC */
/*
 * libdkim: verification of DKIM signatures (RFC 6376, 8301, 8463) without I/O.
 *
 *	fields and body in pieces in, names of keys out, their TXT records in,
 *	a verdict for each signature out
 *
 * No I/O, clock, environment, threads or globals.  A check belongs to one
 * thread at a time.  The order of calls:
 *
 *	dkim_check_new(), dkim_check_field() for each field from the top down,
 *	dkim_check_header_end(), dkim_check_body() for each piece, and
 *	meanwhile dkim_check_question() and dkim_check_answer() for each
 *	signature; dkim_check_end(), dkim_check_signature() for each,
 *	dkim_check_free().
 *
 * dkim_check_message() takes the octets of a message instead of fields and
 * body.
 */
#ifndef MAILFROM_DKIM_H
#define MAILFROM_DKIM_H

#include <mailfrom/text.h>

/* Octets of a domain name as text, without a dot at the end (RFC 1035). */
#define DKIM_NAME_MAX  253
#define DKIM_NAME_SIZE (DKIM_NAME_MAX + 1)

/* Octets of i=, decoded: a local part, "@" and a domain (RFC 5321 4.5.3.1). */
#define DKIM_IDENTITY_MAX  (64 + 1 + DKIM_NAME_MAX)
#define DKIM_IDENTITY_SIZE (DKIM_IDENTITY_MAX + 1)

/* Characters of b= that tell signatures apart (RFC 6008 3). */
#define DKIM_MARK_MAX  8
#define DKIM_MARK_SIZE (DKIM_MARK_MAX + 1)

/* The first so many signatures are verified; others are only counted. */
#define DKIM_SIGNATURES_MAX 10

/*
 * What is beyond these bounds isn't verified: octets and fields of a header,
 * octets, tags and names in h= of a signature, octets of a key's record.
 */
#define DKIM_HEADER_MAX   1048576
#define DKIM_FIELDS_MAX   4096
#define DKIM_FIELD_MAX    32768
#define DKIM_TAGS_MAX     64
#define DKIM_NAMES_MAX    2048
#define DKIM_KEY_TEXT_MAX 16384

/* Bits of an RSA key: fewer aren't secure (RFC 8301 3.2), more cost too much. */
#define DKIM_RSA_BITS_MIN 1024
#define DKIM_RSA_BITS_MAX 8192

/* RFC 8601 2.7.1. */
enum dkim_result {
	DKIM_NONE,
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_POLICY,
	DKIM_NEUTRAL,
	DKIM_TEMPERROR,
	DKIM_PERMERROR
};

/* "none", "pass", "fail", "policy", "neutral", "temperror", "permerror". */
const char *dkim_result_text(enum dkim_result result);

/* Why a signature has its result. */
enum dkim_reason {
	DKIM_REASON_VERIFIED, /* pass */
	/* neutral: nobody can tell what is signed, or how */
	DKIM_REASON_TAGS,        /* not a list of tags (RFC 6376 3.2) */
	DKIM_REASON_TAG_TWICE,   /* 3.2 */
	DKIM_REASON_TAG_MISSING, /* one of v, a, b, bh, d, h, s */
	DKIM_REASON_VERSION,     /* v= isn't 1 */
	DKIM_REASON_ALGORITHM,   /* a= is unknown */
	DKIM_REASON_CANON,       /* c= */
	DKIM_REASON_BASE64,      /* b=, or bh= isn't a SHA-256 */
	DKIM_REASON_DOMAIN,      /* d= is no domain */
	DKIM_REASON_SELECTOR,    /* s= */
	DKIM_REASON_IDENTITY,    /* i= isn't below d= */
	DKIM_REASON_HEADERS,     /* h= */
	DKIM_REASON_LENGTH,      /* l= */
	DKIM_REASON_QUERY,       /* q= lacks dns/txt */
	DKIM_REASON_TIMES,       /* t=, x=, or x= isn't after t= */
	DKIM_REASON_TOO_LARGE,   /* the signature's field, or the header */
	/* permerror */
	DKIM_REASON_FROM,        /* h= lacks From (5.4) */
	DKIM_REASON_NO_KEY,      /* no TXT record */
	DKIM_REASON_KEYS,        /* several (3.6.2.2) */
	DKIM_REASON_KEY_SYNTAX,  /* of the record */
	DKIM_REASON_KEY_REVOKED, /* p= is empty */
	DKIM_REASON_KEY_TYPE,    /* k= isn't that of a= */
	DKIM_REASON_KEY_HASH,    /* its h= lacks that of a= */
	DKIM_REASON_KEY_SERVICE, /* its s= lacks email */
	DKIM_REASON_KEY_STRICT,  /* t=s, and i= is below d= */
	DKIM_REASON_KEY_DATA,    /* p= is no such key */
	/* policy */
	DKIM_REASON_SHA1,      /* rsa-sha1 (RFC 8301 3.1) */
	DKIM_REASON_KEY_SHORT, /* RFC 8301 3.2 */
	DKIM_REASON_KEY_LONG,
	DKIM_REASON_EXPIRED, /* x= */
	/* temperror */
	DKIM_REASON_KEY_UNKNOWN, /* the lookup failed, or wasn't answered */
	/* fail */
	DKIM_REASON_BODY_SHORT, /* l= is more than there is */
	DKIM_REASON_BODY_HASH,
	DKIM_REASON_SIGNATURE,
	DKIM_REASON_COUNT
};

/* "the body has been changed" and the like; static. */
const char *dkim_reason_text(enum dkim_reason reason);

/* The result that a reason leads to. */
enum dkim_result dkim_reason_result(enum dkim_reason reason);

/*
 * Whether a signature counts: whether the domain in d= answers for the message
 * as it is.  One that passes by the letter may not.
 */
enum dkim_standing {
	DKIM_COUNTS,
	DKIM_NOT_PASSED,
	DKIM_PART_OF_BODY, /* l= leaves text unsigned (RFC 6376 8.2) */
	DKIM_NOT_ONE_FROM, /* anybody may have put another there (8.15) */
	DKIM_TESTING,      /* the key has t=y (3.6.1) */
	DKIM_ONE_LABEL     /* d= is a whole top-level domain */
};

/* "l= leaves a part of the body unsigned" and the like; static. */
const char *dkim_standing_text(enum dkim_standing standing);

enum dkim_algorithm {
	DKIM_UNKNOWN_ALGORITHM,
	DKIM_RSA_SHA1,
	DKIM_RSA_SHA256,
	DKIM_ED25519_SHA256
};

/* "rsa-sha256" and the like; "" for DKIM_UNKNOWN_ALGORITHM. */
const char *dkim_algorithm_text(enum dkim_algorithm algorithm);

/*
 * What has been found out about a signature.  Texts are NUL-terminated, and ""
 * where the signature has nothing that can be read.
 */
struct dkim_signature {
	enum dkim_result result;
	enum dkim_reason reason;
	enum dkim_standing standing;
	char domain[DKIM_NAME_SIZE];       /* d=, in lower case */
	char selector[DKIM_NAME_SIZE];     /* s=, likewise */
	char identity[DKIM_IDENTITY_SIZE]; /* i=, decoded: any octets but NUL */
	char mark[DKIM_MARK_SIZE];         /* the first characters of b= */
	enum dkim_algorithm algorithm;
	unsigned key_bits; /* 0: no key was seen */
	bool relaxed_header, relaxed_body;
	bool has_length;      /* l= */
	uint64_t length;      /* of l= */
	uint64_t body_length; /* canonical; once the check has ended */
	uint64_t signed_sec, expires_sec; /* t= and x=; 0: there is none */
};

/* --- tracing --- */

enum dkim_event_kind {
	DKIM_EVENT_FIELD, /* text: a field as it is hashed */
	DKIM_EVENT_KEY,   /* text: the key's record */
	DKIM_EVENT_BODY,  /* hash: of the body; expected: bh= */
	DKIM_EVENT_HEADER /* hash: of the header */
};

#define DKIM_HASH_SIZE 32 /* SHA-256 */

struct dkim_event {
	enum dkim_event_kind kind;
	size_t signature; /* from 0 */
	struct mf_text text;
	const uint8_t *hash, *expected; /* DKIM_HASH_SIZE octets */
};

/* Views are valid during the call only. */
struct dkim_trace {
	void (*event)(void *arg, const struct dkim_event *event);
	void *arg;
};

/* --- checks --- */

enum dkim_status {
	DKIM_OK = 0,
	DKIM_NO_MEMORY /* the check is lost, and for dkim_check_free() only */
};

struct dkim_check;

/*
 * Begin.  now_sec: seconds since 1970 UTC, for x=.  trace: told of what is
 * hashed, or NULL; it must outlive the check.  The caller's, for
 * dkim_check_free(); NULL: out of memory.
 */
struct dkim_check *dkim_check_new(
    uint64_t now_sec, const struct dkim_trace *trace);

/* NULL is fine. */
void dkim_check_free(struct dkim_check *check);

/*
 * A field of the header.  value: all behind the colon, the blank that follows
 * it included, without the line's end; folded by CRLF or LF.  Copied.  Not
 * after dkim_check_header_end().  DKIM_OK or DKIM_NO_MEMORY.
 */
enum dkim_status dkim_check_field(
    struct dkim_check *check, struct mf_text name, struct mf_text value);

/* The header is over.  DKIM_OK or DKIM_NO_MEMORY. */
enum dkim_status dkim_check_header_end(struct dkim_check *check);

/*
 * A piece of the body, of any size, as it is sent: lines end in CRLF.  Nothing
 * is kept of it.  Not before dkim_check_header_end(), nor after
 * dkim_check_end().
 */
enum dkim_status dkim_check_body(
    struct dkim_check *check, struct mf_text piece);

/* Whether a piece of the body can still change a verdict. */
bool dkim_check_needs_body(const struct dkim_check *check);

/*
 * A piece of a whole message, of any size, instead of fields and body.  It ends
 * the header where an empty line is.
 */
enum dkim_status dkim_check_message(
    struct dkim_check *check, struct mf_text piece);

/*
 * There is no more of it: a message without an empty line is a header, and its
 * questions are known then.
 */
enum dkim_status dkim_check_message_end(struct dkim_check *check);

/*
 * How many signatures are verified, after the end of the header; 0 before, and
 * where there is none.  *ignored: those beyond DKIM_SIGNATURES_MAX; or NULL.
 */
size_t dkim_check_count(const struct dkim_check *check, size_t *ignored);

/*
 * The name whose TXT record has the key of signature i, in lower case; empty:
 * none is needed, because the signature is bad, or has its answer.  Valid for as
 * long as the check.
 */
struct mf_text dkim_check_question(const struct dkim_check *check, size_t i);

enum dkim_key_status {
	DKIM_KEY_FOUND,  /* there are TXT records */
	DKIM_KEY_NONE,   /* there is none */
	DKIM_KEY_FAILED, /* nobody can tell now */
	DKIM_KEY_MANY    /* there are several, whatever they are */
};

/*
 * The answer to dkim_check_question(check, i).  record: for DKIM_KEY_FOUND the
 * only record, its strings joined (RFC 6376 3.6.2.2).  Copied as far as needed.
 * Where no answer is wanted it is ignored.
 */
void dkim_check_answer(struct dkim_check *check, size_t i,
    enum dkim_key_status status, struct mf_text record);

/*
 * The message is over: verify.  A signature whose question wasn't answered is
 * a temperror.  DKIM_OK or DKIM_NO_MEMORY.
 */
enum dkim_status dkim_check_end(struct dkim_check *check);

/*
 * Signature i, from the top, below dkim_check_count().  Final after
 * dkim_check_end(); before, that of one that is still to be verified says
 * DKIM_REASON_KEY_UNKNOWN.  Valid for as long as the check.
 */
const struct dkim_signature *dkim_check_signature(
    const struct dkim_check *check, size_t i);

/*
 * The result of the message: pass if a signature counts; policy if one passes
 * and none counts; else temperror, fail, policy, neutral or permerror, the
 * first that a signature has; none if there is none.
 */
enum dkim_result dkim_check_result(const struct dkim_check *check);

/* --- names --- */

/*
 * Whether domain, as in an address, is d= or below it: case doesn't matter, nor
 * a dot at the end of domain.
 */
bool dkim_domain_covers(struct mf_text d, struct mf_text domain);

#endif
