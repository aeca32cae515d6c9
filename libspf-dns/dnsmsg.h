/* SPDX-License-Identifier: ISC */
/*
 * DNS messages (RFC 1035 4): questions written, answers read.
 *
 * An answer is foreign octets, up to 64 KB of them: every fetch is checked,
 * compression pointers only lead backwards, and the work of a message as a
 * whole is bounded.
 */
#ifndef MAILFROM_LIBSPF_DNS_DNSMSG_H
#define MAILFROM_LIBSPF_DNS_DNSMSG_H

#include <mailfrom/spf.h>

/* Octets of a name on the wire, the root's length octet included. */
#define DNSMSG_NAME_MAX 255

/* Octets before the question. */
#define DNSMSG_HEADER_SIZE 12

/* Octets of a question: header, name, type and class, OPT record. */
#define DNSMSG_QUERY_SIZE (DNSMSG_HEADER_SIZE + DNSMSG_NAME_MAX + 4 + 11)

/*
 * Octets of an answer by UDP that is asked for (EDNS, RFC 6891): what passes
 * unfragmented nearly everywhere.  Larger ones come by TCP.
 */
#define DNSMSG_UDP_SIZE 1232

/* Aliases (CNAME) followed from one name; what resolvers allow. */
#define DNSMSG_ALIASES_MAX 16

/*
 * Names kept of an answer.  More than the limits of RFC 7208 4.6.4, so that an
 * answer which goes beyond them is seen to do so.
 */
#define DNSMSG_NAMES_KEPT 64

/*
 * Labels and compression pointers that are followed in one message: it could
 * make up 28 million, by thousands of names that each lead through thousands of
 * pointers.  5,000 records of a name of eight labels take 120,000.
 */
#define DNSMSG_STEPS_MAX 150000

/* A name as it is on the wire, uncompressed, in lower case. */
struct dnsmsg_name {
	size_t len;
	uint8_t wire[DNSMSG_NAME_MAX];
};

/*
 * Read a name, in which "." separates labels and every other octet stands for
 * itself; one dot at the end is fine.  False: no such name can exist.
 */
bool dnsmsg_name_(struct mf_text text, struct dnsmsg_name *out);

/*
 * Write name as text without a dot at the end; the length.  0: it is the root,
 * or a label has a dot in it, which this form of a name can't say.
 */
size_t dnsmsg_name_text_(
    const struct dnsmsg_name *name, char out[static SPF_NAME_SIZE]);

/*
 * Write the question for rr of name: recursion desired, and with edns an OPT
 * record.  The length.
 */
size_t dnsmsg_query_(uint16_t id, enum spf_rr rr,
    const struct dnsmsg_name *name, bool edns,
    uint8_t out[static DNSMSG_QUERY_SIZE]);

/*
 * Change the case of the letters of a name whose bits are set; each bit is for
 * many letters in a long name.
 */
void dnsmsg_mix_case_(uint8_t *wire, size_t len, uint64_t bits);

/* What a message has to do with a question. */
enum dnsmsg_match {
	DNSMSG_FOREIGN,     /* it is no answer to it */
	DNSMSG_NO_QUESTION, /* an error, without the question */
	DNSMSG_OTHER_CASE,  /* an answer, but to the name in another case */
	DNSMSG_SAME
};

struct dnsmsg_head {
	enum dnsmsg_match match;
	unsigned rcode; /* with the bits that EDNS adds, of an error */
	bool truncated;
};

/*
 * Compare a message, whose id is the right one, with the question for rr of
 * name in the case that bits say.
 */
struct dnsmsg_head dnsmsg_head_(const uint8_t *octets, size_t len,
    enum spf_rr rr, const struct dnsmsg_name *name, uint64_t bits);

enum dnsmsg_status {
	DNSMSG_ANSWER, /* what the answer is: records, or none */
	DNSMSG_ALIAS,  /* nothing but an alias: ask for its target */
	DNSMSG_FAILURE /* neither, for the cause that is said */
};

struct dnsmsg_result {
	struct spf_answer *answer; /* the caller's, for spf_answer_free() */
	/*
	 * How long it may be kept: the least TTL of the records and aliases
	 * that led to them; without records, the negative TTL (RFC 2308 5), 0
	 * if there was no SOA record.
	 */
	uint32_t ttl_sec;
	struct dnsmsg_name target; /* of the last alias */
	unsigned aliases;          /* that were followed */
	enum spf_cause cause;      /* of DNSMSG_FAILURE */
	bool nxdomain;             /* why there are no records */
	unsigned steps;            /* that it took; see DNSMSG_STEPS_MAX */
};

/*
 * Read the answer to the question for rr of name.  *out: the answer with
 * DNSMSG_ANSWER; TTL and target with DNSMSG_ALIAS; the cause with
 * DNSMSG_FAILURE, of which SPF_CAUSE_MALFORMED means that this is no answer to
 * the question, or not a DNS message.  Void is NXDOMAIN and a name
 * without such records alike.  MX names come by preference, equal ones as they
 * were sent; names that can't be written as text are empty.
 */
enum dnsmsg_status dnsmsg_parse_(const uint8_t *octets, size_t len,
    enum spf_rr rr, const struct dnsmsg_name *name, struct dnsmsg_result *out);

#endif
