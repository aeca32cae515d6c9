/* SPDX-License-Identifier: ISC */
#include "rewrite/rewriter.h"

#include <stdlib.h>

#include "common/domain.h"
#include "rewrite/secret_file.h"
#include "rewrite/srs_domains.h"

/* The settings at hand and where complaints about them go. */
struct maker {
	const struct rewrite_settings *settings;
	const struct conf *conf;
	const char *file;
	const struct rewriter_legacy *legacy;
	struct rewriter *rewriter;
	struct report *report;
};

static void
fail(const struct maker *m, const char *key, const char *reason)
{
	report_error(m->report, m->file, conf_line(m->conf, "srs", key), key,
	    "%s", reason);
}

/* --- domains --- */

/* An item of fwdomain, as its type has written it. */
static bool
add_domain(const struct maker *m, struct mf_text srs)
{
	struct rewriter *r = m->rewriter;
	struct mf_text forwarding;

	if (text_cut(&srs, '=', &forwarding)) {
		r->domains[r->domain_count++] =
		    (struct rewriter_domain){forwarding, srs};
		return true;
	}
	if (r->fwdomain.len != 0) {
		fail(m, "fwdomain",
		    "more than one default domain; write the others as "
		    "FORWARDING=DOMAIN");
		return false;
	}
	r->fwdomain = srs;
	return true;
}

