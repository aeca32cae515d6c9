/* SPDX-License-Identifier: ISC */
/*
 * The commands of srs that turn one address into another.
 */
#include "tools/srs/srs.h"

static enum srs_status
run_encode(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_encode(job->srs, address, job->domain, job->now_sec, out);
}

static enum srs_status
run_decode(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_decode(job->srs, address, job->now_sec, out, NULL);
}

static enum srs_status
run_sign(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_sign(job->srs, address, job->now_sec, out);
}

static enum srs_status
run_ses_sign(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	if (job->fixed)
		return ses_sign_fixed(job->ses, address, job->message_id, out);
	return ses_sign(job->ses, address,
	    job->sequence_given ? job->message_id : job->message_id++,
	    job->now_sec, out);
}

static enum srs_status
run_ses_verify(
    struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return ses_verify(job->ses, address, job->now_sec, out, NULL);
}

static const struct srs_verb verbs[] = {
    {"encode", run_encode, true},
    {"decode", run_decode, false},
    {"sign", run_sign, false},
    {"ses-sign", run_ses_sign, false},
    {"ses-verify", run_ses_verify, false},
    {"explain", NULL, false},
};

const struct srs_verb *
srs_verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
