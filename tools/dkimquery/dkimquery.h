/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the dkimquery command share.
 */
#ifndef MAILFROM_TOOLS_DKIMQUERY_DKIMQUERY_H
#define MAILFROM_TOOLS_DKIMQUERY_DKIMQUERY_H

#include <stdio.h>

#include <mailfrom/dkim.h>
#include <mailfrom/spf.h>

/* Exit statuses; those of results are in main.c. */
#define DKIMQUERY_OK    0
#define DKIMQUERY_ERROR 255

/* What the command line says.  NULL: not said. */
struct dkimquery_options {
	const char *file; /* "-": standard input */
	const char *zone, *nameservers;
	bool trace, json;
	unsigned timeout_sec;
	uint64_t now_sec; /* the clock's, unless it is said */
};

/*
 * Read the command line.  DKIMQUERY_OK; or DKIMQUERY_ERROR after a message;
 * *done: --help or --version has been answered.
 */
int dkimquery_options(
    int argc, char **argv, struct dkimquery_options *out, bool *done);

/* --- message.c --- */

/*
 * Feed the message in the file.  False, and a message on stderr: it can't be
 * read, or memory is out.
 */
bool dkimquery_message(struct dkim_check *check, const char *path);

/* --- keys.c --- */

/* How the key of a signature was come by. */
struct dkimquery_key {
	bool asked;
	enum dkim_key_status status;
	enum spf_cause cause; /* of DKIM_KEY_FAILED */
	char name[SPF_NAME_SIZE];
};

/* Answer the check's questions.  False, and a message on stderr: no DNS. */
bool dkimquery_keys(const struct dkimquery_options *options,
    struct dkim_check *check,
    struct dkimquery_key keys[static DKIM_SIGNATURES_MAX]);

/* --- trace.c --- */

/* What was hashed, as lines of text; gathered while the check goes on. */
struct dkimquery_trace {
	struct dkim_trace handle;
	FILE *streams[DKIM_SIGNATURES_MAX];
	char *texts[DKIM_SIGNATURES_MAX];
	size_t lens[DKIM_SIGNATURES_MAX];
};

/* False: out of memory. */
bool dkimquery_trace_open(struct dkimquery_trace *trace);
/* No more comes; texts are whole. */
void dkimquery_trace_end(struct dkimquery_trace *trace);
void dkimquery_trace_free(struct dkimquery_trace *trace);

/* --- report.c --- */

void dkimquery_report(FILE *to, const struct dkim_check *check,
    const struct dkimquery_key *keys, const struct dkimquery_trace *trace);
void dkimquery_report_json(FILE *to, const struct dkim_check *check,
    const struct dkimquery_key *keys, const struct dkimquery_trace *trace);

#endif
