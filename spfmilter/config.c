/* SPDX-License-Identifier: ISC */
#include "spfmilter/config.h"

#include <stdlib.h>

#include "rewrite/rrs_domains.h"
#include "rewrite/srs_domains.h"
#include "settings/sections.h"
#include "spfmilter/legacy.h"

/* --- reading --- */

static unsigned
line_of(const struct spfmilter_config *c, const char *key)
{
	return milter_config_line(&c->base, key);
}

static void
build_lists(struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;

	if (!list_build(&c->exempt_senders, &s->exempt_senders) ||
	    !list_build(&c->exempt_helo, &s->exempt_helo) ||
	    !list_build(&c->exempt_recipients, &s->exempt_recipients) ||
	    !rewrite_srs_domains(&c->srs, false, &c->srs_domains) ||
	    !rewrite_rrs_domains(
		&c->srs, &c->srsmilter.local_domains, &c->rrs_domains) ||
	    !watch_add(&c->base.watch, c->spf.record_file))
		report_error(report, c->base.path, 0, NULL, "out of memory");
}

/* It goes into a header field as it is: a name, and nothing but. */
static void
check_authserv_id(const struct spfmilter_config *c, struct report *report)
{
	struct mf_text id = c->spfmilter.authserv_id;

	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=", id.p[i]) != NULL) {
			report_error(report, c->base.path,
			    line_of(c, "authserv_id"), "authserv_id",
			    "\"%.*s\": not a name such as mx.example.com",
			    (int)id.len, id.p);
			return;
		}
}

/* What srsmilter judges has to be what is left to it. */
static void
check_rrs(const struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;

	if (!s->rrs)
		return;
	if (s->reject_at == REJECT_AT_MAIL &&
	    !conf_is_wrong(c->base.conf, "spfmilter", "reject_at"))
		report_error(report, c->base.path, line_of(c, "rrs"), "rrs",
		    "requires reject_at = rcpt: recipients aren't known at "
		    "MAIL");
	if (c->srs.rrs_secret_file.len == 0)
		report_error(report, c->base.path, line_of(c, "rrs"), "rrs",
		    "requires rrs_secret_file in [srs]: without it srsmilter "
		    "does not verify RRS addresses, and SPF would not be "
		    "enforced for them");
	if (conf_is_wrong(c->base.conf, "srs", "rrs_domains") ||
	    conf_is_wrong(c->base.conf, "srs", "own_domains") ||
	    conf_is_wrong(c->base.conf, "srsmilter", "local_domains"))
		report_error(report, c->base.path, line_of(c, "rrs"), "rrs",
		    "rrs_domains, own_domains or local_domains has errors; see "
		    "the warnings");
}

static void
warn(const struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;

	if (s->reject_at == REJECT_AT_MAIL &&
	    line_of(c, "exempt_recipients") != 0)
		report_warning(report, c->base.path,
		    line_of(c, "exempt_recipients"), "exempt_recipients",
		    "has no effect with reject_at = mail, because recipients "
		    "aren't known yet");
	for (size_t i = 0; i < 2 && s->dkim == DKIM_OFF; i++) {
		static const char *const keys[] = {
		    "dkim_aligned", "dkim_results"};

		if (line_of(c, keys[i]) != 0)
			report_warning(report, c->base.path,
			    line_of(c, keys[i]), keys[i],
			    "has no effect without dkim = verify");
	}
	if (s->trusted_relay_check == RELAY_CHECK_REJECT &&
	    s->filter.trusted_relay.count == 0 &&
	    !conf_is_wrong(c->base.conf, "spfmilter", "trusted_relay"))
		report_warning(report, c->base.path,
		    line_of(c, "trusted_relay_check"), "trusted_relay_check",
		    "has no effect without trusted_relay");
}

/* Without a filter there has to be something else to ask. */
static void
check_listen(const struct spfmilter_config *c, struct report *report)
{
	if (milter_config_listens(&c->base))
		return;
	if (c->spfmilter.policy_listen.count == 0 &&
	    !conf_is_wrong(c->base.conf, "spfmilter", "policy_listen"))
		report_error(report, c->base.path, line_of(c, "listen"),
		    "listen", "\"none\" requires policy_listen");
	if (c->spfmilter.dkim != DKIM_OFF)
		report_warning(report, c->base.path, line_of(c, "dkim"), "dkim",
		    "has no effect with listen = none: the policy service "
		    "sees no signatures");
}

