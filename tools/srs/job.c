/* SPDX-License-Identifier: ISC */
/*
 * What the command line says as keyrings and a clock.
 */
#include <errno.h>
#include <unistd.h>

#include "tools/srs/srs.h"

static enum srs_status
add_key(struct srs_job *job, struct mf_text key)
{
	enum srs_status status = srs_ctx_add_key(job->srs, key);

	if (status == SRS_OK)
		status = ses_ctx_add_key(job->ses, key);
	if (status == SRS_OK)
		status = rrs_ctx_add_key(job->rrs, key);
	if (status == SRS_OK)
		job->keys++;
	return status;
}

static bool
add_secret_file(const struct srs_options *o, struct srs_job *job)
{
	struct report report = report_to_stderr();
	struct secrets secrets;
	enum srs_status status = SRS_OK;
	bool ok =
	    secrets_load(o->secret_file, o->secrets_mode, &secrets, &report);

	for (size_t i = 0; ok && i < secrets.count && status == SRS_OK; i++)
		status = add_key(job, secrets.items[i]);
	secrets_free(&secrets);
	if (ok && status != SRS_OK)
		report_error(&report, o->secret_file, 0, NULL,
		    "a secret is too long or there are too many");
	return ok && status == SRS_OK;
}

int
srs_job_open(const struct srs_options *o, struct srs_job *job)
{
	struct ses_params ses = SES_PARAMS_DEFAULT;

	ses.max_age_days = o->srs.max_age_days;
	if (srs_ctx_new(&o->srs, &job->srs) != SRS_OK ||
	    ses_ctx_new(&ses, &job->ses) != SRS_OK ||
	    rrs_ctx_new(&job->rrs) != SRS_OK)
		return srs_bad_usage("out of memory");
	job->max_age_days = o->srs.max_age_days;
	job->future_days = o->srs.future_days;
	job->domain = mf_text_of(o->domain);
	job->fixed = o->fixed;
	job->sequence_given = o->sequence_given;
	job->message_id = o->message_id;
	job->clock_given = o->clock_given;
	job->now_sec = o->now_sec;
	if (!o->fixed && !o->sequence_given &&
	    getentropy(&job->message_id, sizeof(uint32_t)) < 0)
		return srs_bad_usage("no randomness: %s", strerror(errno));
	if (o->secret_file != NULL && !add_secret_file(o, job))
		return SRS_EXIT_USAGE;
	for (size_t i = 0; i < o->secret_count; i++)
		if (add_key(job, mf_text_of(o->secrets[i])) != SRS_OK)
			return srs_bad_usage("--secret: empty or too long");
	return SRS_EXIT_OK;
}

void
srs_job_close(struct srs_job *job)
{
	srs_ctx_free(job->srs);
	ses_ctx_free(job->ses);
	rrs_ctx_free(job->rrs);
}
