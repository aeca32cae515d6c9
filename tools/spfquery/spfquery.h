/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the spfquery command share.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_SPFQUERY_H
#define MAILFROM_TOOLS_SPFQUERY_SPFQUERY_H

#include <stdio.h>

#include <mailfrom/spf.h>

/* Exit statuses; those of results are in spfquery.c. */
#define SPFQUERY_OK     0
#define SPFQUERY_FAILED 1 /* --suite, --lint */
#define SPFQUERY_USAGE  255

#define SPFQUERY_OVERRIDES_MAX 32

enum spfquery_engine { SPFQUERY_NATIVE, SPFQUERY_LIBSPF2, SPFQUERY_AUDIT };

/* What the command line says.  NULL: not said. */
struct spfquery_options {
	const char *ip, *sender, *helo, *identity, *receiver;
	const char *record, *zone, *nameservers;
	const char *guess, *explanation, *delegate;
	const char *file; /* of checks, a line each */
	const char *lint; /* domain */
	const char *overrides[SPFQUERY_OVERRIDES_MAX]; /* DOMAIN=RECORD */
	size_t override_count;
	enum spfquery_engine engine;
	bool helo_scope; /* check the HELO name */
	bool trace, json, suite;
	unsigned timeout_sec;
	uint64_t now_sec; /* 0: the clock's */
	char **arguments; /* what is left; ends with NULL */
	size_t argument_count;
};

/*
 * Read the command line.  SPFQUERY_OK; or SPFQUERY_USAGE after a message;
 * *done: --help or --version has been answered.
 */
int spfquery_options(
    int argc, char **argv, struct spfquery_options *out, bool *done);

/* A message and a hint at --help on stderr.  SPFQUERY_USAGE. */
int spfquery_bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* memory, or the end of the program: this is a tool. */
void *spfquery_must(void *memory);

/* --- texts --- */

/*
 * Print what may come from anywhere: octets that aren't printable ASCII, and
 * backslashes, as escapes, so that nothing plays with the terminal.
 */
void spfquery_put(FILE *to, struct mf_text t);

/* Print a JSON string: always valid UTF-8; what isn't becomes U+FFFD. */
void spfquery_put_json(FILE *to, struct mf_text t);

/* What decided, as a sentence. */
void spfquery_put_why(FILE *to, const struct spf_verdict *verdict);

/* What an answer says, in short. */
void spfquery_put_answer(FILE *to, const struct spf_answer *answer);

/* --- commands --- */

/* What libspf2 says, where both engines have been asked. */
struct spfquery_audit {
	bool made;
	const char *outcome; /* "agreed", "result", "explanation", "silent" */
	const char *opinion; /* "", or why it has none */
	struct spf_verdict verdict;
};

struct dns;

/* Everything about one check that has been made. */
struct spfquery_report {
	const struct spf_request *request;
	const struct spf_verdict *verdict;
	const struct spfquery_audit *audit;
	enum spfquery_engine engine;
	struct dns *dns;
	struct mf_text receiver;
};

/*
 * Evaluate by an engine over a source that knows every answer.  audit is for
 * SPFQUERY_AUDIT, and may be NULL.  False, and a message on stderr, if the
 * engine isn't built in.
 */
bool spfquery_evaluate(enum spfquery_engine engine,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, struct spfquery_audit *audit);

/* The check once more, as a tree. */
void spfquery_trace(FILE *to, const struct spfquery_report *report);

/* The same and all else as one JSON object in one line. */
void spfquery_json(FILE *to, const struct spfquery_report *report);

/* SPFQUERY_OK, or SPFQUERY_FAILED if there are errors. */
int spfquery_lint(struct dns *dns, const char *domain, bool json);

#endif
