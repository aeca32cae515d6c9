/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the srs command share.
 */
#ifndef MAILFROM_TOOLS_SRS_SRS_H
#define MAILFROM_TOOLS_SRS_SRS_H

#include "common/domain.h"
#include "rewrite/secrets.h"
#include <mailfrom/rrs.h>
#include <mailfrom/ses.h>

#define SRS_EXIT_OK     0
#define SRS_EXIT_FAILED 1
#define SRS_EXIT_USAGE  2

#define SRS_SECRETS_MAX SRS_KEYS_MAX

/* What the command line says.  NULL: not said. */
struct srs_options {
	char **words; /* the command and what follows; end with NULL */
	int word_count;
	struct srs_params srs;
	const char *secret_file;
	const char *secrets[SRS_SECRETS_MAX];
	size_t secret_count;
	enum secrets_mode secrets_mode;
	char domain[DOMAIN_MAX + 1]; /* as DNS has it; "": not said */
	bool fixed, sequence_given, clock_given;
	uint64_t message_id, now_sec, wait_sec;
};

/*
 * Read the command line.  SRS_EXIT_OK; or SRS_EXIT_USAGE after a message;
 * *done: --help or --version has been answered.
 */
int srs_options(int argc, char **argv, struct srs_options *out, bool *done);

/* A message and the usage on stderr.  SRS_EXIT_USAGE. */
int srs_bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Everything that a command needs for one address after the other. */
struct srs_job {
	struct srs_ctx *srs;
	struct ses_ctx *ses;
	struct rrs_ctx *rrs;
	unsigned keys; /* 0: explain only, nothing can be verified */
	unsigned max_age_days, future_days;
	struct mf_text domain;
	struct mf_text forwarder; /* of rrs; empty: each line has its own */
	bool fixed;               /* --message-id was given */
	bool sequence_given;      /* --sequence was given */
	uint64_t message_id;      /* either's, or the next of a random start */
	bool clock_given;         /* --now was given */
	uint64_t now_sec;
};

/*
 * Make the keyrings that options say.  SRS_EXIT_OK; or SRS_EXIT_USAGE after a
 * message.  srs_job_close() in any case.
 */
int srs_job_open(const struct srs_options *options, struct srs_job *job);
void srs_job_close(struct srs_job *job);

/* One address to one result. */
typedef enum srs_status srs_command(
    struct srs_job *job, struct mf_text address, struct srs_addr *out);

/* A command that works on addresses. */
struct srs_verb {
	const char *name;
	srs_command *command; /* NULL: explain */
	bool needs_domain;
	bool takes_forwarder; /* as its first word */
};

/* NULL: there is none of that name. */
const struct srs_verb *srs_verb_find(const char *name);

/* Print a new secret. */
int srs_keygen(void);

/*
 * Run the command over the lines of stdin, an answer line each: the result, or
 * "! reason".  SRS_EXIT_OK, or SRS_EXIT_FAILED if any failed.
 */
int srs_batch(srs_command *command, struct srs_job *job);

/* The same for one address of the command line. */
int srs_single(srs_command *command, struct srs_job *job, const char *address);

/* Print what an address says.  SRS_EXIT_OK if it is valid. */
int srs_explain(const struct srs_job *job, struct mf_text address);

/*
 * Ask a running srsd at address (as in mailfrom.conf) and print the answer;
 * an srsd that isn't up yet is waited for.  SRS_EXIT_OK if the answer is OK.
 */
int srs_ask(
    const char *address, const char *map, const char *key, uint64_t wait_sec);

#endif
