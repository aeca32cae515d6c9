/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the srs command share.
 */
#ifndef MAILFROM_TOOLS_SRS_SRS_H
#define MAILFROM_TOOLS_SRS_SRS_H

#include <mailfrom/ses.h>

#define SRS_EXIT_OK     0
#define SRS_EXIT_FAILED 1
#define SRS_EXIT_USAGE  2

/* Everything that a command needs for one address after the other. */
struct srs_job {
	struct srs_ctx *srs;
	struct ses_ctx *ses;
	unsigned keys; /* 0: explain only, nothing can be verified */
	unsigned max_age_days, future_days;
	struct mf_text domain;
	bool fixed;          /* --message-id was given */
	bool sequence_given; /* --sequence was given */
	uint64_t message_id; /* either's, or the next of a random start */
	bool clock_given;    /* --now was given */
	uint64_t now_sec;
};

/* One address to one result. */
typedef enum srs_status srs_command(
    struct srs_job *job, struct mf_text address, struct srs_addr *out);

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

/*
 * Print the lines of a form of settings, filled in from the configuration at
 * path, each file's part under a comment that says where it goes.
 */
int srs_setup(const char *form, const char *path);

#endif
