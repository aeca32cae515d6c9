/* SPDX-License-Identifier: ISC */
#include "rewrite/rrs_rules.h"

#include <stdlib.h>

#include "rewrite/secret_file.h"

struct rrs_maker {
	const struct rewrite_settings *settings;
	const struct conf_list *local_domains;
	const struct conf *conf;
	const char *file;
	struct rrs_rules *rules;
	struct report *report;
};

static bool
fail(const struct rrs_maker *m, const char *reason)
{
	report_error(m->report, m->file,
	    conf_line(m->conf, "srs", "rrs_secret_file"), "rrs_secret_file",
	    "%s", reason);
	return false;
}

static bool
add_secret(void *arg, struct mf_text secret)
{
	const struct rrs_maker *m = arg;
	struct rrs_rules *r = m->rules;

	if (rrs_ctx_add_key(r->ctx, secret) != SRS_OK)
		return fail(m, "a secret is too long, or there are too many");
	secret_fingerprint(secret, r->fingerprints[r->secret_count]);
	if (r->fingerprints[r->secret_count][0] == '\0')
		return fail(m, "out of memory");
	r->secret_count++;
	return true;
}

static bool
build(struct rrs_maker *m)
{
	const struct rewrite_settings *s = m->settings;
	const struct secret_file secrets = {.key = "rrs_secret_file",
	    .path = s->rrs_secret_file.p,
	    .mode = SECRETS_PLAIN,
	    .conf = m->conf,
	    .file = m->file,
	    .report = m->report};

	if (rrs_ctx_new(&m->rules->ctx) != SRS_OK ||
	    !rewrite_rrs_domains(s, m->local_domains, &m->rules->domains) ||
	    !list_build(&m->rules->revoked, &s->rrs_revoked))
		return fail(m, "out of memory");
	return secret_file_read(&secrets, add_secret, m);
}

bool
rrs_rules_are_wanted(const struct ini *ini)
{
	for (size_t i = 0; i < ini->count; i++)
		if (mf_text_eq(ini->entries[i].section, MF_TEXT("srs")) &&
		    mf_text_eq(ini->entries[i].key, MF_TEXT("rrs_secret_file")))
			return true;
	return false;
}

bool
rrs_rules_new(const struct rewrite_settings *settings,
    const struct conf_list *local_domains, const struct conf *conf,
    const char *file, struct rrs_rules **out, struct report *report)
{
	struct rrs_maker m = {
	    settings, local_domains, conf, file, NULL, report};

	*out = NULL;
	if (settings->rrs_secret_file.len == 0)
		return true;
	m.rules = calloc(1, sizeof(*m.rules));
	if (m.rules == NULL)
		return fail(&m, "out of memory");
	if (!build(&m)) {
		rrs_rules_free(m.rules);
		return false;
	}
	*out = m.rules;
	return true;
}

void
rrs_rules_free(struct rrs_rules *r)
{
	if (r == NULL)
		return;
	rrs_ctx_free(r->ctx);
	list_free(&r->domains);
	list_free(&r->revoked);
	free(r);
}

enum rrs_verdict
rrs_rules_judge(const struct rrs_rules *r, struct mf_text address,
    struct srs_addr *user, struct mf_text *forwarder)
{
	struct rrs_info info;
	enum srs_status status = rrs_decode(r->ctx, address, user, &info);

	*forwarder = info.forwarder;
	if (status != SRS_OK)
		return RRS_FORGED;
	if (!list_has_word(&r->revoked, info.hash))
		return RRS_VALID;
	user->len = 0;
	user->text[0] = '\0';
	return RRS_REVOKED;
}