static bool
build_fwdomain(const struct maker *m)
{
	const struct conf_list *list = &m->settings->fwdomain;

	if (list->count == 0)
		return true;
	m->rewriter->domains =
	    calloc(list->count, sizeof(*m->rewriter->domains));
	if (m->rewriter->domains == NULL) {
		fail(m, "fwdomain", "out of memory");
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		if (!add_domain(m, list->items[i]))
			return false;
	return true;
}

/* NULL: it has none of its own. */
static const struct rewriter_domain *
find_domain(const struct rewriter *r, struct mf_text domain)
{
	char room[DOMAIN_MAX + 1];

	domain = domain_ascii(domain, room);
	for (size_t i = 0; i < r->domain_count; i++)
		if (text_eq_fold(r->domains[i].forwarding, domain))
			return &r->domains[i];
	return NULL;
}

bool
rewriter_has_domain(const struct rewriter *r, struct mf_text domain)
{
	return find_domain(r, domain) != NULL;
}

struct mf_text
rewriter_domain(const struct rewriter *r, struct mf_text domain)
{
	const struct rewriter_domain *found = find_domain(r, domain);

	return found != NULL ? found->srs : r->fwdomain;
}

/* --- lists --- */

static bool
build_lists(const struct maker *m)
{
	const struct rewrite_settings *s = m->settings;
	struct rewriter *r = m->rewriter;

	if (list_build(&r->own_domains, &s->own_domains) &&
	    list_build(&r->ses_domains, &s->ses) &&
	    list_build(&r->sign_domains, &s->sign) &&
	    list_build(&r->exclude_recipients, &s->exclude_recipients) &&
	    list_build(&r->exclude_senders, &s->exclude_senders) &&
	    list_build(&r->include_senders, &s->include_senders) &&
	    list_build(&r->forward_domains, &s->forward_domains) &&
	    rewrite_srs_domains(s, m->legacy != NULL, &r->srs_domains))
		return true;
	report_error(m->report, m->file, 0, NULL, "out of memory");
	return false;
}

/* --- codecs --- */

static bool
is_wrong(const struct maker *m, const char *key)
{
	return conf_is_wrong(m->conf, "srs", key);
}

static bool
check_hash(const struct maker *m)
{
	const struct rewrite_settings *s = m->settings;

	if (s->hash_min <= s->hash_length || is_wrong(m, "hash_length"))
		return true;
	fail(m, "hash_min", "above hash_length");
	return false;
}

/* What doesn't make sense was said. */
static uint64_t
hash_min(const struct rewrite_settings *s)
{
	return s->hash_min == 0 || s->hash_min > s->hash_length ? s->hash_length
								: s->hash_min;
}

/* False: out of memory. */
static bool
build_codecs(const struct maker *m)
{
	const struct rewrite_settings *s = m->settings;
	const struct rewriter_legacy *legacy = m->legacy;
	struct rewriter *r = m->rewriter;
	struct srs_params srs = {.hash_length = (unsigned)s->hash_length,
	    .hash_min = (unsigned)hash_min(s),
	    .max_age_days = (unsigned)s->max_age,
	    .future_days = (unsigned)s->future_days,
	    .separator = rewrite_separators[s->separator][0],
	    .alphabet = s->hash_alphabet == 0 ? SRS_BASE64 : SRS_BASE64URL,
	    .always_rewrite = s->always_rewrite};
	struct ses_params ses = SES_PARAMS_DEFAULT;

	if (legacy != NULL && legacy->accept_hash_min != 0 &&
	    legacy->accept_hash_min < srs.hash_min)
		srs.hash_min = legacy->accept_hash_min;
	ses.max_age_days = srs.max_age_days;
	if (legacy != NULL && legacy->accept_max_age > srs.max_age_days)
		srs.max_age_days = legacy->accept_max_age;
	if (srs_ctx_new(&srs, &r->srs) != SRS_OK ||
	    ses_ctx_new(&ses, &r->ses) != SRS_OK)
		goto memory;
	if (srs.max_age_days != ses.max_age_days) {
		ses.max_age_days = srs.max_age_days;
		if (ses_ctx_new(&ses, &r->ses_legacy) != SRS_OK)
			goto memory;
	}
	return true;
memory:
	report_error(m->report, m->file, 0, NULL, "out of memory");
	return false;
}

/* --- secrets --- */

static const char *
secret_key(const struct maker *m)
{
	return m->legacy != NULL ? "secret" : "secret_file";
}

static bool
add_secret(void *arg, struct mf_text secret)
{
	const struct maker *m = arg;
	struct rewriter *r = m->rewriter;
	enum srs_status status = srs_ctx_add_key(r->srs, secret);

	if (status == SRS_OK)
		status = ses_ctx_add_key(r->ses, secret);
	if (status == SRS_OK && r->ses_legacy != NULL)
		status = ses_ctx_add_key(r->ses_legacy, secret);
	if (status == SRS_OK) {
		char *print = r->fingerprints[r->secret_count++];

		/* With a key that is good enough, nothing else can be. */
		secret_fingerprint(secret, print);
		if (print[0] == '\0')
			fail(m, secret_key(m), "out of memory");
		return print[0] != '\0';
	}
	fail(m, secret_key(m), "a secret is too long, or there are too many");
	return false;
}

/* Legacy sites have what they have; but not what is published. */
static bool
check_legacy_secret(const struct maker *m, struct mf_text secret)
{
	const char *weakness = secret_weakness(secret);

	if (weakness == NULL)
		return true;
	if (secret.len != 0 && secret.len < SECRET_MIN &&
	    strstr(weakness, "published") == NULL) {
		report_warning(m->report, m->file, 0, "secret", "%s", weakness);
		return true;
	}
	fail(m, secret_key(m), weakness);
	return false;
}

static bool
add_legacy_secrets(struct maker *m)
{
	const struct rewriter_legacy *legacy = m->legacy;

	for (size_t i = 0; i < legacy->secret_count; i++)
		if (!check_legacy_secret(m, legacy->secrets[i]) ||
		    !add_secret(m, legacy->secrets[i]))
			return false;
	return true;
}

static bool
load_secrets(struct maker *m)
{
	const struct rewrite_settings *s = m->settings;
	const struct secret_file secrets = {.key = "secret_file",
	    .path = s->secret_file.p,
	    .mode = s->secret_line_end ? SECRETS_WITH_LINE_END : SECRETS_PLAIN,
	    .conf = m->conf,
	    .file = m->file,
	    .report = m->report};

	if (m->legacy != NULL)
		return add_legacy_secrets(m);
	if (s->secret_file.len == 0) {
		fail(m, "secret_file",
		    "not set; create a secret with: srs keygen");
		return false;
	}
	return secret_file_read(&secrets, add_secret, m);
}

void
rewriter_list_secrets(
    const struct rewriter *r, char out[static REWRITER_SECRETS_SIZE])
{
	secret_list(r->fingerprints, r->secret_count, out);
}

/* --- the whole --- */

/* Bounces that would come back and not be restored. */
static void
warn_not_reversed(const struct maker *m, struct mf_text srs)
{
	if (srs.len == 0 || list_has_domain(&m->rewriter->srs_domains, srs))
		return;
	report_warning(m->report, m->file,
	    conf_line(m->conf, "srs", "srs_domains"), "srs_domains",
	    "does not contain %.*s (fwdomain): bounces to it will not "
	    "be restored",
	    (int)srs.len, srs.p);
}

static void
warn(const struct maker *m)
{
	const struct rewriter *r = m->rewriter;

	if (is_wrong(m, "fwdomain"))
		return;
	if (r->fwdomain.len == 0)
		report_warning(m->report, m->file,
		    conf_line(m->conf, "srs", "fwdomain"), "fwdomain",
		    r->domain_count == 0
			? "not set: no sender will be rewritten"
			: "no default domain: mail that none of the listed "
			  "domains forwards will not be rewritten");
	if (is_wrong(m, "srs_domains"))
		return;
	warn_not_reversed(m, r->fwdomain);
	for (size_t i = 0; i < r->domain_count; i++)
		warn_not_reversed(m, r->domains[i].srs);
}

static bool
build(struct maker *m)
{
	bool ok = build_fwdomain(m);

	ok = check_hash(m) && ok;
	return build_lists(m) && build_codecs(m) && load_secrets(m) && ok;
}

bool
rewriter_new(const struct rewrite_settings *settings, const struct conf *conf,
    const char *file, const struct rewriter_legacy *legacy,
    struct rewriter **out, struct report *report)
{
	struct rewriter *r = calloc(1, sizeof(*r));
	struct maker m = {settings, conf, file, legacy, r, report};

	*out = NULL;
	if (r == NULL) {
		report_error(report, file, 0, NULL, "out of memory");
		return false;
	}
	r->always_rewrite = settings->always_rewrite;
	r->stores_all = settings->hide_senders;
	r->stores_long =
	    r->stores_all || settings->long_addresses == LONG_STORE;
	r->defers_unstored = r->stores_all;
	r->row_days = (unsigned)(settings->max_age + settings->future_days) + 1;
	r->any_srs_domain = rewrite_reverses_any_domain(settings);
	r->ses_server = (uint8_t)settings->ses_server;
	if (!build(&m)) {
		rewriter_free(r);
		return false;
	}
	warn(&m);
	*out = r;
	return true;
}

void
rewriter_use_store(struct rewriter *r, const struct rewrite_settings *settings,
    const struct store_settings *store, const struct conf *conf,
    const char *file, struct report *report)
{
	const struct maker m = {
	    .settings = settings, .conf = conf, .file = file, .report = report};
	bool is_none = mf_text_eq(store->url, MF_TEXT(STORE_URL_NONE));

	if (is_none && settings->hide_senders)
		fail(&m, "hide_senders", "requires url in [store]");
	else if (is_none && settings->long_addresses == LONG_STORE)
		fail(&m, "long_addresses", "store requires url in [store]");
	/* A sender that is to be hidden isn't shown instead. */
	if (r != NULL)
		r->defers_unstored =
		    r->stores_all || store->on_down == STORE_TEMPFAILS;
}

void
rewriter_free(struct rewriter *r)
{
	if (r == NULL)
		return;
	srs_ctx_free(r->srs);
	ses_ctx_free(r->ses);
	ses_ctx_free(r->ses_legacy);
	list_free(&r->own_domains);
	list_free(&r->srs_domains);
	list_free(&r->ses_domains);
	list_free(&r->sign_domains);
	list_free(&r->exclude_recipients);
	list_free(&r->exclude_senders);
	list_free(&r->include_senders);
	list_free(&r->forward_domains);
	free(r->domains);
	free(r);
}
