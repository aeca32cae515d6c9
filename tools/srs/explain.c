/* SPDX-License-Identifier: ISC */
/*
 * srs explain: every field of a rewritten or signed address, or of one for a
 * forwarder, layer by layer.
 */
#include <stdio.h>
#include <time.h>

#include "tools/srs/srs.h"

#include "common/escape.h"

#define SECONDS_PER_DAY 86400
#define LAYERS_MAX      8

static void
print_field(const char *name, struct mf_text value)
{
	printf("  %-10s ", name);
	escape_terminal(stdout, value);
	putchar('\n');
}

static void
print_day(uint64_t sec)
{
	time_t when = (time_t)sec;
	struct tm tm;
	char day[24];

	gmtime_r(&when, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	printf("%s", day);
}

static void
print_key(bool verified, unsigned key, const struct srs_job *job)
{
	if (job->keys == 0)
		printf(" (not checked: no secret given)\n");
	else if (!verified)
		printf(" (none of %u secrets gives it)\n", job->keys);
	else
		printf(" (secret %u of %u%s)\n", key + 1, job->keys,
		    key == 0 ? ", the signing one" : "");
}

static void
print_age(const struct srs_job *job, int age_days)
{
	int left = (int)job->max_age_days - age_days;

	if (age_days < 0)
		printf(", %d day%s in the future", -age_days,
		    age_days == -1 ? "" : "s");
	else
		printf(", %d day%s old", age_days, age_days == 1 ? "" : "s");
	if (left >= 0)
		printf(", valid for %d more", left);
	else
		printf(", expired %d day%s ago", -left, left == -1 ? "" : "s");
	printf(" (maximum age %u)\n", job->max_age_days);
}

static void
print_timestamp(const struct srs_job *job, const struct srs_info *info)
{
	printf("  %-10s ", "timestamp");
	escape_terminal(stdout, info->timestamp);
	if (!info->dated) {
		printf(" (not two characters of A-Z 2-7)\n");
		return;
	}
	printf(" = ");
	print_day(job->now_sec -
	    (uint64_t)((int64_t)info->age_days * SECONDS_PER_DAY));
	print_age(job, info->age_days);
}

static void
print_srs(const struct srs_job *job, const struct srs_info *info)
{
	printf("  %-10s SRS%u, separator \"%c\"%s%s\n", "form", info->version,
	    info->separator,
	    info->sign_form ? ", signed in its own domain" : "",
	    info->quoted ? ", quoted" : "");
	printf("  %-10s ", "hash");
	escape_terminal(stdout, info->hash);
	print_key(info->verified, info->key, job);
	if (info->version == 0) {
		print_timestamp(job, info);
		print_field(
		    "host", info->sign_form ? info->domain : info->host);
		print_field("user", info->user);
	} else {
		print_field("forwarder", info->host);
		print_field("rest", info->user);
	}
	print_field("rewritten", info->domain);
}

static enum srs_status
explain_srs(
    const struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	struct srs_info info;
	enum srs_status status =
	    srs_decode(job->srs, address, job->now_sec, out, &info);

	print_srs(job, &info);
	return status;
}

static enum srs_status
explain_ses(
    const struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	struct ses_info info;
	enum srs_status status =
	    ses_verify(job->ses, address, job->now_sec, out, &info);

	printf("  %-10s SES\n", "form");
	if (status != SRS_OK && status != SRS_EXPIRED)
		return status;
	printf("  %-10s verified", "signature");
	print_key(true, info.key, job);
	printf("  %-10s %llu\n", "message id",
	    (unsigned long long)info.message_id);
	printf("  %-10s ", "signed");
	if (info.fixed)
		printf("without a date, never expires\n");
	else {
		print_day(info.signed_sec);
		print_age(job,
		    (int)((job->now_sec - info.signed_sec) / SECONDS_PER_DAY));
	}
	return status;
}

static enum srs_status
explain_rrs(
    const struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	struct rrs_info info;
	enum srs_status status = rrs_decode(job->rrs, address, out, &info);

	printf("  %-10s RRS%s\n", "form", info.quoted ? ", quoted" : "");
	printf("  %-10s ", "hash");
	escape_terminal(stdout, info.hash);
	print_key(info.verified, info.key, job);
	print_field("forwarder", info.forwarder);
	print_field("user", info.user);
	print_field("domain", info.domain);
	return status;
}

/* How to explain an address; NULL: it is a plain one. */
typedef enum srs_status explainer(
    const struct srs_job *job, struct mf_text address, struct srs_addr *out);

static explainer *
explainer_of(struct mf_text address)
{
	if (ses_is_ses(address))
		return explain_ses;
	if (rrs_is_rrs(address))
		return explain_rrs;
	return srs_is_srs(address) ? explain_srs : NULL;
}

int
srs_explain(const struct srs_job *job, struct mf_text address)
{
	struct srs_addr layers[LAYERS_MAX];
	enum srs_status status = SRS_NOT_SRS;
	char digest[SRS_DIGEST_SIZE];

	for (size_t i = 0; i < LAYERS_MAX; i++) {
		explainer *explain = explainer_of(address);

		if (i > 0 && explain == NULL)
			break;
		escape_terminal(stdout, address);
		putchar('\n');
		if (explain == NULL) {
			printf("  %-10s %s\n", "verdict",
			    srs_status_text(SRS_NOT_SRS));
			return SRS_EXIT_FAILED;
		}
		enum srs_status layer = explain(job, address, &layers[i]);
		/* What another host signed inside is for it to verify. */
		if (i == 0)
			status = layer;
		printf("  %-10s %s\n", "verdict",
		    i > 0 && layer == SRS_BAD_HASH
			? "not ours; the next host verifies it"
			: srs_status_text(layer));
		if (layer != SRS_OK)
			break;
		address = mf_text_at(layers[i].text, layers[i].len);
		if (srs_alias_digest(address, digest))
			printf("  %-10s in the store: mailfrom store lookup, "
			       "with this address\n",
			    "original");
		else
			print_field("original", address);
	}
	return status == SRS_OK ? SRS_EXIT_OK : SRS_EXIT_FAILED;
}
