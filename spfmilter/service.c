/* SPDX-License-Identifier: ISC */
#include "spfmilter/service.h"

#include <stdlib.h>

#include "access/lint.h"
#include "common/health.h"
#include "common/log.h"

static struct spfmilter_config *
config_of(struct milter_config *config)
{
	return (struct spfmilter_config *)config;
}

static struct spfmilter *
service_of(struct milter_service *service)
{
	return (struct spfmilter *)service;
}

const struct spfmilter_config *
spfmilter_config(const struct spfmilter *s)
{
	return (const struct spfmilter_config *)s->base.config.now;
}

/* What the main thread, which alone replaces it, sees; NULL: none. */
static const struct access *
access_of(const struct spfmilter *s)
{
	const struct shared_access *shared =
	    (const struct shared_access *)s->access.now;

	return shared != NULL ? shared->access : NULL;
}

/* --- access file --- */

static void
shared_access_free(struct shared *object)
{
	struct shared_access *shared = (struct shared_access *)object;

	access_free(shared->access);
	free(shared);
}

static struct shared_access *
shared_access_new(void)
{
	struct shared_access *shared = calloc(1, sizeof(*shared));

	if (shared != NULL)
		shared_init(&shared->shared, shared_access_free);
	return shared;
}

/* True with *out NULL: none is configured. */
static bool
load_access(const struct spfmilter_config *config, struct shared_access **out,
    struct report *report)
{
	struct mf_text name = config->spfmilter.access;
	struct shared_access *shared;

	*out = NULL;
	if (name.len == 0)
		return true;
	shared = shared_access_new();
	if (shared == NULL) {
		report_error(report, NULL, 0, "access", "out of memory");
		return false;
	}
	switch (access_load(name, true, &shared->access, report)) {
	case ACCESS_OK:
		*out = shared;
		return true;
	case ACCESS_BUSY:
	case ACCESS_FAILED:
		break;
	}
	report_error(report, config->base.path,
	    milter_config_line(&config->base, "access"), "access",
	    "\"%.*s\": cannot be used; see the errors above", (int)name.len,
	    name.p);
	free(shared);
	return false;
}

void
spfmilter_access_release(struct shared_access *shared)
{
	shared_release(shared != NULL ? &shared->shared : NULL);
}

struct shared_access *
spfmilter_access(struct spfmilter *s)
{
	return (struct shared_access *)shared_take(&s->access);
}

static void
replace_access(struct spfmilter *s, struct shared_access *shared)
{
	shared_replace(&s->access, shared != NULL ? &shared->shared : NULL);
	s->has_refused = false;
	health_set(HEALTH_ACCESS_FILE, false);
}

/* Complain of a file once, not every two seconds. */
static bool
was_refused(struct spfmilter *s, const char *path)
{
	struct file_mark now = file_mark(path);
	bool same = s->has_refused && file_mark_eq(&now, &s->refused);

	s->refused = now;
	s->has_refused = true;
	health_set(HEALTH_ACCESS_FILE, true);
	return same;
}

static void
refresh_access(
    struct spfmilter *s, const struct access *old, struct shared_access *fresh)
{
	struct report report = daemon_report_to_log();

	switch (access_load(spfmilter_config(s)->spfmilter.access, false,
	    &fresh->access, &report)) {
	case ACCESS_OK:
		access_warn(fresh->access, &report);
		log_say(LEVEL_INFO, "%s has changed: %zu entries read",
		    fresh->access->path,
		    access_table_count(fresh->access->table));
		replace_access(s, fresh);
		return;
	case ACCESS_FAILED:
		was_refused(s, old->path);
		log_say(LEVEL_ERROR,
		    "%s has changed but can't be used; keeping the old "
		    "contents",
		    old->path);
		break;
	case ACCESS_BUSY: /* being written: the next time */
		break;
	}
	free(fresh);
}

void
spfmilter_refresh(struct milter_service *service)
{
	struct spfmilter *s = service_of(service);
	const struct access *old = access_of(s);
	struct shared_access *fresh;

	if (old == NULL || !access_is_stale(old))
		return;
	if (s->has_refused && was_refused(s, old->path))
		return;
	fresh = shared_access_new();
	if (fresh != NULL)
		refresh_access(s, old, fresh);
}

void
spfmilter_warn(const struct milter_service *service, struct report *report)
{
	const struct access *access =
	    access_of((const struct spfmilter *)service);

	if (access == NULL)
		return;
	access_warn(access, report);
	access_check_readable(access, report);
}

bool
spfmilter_lint(const struct spfmilter *s, struct report *report)
{
	const struct access *access = access_of(s);

	return access == NULL ||
	    (access_lint(access->table, access->path, report) &&
		report->errors + report->warnings == 0);
}

/* --- life --- */

struct milter_service *
spfmilter_new(struct milter_config *config, struct report *report)
{
	struct spfmilter *s = calloc(1, sizeof(*s));
	struct shared_access *access;

	if (s == NULL || !load_access(config_of(config), &access, report)) {
		milter_config_release(config);
		free(s);
		return NULL;
	}
	shared_place_init(&s->access, access != NULL ? &access->shared : NULL);
	shared_place_init(&s->base.config, &config->shared);
	return &s->base;
}

void
spfmilter_free(struct milter_service *service)
{
	struct spfmilter *s = service_of(service);

	shared_place_free(&s->access);
	shared_place_free(&s->base.config);
	free(s);
}

static bool
start_checker(
    struct spfmilter_config *config, struct checker *old, struct report *report)
{
	config->checker = checker_new(
	    &config->spf, config->base.conf, config->base.path, old, report);
	return config->checker != NULL;
}

bool
spfmilter_start(struct milter_service *service, struct report *report)
{
	return start_checker(
	    (struct spfmilter_config *)service->config.now, NULL, report);
}

bool
spfmilter_reload(struct milter_service *service, struct milter_config *config,
    struct report *report)
{
	struct spfmilter *s = service_of(service);
	struct shared_access *access;

	if (!load_access(config_of(config), &access, report) ||
	    !start_checker(
		config_of(config), spfmilter_config(s)->checker, report)) {
		spfmilter_access_release(access);
		milter_config_release(config);
		return false;
	}
	milter_service_replace(service, config);
	replace_access(s, access);
	if (access != NULL)
		access_warn(access->access, report);
	return true;
}

void
spfmilter_write_metrics(void *arg, struct metrics_writer *writer)
{
	struct spfmilter *s = arg;
	struct milter_config *config = milter_service_config(&s->base);

	spfmilter_metrics_write(writer, &s->metrics, &s->base);
	checker_write_metrics(config_of(config)->checker, "spfmilter", writer);
	milter_config_release(config);
}
