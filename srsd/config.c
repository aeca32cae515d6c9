/* SPDX-License-Identifier: ISC */
#include "srsd/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/listen.h"
#include "settings/sections.h"

#define WORKERS_DEFAULT 4

/* --- reading --- */

static void
check_metrics(const struct srsd_config *c, struct report *report)
{
	const struct listen_options place = {.file = c->path,
	    .line = conf_line(c->conf, "srsd", "metrics"),
	    .key = "metrics"};

	if (c->srsd.metrics.len != 0)
		listen_check_text(c->srsd.metrics, &place, report);
}

static bool
load(void *config, const struct ini *ini, const struct rewriter_legacy *legacy,
    struct report *report)
{
	struct srsd_config *c = config;
	struct conf_section sections[SECTION_COUNT];
	unsigned errors = report->errors;

	settings_sections(&(struct settings_wanted){.srs = &c->srs,
			      .srsd = &c->srsd,
			      .spf = &c->spf,
			      .store = &c->store_settings,
			      .log = &c->log},
	    sections);
	/* Mistakes in it are warnings otherwise. */
	sections[SECTION_SPF].used = gate_is_wanted(ini);
	conf_load(&c->conf, ini, sections, SECTION_COUNT, report);
	if (c->conf == NULL)
		return false;
	/* All that is wrong is said at once. */
	if (!watch_add(&c->watch, c->srs.secret_file) ||
	    (c->srs.skip_if_spf_passes &&
		!watch_add(&c->watch, c->spf.record_file)) ||
	    !watch_add(&c->watch, c->store_settings.password_file) ||
	    !watch_add_lists(&c->watch, c->conf))
		report_error(report, c->path, 0, NULL, "out of memory");
	check_metrics(c, report);
	rewriter_new(&c->srs, c->conf, c->path, legacy, &c->rewriter, report);
	rewriter_use_store(
	    c->rewriter, &c->srs, &c->store_settings, c->conf, c->path, report);
	store_params_read(
	    &c->store_settings, c->conf, c->path, &c->store_params, report);
	gate_new(&c->srs, c->conf, c->path, &c->gate, report);
	if (c->srs.skip_if_spf_passes)
		check_settings_ok(&c->spf, c->conf, c->path, report);
	return report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct srsd_config *c = config;

	return legacy_source(source, &c->watch, load, c, report);
}

static void
config_free(struct shared *object)
{
	struct srsd_config *c = (struct srsd_config *)object;

	checker_release(c->checker);
	store_release(c->store);
	store_params_wipe(&c->store_params);
	gate_free(c->gate);
	rewriter_free(c->rewriter);
	conf_free(c->conf);
	watch_free(&c->watch);
	free(c);
}

struct srsd_config *
srsd_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct srsd_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	shared_init(&c->shared, config_free);
	c->path = path;
	if (source_load(path, format, legacy_detect, load_source, c, report))
		return c;
	srsd_config_release(c);
	return NULL;
}

void
srsd_config_release(struct srsd_config *c)
{
	shared_release(c != NULL ? &c->shared : NULL);
}

bool
srsd_config_start(
    struct srsd_config *c, const struct srsd_config *old, struct report *report)
{
	if (c->store_params.url.scheme != STORE_NONE) {
		c->store = store_new(
		    &c->store_params, old != NULL ? old->store : NULL, report);
		if (c->store == NULL)
			return false;
	}
	if (c->gate == NULL)
		return true;
	c->checker = checker_new(&c->spf, c->conf, c->path,
	    old != NULL ? old->checker : NULL, report);
	return c->checker != NULL;
}

unsigned
srsd_config_workers(const struct srsd_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->srsd.workers != 0)
		return (unsigned)c->srsd.workers;
	if (cores < 1)
		return 1;
	return cores < WORKERS_DEFAULT ? (unsigned)cores : WORKERS_DEFAULT;
}