static void
warn_no_policy(const struct spfmilter_config *c, struct report *report)
{
	static const char *const keys[] = {"policy_header",
	    "policy_max_connections", "policy_idle_timeout",
	    "policy_request_timeout"};

	if (conf_is_wrong(c->base.conf, "spfmilter", "policy_listen"))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (line_of(c, keys[i]) != 0)
			report_warning(report, c->base.path,
			    line_of(c, keys[i]), keys[i],
			    "has no effect without policy_listen");
}

/* What the policy service can't do, of what the file asks for. */
static void
warn_policy(const struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;
	const struct {
		const char *key;
		bool has_effect; /* elsewhere */
		const char *text;
	} lacking[] = {
	    {"remove_ar", s->remove_ar != REMOVE_AR_NONE,
		"has no effect on the policy service (policy_listen): it sees "
		"no header, and forged fields stay"},
	    {"trusted_relay_check", s->trusted_relay_check != RELAY_CHECK_NONE,
		"has no effect on the policy service (policy_listen): it sees "
		"no Received field, and mail of trusted relays isn't checked"},
	    {"trusted_relay_unreadable",
		s->trusted_relay_unreadable == RELAY_UNREADABLE_TEMPFAIL,
		"has no effect on the policy service (policy_listen)"},
	    {"received_spf", s->received_spf != RECEIVED_SPF_MAILFROM,
		"has no effect on the policy service (policy_listen), which "
		"adds one field: that of policy_header"},
	    {"x_hello_spf", s->x_hello_spf,
		"has no effect on the policy service (policy_listen), which "
		"adds one field: that of policy_header"},
	};

	if (s->policy_listen.count == 0) {
		warn_no_policy(c, report);
		return;
	}
	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
		if (lacking[i].has_effect && line_of(c, lacking[i].key) != 0)
			report_warning(report, c->base.path,
			    line_of(c, lacking[i].key), lacking[i].key, "%s",
			    lacking[i].text);
}

static bool
load(struct spfmilter_config *c, const struct ini *ini, struct report *report)
{
	struct milter_config *base = &c->base;
	struct conf_section sections[SECTION_COUNT];
	unsigned errors = report->errors;

	settings_sections(&(struct settings_wanted){.srs = &c->srs,
			      .srsmilter = &c->srsmilter,
			      .spf = &c->spf,
			      .spfmilter = &c->spfmilter,
			      .log = &base->log},
	    sections);
	/* Mistakes in what it reads of it are warnings. */
	sections[SECTION_SRS].used = false;
	sections[SECTION_SRSMILTER].used = false;
	conf_load(&base->conf, ini, sections, SECTION_COUNT, report);
	if (base->conf == NULL)
		return false;
	/* All that is wrong is said at once. */
	milter_config_build(base, report);
	hosts_build(&c->exempt_clients, &c->spfmilter.exempt_clients,
	    base->path, line_of(c, "exempt_clients"), "exempt_clients", report);
	build_lists(c, report);
	check_authserv_id(c, report);
	check_rrs(c, report);
	check_listen(c, report);
	check_settings_ok(&c->spf, base->conf, base->path, report);
	warn(c, report);
	warn_policy(c, report);
	return report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct spfmilter_config *c = config;
	struct ini ours;
	char *paths;
	bool ok;

	if (!source->is_legacy)
		return load(c, &source->ini, report);
	ok = legacy_spfmilter(&source->ini, &ours, &paths, report);
	ok = ours.entries != NULL && load(c, &ours, report) && ok;
	ini_free(&ours);
	free(paths);
	return ok;
}

static void
config_free(struct shared *object)
{
	struct spfmilter_config *c = (struct spfmilter_config *)object;

	checker_release(c->checker);
	hosts_free(&c->exempt_clients);
	list_free(&c->exempt_senders);
	list_free(&c->exempt_helo);
	list_free(&c->exempt_recipients);
	list_free(&c->srs_domains);
	list_free(&c->rrs_domains);
	milter_config_clear(&c->base);
	free(c);
}

struct milter_config *
spfmilter_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct spfmilter_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	milter_config_init(
	    &c->base, path, "spfmilter", &c->spfmilter.filter, config_free);
	if (source_load(
		path, format, legacy_is_spfmilter, load_source, c, report))
		return &c->base;
	milter_config_release(&c->base);
	return NULL;
}
