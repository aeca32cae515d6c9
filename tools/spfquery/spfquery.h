/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the spfquery command share.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_SPFQUERY_H
#define MAILFROM_TOOLS_SPFQUERY_SPFQUERY_H

#include <stdio.h>

#include <mailfrom/spf_engine.h>

/* Exit statuses; those of results are in checks.c. */
#define SPFQUERY_OK     0
#define SPFQUERY_FAILED 1 /* --suite, --lint */
#define SPFQUERY_LATER  2 /* --flatten: the DNS failed, so nobody knows */
#define SPFQUERY_USAGE  255

#define SPFQUERY_OVERRIDES_MAX 32

/* Reports about domains. */
enum spfquery_view {
	VIEW_NONE,
	VIEW_LINT,
	VIEW_TREE,
	VIEW_NETWORKS,
	VIEW_FLATTEN
};

/* What the command line says.  NULL: not said. */
struct spfquery_options {
	const char *ip, *sender, *helo, *identity, *receiver;
	const char *record, *zone, *nameservers;
	const char *guess, *explanation, *delegate;
	const char *file;     /* of checks, a line each */
	const char *contains; /* network, for VIEW_NETWORKS */
	const char *from;     /* where VIEW_FLATTEN takes the record from */
	enum spfquery_view view;
	bool check, csv, html;
	const char *overrides[SPFQUERY_OVERRIDES_MAX]; /* DOMAIN=RECORD */
	size_t override_count;
	enum spf_engine engine;
	struct spf_limits limits;
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

/*
 * The second half of that: arguments, and what doesn't go together.
 */
int spfquery_options_check(struct spfquery_options *options);

/* A message and a hint at --help on stderr.  SPFQUERY_USAGE. */
int spfquery_bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* memory, or the end of the program: this is a tool. */
void *spfquery_must(void *memory);

/* A copy of t as a string, for free(). */
char *spfquery_copy(struct mf_text t);

#endif
