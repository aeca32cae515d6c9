/* SPDX-License-Identifier: ISC */
/*
 * All that a domain's record leads to: every term of every record that can be
 * reached, whatever matches and whatever limit is passed, with what the DNS has
 * for it and which addresses it matches.
 *
 * A record that is reached twice is there once.  What the client or the sender
 * decides (macros other than d, o and v; ptr) is open, and not followed.
 *
 * No I/O: answers come from a source, which may not have them yet.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_SURVEY_H
#define MAILFROM_TOOLS_SPFQUERY_SURVEY_H

#include "tools/spfquery/ipset.h"

/* Questions, after which a hostile tree is cut. */
#define SURVEY_LOOKUPS_MAX 1000

/* More terms than anybody counts. */
#define SURVEY_COUNT_MAX 1000000u

/* Index of what differs between clients of IPv4 and of IPv6. */
enum survey_family { SURVEY_V4, SURVEY_V6, SURVEY_FAMILIES };

/* A question and its answer. */
struct survey_lookup {
	struct survey_lookup *next;
	char *name;
	struct spf_answer answer; /* without its record */
	struct spf_origin origin;
	bool is_void; /* counts among the void lookups */
};

enum survey_kind {
	SURVEY_MECHANISM,
	SURVEY_REDIRECT,
	SURVEY_EXP,
	SURVEY_MODIFIER /* an unknown one */
};

struct survey_record;

/* What a term is for clients of one family. */
struct survey_match {
	struct ipset nets;           /* that it matches */
	bool open;                   /* it matches others by what they are */
	bool never;                  /* its name can't exist (RFC 7208 4.8) */
	bool many_mx;                /* more than 10: a permerror */
	unsigned voids;              /* 0 or 1 */
	enum spf_cause cause;        /* of a temperror for those not in nets */
	struct survey_record *leads; /* of include and redirect; or NULL */
};

struct survey_term {
	struct survey_term *next;
	struct survey_record *record; /* that it is in */
	struct mf_text written;       /* a view of its text */
	enum survey_kind kind;
	enum spf_term_kind mechanism;
	enum spf_result result; /* if it matches */
	bool after_all;         /* never looked at */
	bool counts;            /* among the ten */
	bool loop;              /* leads back to a record above it */
	bool repeat;            /* leads to a record that is shown elsewhere */
	unsigned terms; /* with all that it leads to; 0: it doesn't count */
	struct survey_match match[SURVEY_FAMILIES];
	struct survey_lookup *lookups, **last_lookup;
};

enum survey_status {
	SURVEY_FOUND,
	SURVEY_MISSING, /* there is no SPF record */
	SURVEY_MANY,    /* there is more than one */
	SURVEY_BROKEN,  /* it has a syntax error */
	SURVEY_FAILED   /* the DNS did */
};

struct survey_record {
	struct survey_record *next; /* of the survey, in the order met */
	size_t index;               /* in that order */
	char *domain;
	enum survey_status status;
	char *text;               /* of one that is found or broken; else "" */
	char *problem;            /* of a broken one; else "" */
	struct spf_answer answer; /* of its question, without the record */
	struct spf_origin origin;
	bool asked;   /* not given by the caller */
	bool open;    /* something in it or below is */
	bool endless; /* it leads to a loop */
	bool under_way;
	unsigned terms;                  /* with all that it leads to */
	unsigned voids[SURVEY_FAMILIES]; /* likewise, if nothing matches */
	struct survey_term *first, **last;
};

struct survey {
	struct survey_record *root; /* first of the list */
	struct survey_record **last;
	size_t records;
	unsigned lookups;
	bool pending; /* an answer was missing: survey again when it is there */
	bool cut;     /* SURVEY_LOOKUPS_MAX was passed */
	bool failed;  /* some lookup has */
};

/*
 * Survey domain, which is lower case and spf_name_ok().  record: its record
 * instead of what the DNS has; or empty.  For survey_clear(), pending or not.
 */
void survey_run(struct survey *survey, const struct spf_source *source,
    struct mf_text domain, struct mf_text record);
void survey_clear(struct survey *survey);

/* Of the two, what a match of this family is about. */
static inline enum survey_family
survey_family(bool v6)
{
	return v6 ? SURVEY_V6 : SURVEY_V4;
}

/* "no SPF record", "2 SPF records", the problem...; "" if it is found. */
const char *survey_status_text(
    const struct survey_record *record, char room[static SPF_TEXT_SIZE]);

#endif
