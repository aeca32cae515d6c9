/* SPDX-License-Identifier: ISC */
#include "srsmilter/config.h"

#include <stdlib.h>

#include "rewrite/legacy.h"
#include "settings/sections.h"

/* --- what makes sense --- */

static unsigned
line_of(const struct srsmilter_config *c, const char *key)
{
	return milter_config_line(&c->base, key);
}

static bool
checks_spf(const struct srsmilter_config *c)
{
	return c->srs.skip_if_spf_passes || c->srs.rrs_secret_file.len != 0;
}

static void
build_lists(struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	if (!list_build(&c->local_domains, &s->local_domains) ||
	    !list_build(&c->exempt_recipients, &s->exempt_recipients) ||
	    !watch_add(&c->base.watch, c->srs.secret_file) ||
	    !watch_add(&c->base.watch, c->srs.rrs_secret_file) ||
	    (checks_spf(c) && !watch_add(&c->base.watch, c->spf.record_file)) ||
	    !watch_add(&c->base.watch, c->store_settings.password_file))
		report_error(report, c->base.path, 0, NULL, "out of memory");
}

static bool
is_wrong(const struct srsmilter_config *c, const char *key)
{
	return conf_is_wrong(c->base.conf, "srsmilter", key);
}

static void
check_rewrite(const struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	if (s->rewrite == REWRITE_REMOTE_DOMAIN &&
	    s->local_domains.count == 0 && !is_wrong(c, "rewrite") &&
	    !is_wrong(c, "local_domains"))
		report_error(report, c->base.path, line_of(c, "rewrite"),
		    "local_domains",
		    "required by rewrite = remote_domain (the domains "
		    "delivered here); if only forwarded mail passes through, "
		    "set rewrite = all");
}

static void
warn_no_rrs(const struct srsmilter_config *c, struct report *report)
{
	static const char *const keys[] = {"rrs_domains", "rrs_revoked"};

	if (c->srs.rrs_secret_file.len != 0 ||
	    conf_is_wrong(c->base.conf, "srs", "rrs_secret_file"))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (conf_line(c->base.conf, "srs", keys[i]) != 0)
			report_warning(report, c->base.path,
			    conf_line(c->base.conf, "srs", keys[i]), keys[i],
			    "has no effect without rrs_secret_file: RRS "
			    "addresses are not verified");
}

static void
warn(const struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	warn_no_rrs(c, report);
	if (s->reject_spoofed && c->srs.ses.count == 0 &&
	    c->srs.sign.count == 0 &&
	    !conf_is_wrong(c->base.conf, "srs", "ses") &&
	    !conf_is_wrong(c->base.conf, "srs", "sign"))
		report_warning(report, c->base.path,
		    line_of(c, "reject_spoofed"), "reject_spoofed",
		    "has no effect without ses or sign in [srs]");
}

/* --- reading --- */

static bool
load(void *config, const struct ini *ini, const struct rewriter_legacy *legacy,
    struct report *report)
{
	struct srsmilter_config *c = config;
	struct milter_config *base = &c->base;
	struct conf_section sections[SECTION_COUNT];
	unsigned errors = report->errors;

	settings_sections(&(struct settings_wanted){.srs = &c->srs,
			      .srsmilter = &c->srsmilter,
			      .spf = &c->spf,
			      .store = &c->store_settings,
			      .log = &base->log},
	    sections);
	/* Mistakes in it are warnings otherwise. */
	sections[SECTION_SPF].used =
	    gate_is_wanted(ini) || rrs_rules_are_wanted(ini);
	conf_load(&base->conf, ini, sections, SECTION_COUNT, report);
	if (base->conf == NULL)
		return false;
	/* All that is wrong is said at once. */
	milter_config_build(base, report);
	build_lists(c, report);
	check_rewrite(c, report);
	rewriter_new(
	    &c->srs, base->conf, base->path, legacy, &c->rewriter, report);
	rewriter_use_store(c->rewriter, &c->srs, &c->store_settings, base->conf,
	    base->path, report);
	store_params_read(&c->store_settings, base->conf, base->path,
	    &c->store_params, report);
	gate_new(&c->srs, base->conf, base->path, &c->gate, report);
	rrs_rules_new(&c->srs, &c->srsmilter.local_domains, base->conf,
	    base->path, &c->rrs, report);
	if (checks_spf(c))
		check_settings_ok(&c->spf, base->conf, base->path, report);
	warn(c, report);
	return report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct srsmilter_config *c = config;

	return legacy_source(source, &c->base.watch, load, c, report);
}

static void
config_free(struct shared *object)
{
	struct srsmilter_config *c = (struct srsmilter_config *)object;

	checker_release(c->checker);
	store_release(c->store);
	store_params_wipe(&c->store_params);
	gate_free(c->gate);
	rrs_rules_free(c->rrs);
	rewriter_free(c->rewriter);
	list_free(&c->local_domains);
	list_free(&c->exempt_recipients);
	milter_config_clear(&c->base);
	free(c);
}

struct milter_config *
srsmilter_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct srsmilter_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	milter_config_init(
	    &c->base, path, "srsmilter", &c->srsmilter.filter, config_free);
	if (source_load(path, format, legacy_detect, load_source, c, report))
		return &c->base;
	milter_config_release(&c->base);
	return NULL;
}

bool
srsmilter_config_start(struct srsmilter_config *c,
    const struct srsmilter_config *old, struct report *report)
{
	if (c->store_params.url.scheme != STORE_NONE) {
		c->store = store_new(
		    &c->store_params, old != NULL ? old->store : NULL, report);
		if (c->store == NULL)
			return false;
	}
	if (c->gate == NULL && c->rrs == NULL)
		return true;
	c->checker = checker_new(&c->spf, c->base.conf, c->base.path,
	    old != NULL ? old->checker : NULL, report);
	return c->checker != NULL;
}
