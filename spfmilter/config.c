/* SPDX-License-Identifier: ISC */
#include "spfmilter/config.h"

#include <stdlib.h>

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

static bool
load(struct spfmilter_config *c, const struct ini *ini, struct report *report)
{
	struct milter_config *base = &c->base;
	struct conf_section sections[SECTION_COUNT];
	unsigned errors = report->errors;

	settings_sections(&(struct settings_wanted){.srs = &c->srs,
			      .spf = &c->spf,
			      .spfmilter = &c->spfmilter,
			      .log = &base->log},
	    sections);
	/* Mistakes in what it reads of it are warnings. */
	sections[SECTION_SRS].used = false;
	conf_load(&base->conf, ini, sections, SECTION_COUNT, report);
	if (base->conf == NULL)
		return false;
	/* All that is wrong is said at once. */
	milter_config_build(base, report);
	hosts_build(&c->exempt_clients, &c->spfmilter.exempt_clients,
	    base->path, line_of(c, "exempt_clients"), "exempt_clients", report);
	build_lists(c, report);
	check_authserv_id(c, report);
	check_settings_ok(&c->spf, base->conf, base->path, report);
	warn(c, report);
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
