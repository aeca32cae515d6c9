/* SPDX-License-Identifier: ISC */
/*
 * srs: rewrite, restore, sign and explain addresses on the command line.
 */
#include <stdio.h>
#include <time.h>

#include "tools/srs/srs.h"

static int
run(const struct srs_verb *verb, struct srs_job *job, char **addresses)
{
	int rc = SRS_EXIT_OK;

	if (verb->command != NULL && *addresses == NULL)
		return srs_batch(verb->command, job);
	if (!job->clock_given)
		job->now_sec = (uint64_t)time(NULL);
	for (; *addresses != NULL; addresses++) {
		int one = verb->command != NULL
		    ? srs_single(verb->command, job, *addresses)
		    : srs_explain(job, mf_text_of(*addresses));

		rc = one != SRS_EXIT_OK ? one : rc;
	}
	if (fflush(stdout) != 0) {
		perror("srs: stdout");
		return SRS_EXIT_FAILED;
	}
	return rc;
}

static int
check(const struct srs_verb *verb, const struct srs_options *o)
{
	if (verb->needs_domain && o->domain[0] == '\0')
		return srs_bad_usage("%s needs --domain, the domain to rewrite "
				     "into",
		    verb->name);
	if (verb->command != NULL && o->secret_file == NULL &&
	    o->secret_count == 0)
		return srs_bad_usage(
		    "%s needs --secret-file or --secret", verb->name);
	if (verb->command == NULL && o->word_count == 1)
		return srs_bad_usage("%s needs an address", verb->name);
	if (verb->takes_forwarder && o->word_count > 1 &&
	    o->words[1][0] == '\0')
		return srs_bad_usage("%s: the forwarder is empty", verb->name);
	return SRS_EXIT_OK;
}

static int
run_verb(const struct srs_verb *verb, const struct srs_options *o)
{
	struct srs_job job = {.srs = NULL};
	char **addresses = o->words + 1;
	int rc = check(verb, o);

	if (rc == SRS_EXIT_OK)
		rc = srs_job_open(o, &job);
	if (verb->takes_forwarder && *addresses != NULL)
		job.forwarder = mf_text_of(*addresses++);
	if (rc == SRS_EXIT_OK)
		rc = run(verb, &job, addresses);
	srs_job_close(&job);
	return rc;
}

static int
run_command(const struct srs_options *o)
{
	const char *name = o->words[0];
	const struct srs_verb *verb = srs_verb_find(name);

	if (verb != NULL)
		return run_verb(verb, o);
	if (strcmp(name, "keygen") == 0)
		return srs_keygen();
	if (strcmp(name, "ask") == 0)
		return o->word_count == 4
		    ? srs_ask(
			  o->words[1], o->words[2], o->words[3], o->wait_sec)
		    : srs_bad_usage("ask needs SOCKET, MAP and KEY");
	return srs_bad_usage("\"%s\" is not a command", name);
}

int
main(int argc, char **argv)
{
	struct srs_options options;
	bool done;
	int rc = srs_options(argc, argv, &options, &done);

	return rc != SRS_EXIT_OK || done ? rc : run_command(&options);
}
