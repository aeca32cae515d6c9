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

/* As DNS has it: what isn't ASCII would make an address of few hosts' mail. */
static struct mf_text
domain_of_dns(struct mf_text t, char room[static DOMAIN_MAX])
{
	struct text_out out = text_out(room, DOMAIN_MAX);
	const char *why;

	if (!domain_read(t, &out, &why) || out.full)
		return MF_TEXT("");
	ascii_lower_all(room, out.len);
	return out_view(&out);
}

/* The recipient's domain may be what DNS hasn't, such as an address literal. */
static struct mf_text
with_ascii_domain(struct mf_text address, char *room, size_t size)
{
	struct text_out out = text_out(room, size);
	size_t at = text_rfind(address, '@');
	char domain[DOMAIN_MAX + 1];

	if (text_is_ascii(text_from(address, at)))
		return address;
	out_text(&out, text_head(address, at + 1));
	out_text(&out, domain_ascii(text_from(address, at + 1), domain));
	return out.full ? address : out_view(&out);
}

/* FORWARDER USER@DOMAIN, if the command line has named no forwarder. */
static enum srs_status
run_rrs(struct srs_job *job, struct mf_text line, struct srs_addr *out)
{
	struct mf_text forwarder = job->forwarder, address = text_trim(line);
	char forwarder_room[DOMAIN_MAX], room[SRS_INPUT_MAX];

	if (forwarder.len == 0) {
		size_t end = 0;

		while (end < address.len && !ascii_is_blank(address.p[end]))
			end++;
		forwarder = text_head(address, end);
		address = text_trim(text_from(address, end));
	}
	return rrs_encode(job->rrs, domain_of_dns(forwarder, forwarder_room),
	    with_ascii_domain(address, room, sizeof(room)), out);
}

static const struct srs_verb verbs[] = {
    {"encode", .command = run_encode, .needs_domain = true},
    {"decode", .command = run_decode},
    {"sign", .command = run_sign},
    {"ses-sign", .command = run_ses_sign},
    {"ses-verify", .command = run_ses_verify},
    {"rrs", .command = run_rrs, .takes_forwarder = true},
    {"explain", .command = NULL},
};

const struct srs_verb *
srs_verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
