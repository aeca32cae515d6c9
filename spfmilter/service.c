/* SPDX-License-Identifier: ISC */
#include "spfmilter/service.h"

#include <pthread.h>
#include <stdlib.h>

#include "access/lint.h"
#include "common/log.h"

struct service {
	pthread_mutex_t lock; /* of the two pointers below */
	struct config *config;
	struct shared_access *access; /* NULL: none configured */
	/* The main thread's: a change that was complained of. */
	struct file_mark refused;
	bool has_refused;
	struct figures figures;
};

/* --- access file --- */

/* True with *out NULL: none is configured. */
static bool
load_access(const struct config *config, struct shared_access **out,
    struct report *report)
{
	struct shared_access *shared;

	*out = NULL;
	if (config->spfmilter.access.len == 0)
		return true;
	shared = calloc(1, sizeof(*shared));
	if (shared == NULL) {
		report_error(report, NULL, 0, "access", "out of memory");
		return false;
	}
	atomic_init(&shared->holders, 1);
	switch (access_load(
	    config->spfmilter.access, true, &shared->access, report)) {
	case ACCESS_OK:
		*out = shared;
		return true;
	case ACCESS_BUSY:
	case ACCESS_FAILED:
		break;
	}
	report_error(report, config->path,
	    conf_line(config->conf, "spfmilter", "access"), "access",
	    "\"%.*s\": cannot be used, for the reasons above",
	    (int)config->spfmilter.access.len, config->spfmilter.access.p);
	free(shared);
	return false;
}

void
service_access_release(struct shared_access *shared)
{
	if (shared == NULL || atomic_fetch_sub(&shared->holders, 1) != 1)
		return;
	access_free(shared->access);
	free(shared);
}

struct shared_access *
service_access(struct service *s)
{
	struct shared_access *shared;

	pthread_mutex_lock(&s->lock);
	shared = s->access;
	if (shared != NULL)
		atomic_fetch_add(&shared->holders, 1);
	pthread_mutex_unlock(&s->lock);
	return shared;
}

static void
replace_access(struct service *s, struct shared_access *shared)
{
	struct shared_access *old;

	pthread_mutex_lock(&s->lock);
	old = s->access;
	s->access = shared;
	pthread_mutex_unlock(&s->lock);
	service_access_release(old);
	s->has_refused = false;
}

/* Complain of a file once, not every two seconds. */
static bool
was_refused(struct service *s, const char *path)
{
	struct file_mark now = file_mark(path);
	bool same = s->has_refused && file_mark_eq(&now, &s->refused);

	s->refused = now;
	s->has_refused = true;
	return same;
}

void
service_refresh(struct service *s)
{
	struct report report = daemon_report_to_log();
	struct shared_access *fresh;
	const struct access *old;

	/* Only this thread replaces it. */
	if (s->access == NULL || !access_is_stale(s->access->access))
		return;
	old = s->access->access;
	if (s->has_refused && was_refused(s, old->path))
		return;
	fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return;
	atomic_init(&fresh->holders, 1);
	switch (access_load(
	    s->config->spfmilter.access, false, &fresh->access, &report)) {
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
		    "%s has changed and can't be used; what was read before "
		    "stays in force",
		    old->path);
		break;
	case ACCESS_BUSY: /* being written: the next time */
		break;
	}
	free(fresh);
}

void
service_warn(const struct service *s, struct report *report)
{
	if (s->access == NULL)
		return;
	access_warn(s->access->access, report);
	access_check_readable(s->access->access, report);
}

bool
service_removes_fields(const struct service *s)
{
	return s->config->spfmilter.remove_ar != REMOVE_AR_NONE;
}

bool
service_lint(const struct service *s, struct report *report)
{
	const struct access *access;

	if (s->access == NULL)
		return true;
	access = s->access->access;
	return access_lint(access->table, access->path, report) &&
	    report->errors + report->warnings == 0;
}

/* --- configuration --- */

struct service *
service_new(struct config *config, struct report *report)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s == NULL || !load_access(config, &s->access, report)) {
		config_release(config);
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	s->config = config;
	return s;
}

void
service_free(struct service *s)
{
	service_access_release(s->access);
	config_release(s->config);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static bool
start_checker(struct config *config, struct checker *old, struct report *report)
{
	config->checker =
	    checker_new(&config->spf, config->conf, config->path, old, report);
	return config->checker != NULL;
}

bool
service_start(struct service *s, struct report *report)
{
	return start_checker(s->config, NULL, report);
}

bool
service_reload(struct service *s, struct config *config, struct report *report)
{
	struct shared_access *access;
	struct config *old = s->config;

	if (!load_access(config, &access, report) ||
	    !start_checker(config, old->checker, report)) {
		service_access_release(access);
		config_release(config);
		return false;
	}
	pthread_mutex_lock(&s->lock);
	s->config = config;
	pthread_mutex_unlock(&s->lock);
	config_release(old);
	replace_access(s, access);
	if (access != NULL)
		access_warn(access->access, report);
	return true;
}

struct config *
service_config(struct service *s)
{
	struct config *config;

	pthread_mutex_lock(&s->lock);
	config = s->config;
	atomic_fetch_add(&config->holders, 1);
	pthread_mutex_unlock(&s->lock);
	return config;
}

struct figures *
service_figures(struct service *s)
{
	return &s->figures;
}

void
service_write_figures(void *arg, struct metrics_writer *writer)
{
	struct service *s = arg;
	struct config *config = service_config(s);
	struct spf_resolver_stats resolver;

	checker_stats(config->checker, &resolver);
	config_release(config);
	figures_write(writer, &s->figures, &resolver);
}
