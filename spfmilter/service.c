/* SPDX-License-Identifier: ISC */
#include "spfmilter/service.h"

#include <stdlib.h>

#include "access/lint.h"
#include "access/lookup.h"
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

/*
 * Whether the access file fits the configuration.  At MAIL nobody knows the
 * signatures, and a refusal there can't be taken back.
 */
static bool
check_dkim_uses(const struct spfmilter_config *config,
    const struct access *access, struct report *report)
{
	const struct spfmilter_settings *s = &config->spfmilter;
	struct lookup_dkim_uses uses;

	if (s->reject_at != REJECT_AT_MAIL && s->dkim == DKIM_VERIFY &&
	    s->policy_listen.count == 0)
		return true;
	uses = lookup_dkim_uses(access->table);
	if (s->reject_at == REJECT_AT_MAIL && uses.unless_dkim) {
		report_error(report, config->base.path,
		    milter_config_line(&config->base, "reject_at"), "reject_at",
		    "\"mail\" can't be used with UNLESS-DKIM in %s: "
		    "signatures are known at the end of the message",
		    access->path);
		return false;
	}
	if (s->dkim == DKIM_OFF && (uses.unless_dkim || uses.dkim_pass))
		report_warning(report, config->base.path,
		    milter_config_line(&config->base, "dkim"), "dkim",
		    "off: %s in %s has no effect",
		    uses.unless_dkim ? "UNLESS-DKIM" : "dkim-pass",
		    access->path);
	else if (s->policy_listen.count != 0 && uses.unless_dkim)
		report_warning(report, config->base.path,
		    milter_config_line(&config->base, "policy_listen"),
		    "policy_listen",
		    "the policy service sees no signatures: UNLESS-DKIM in %s "
		    "has no effect there",
		    access->path);
	return true;
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
		if (!check_dkim_uses(config, shared->access, report)) {
			shared_release(&shared->shared);
			return false;
		}
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
	atomic_store(&s->access_entries,
	    shared != NULL ? access_table_count_ours(shared->access->table)
			   : 0);
	atomic_store(&s->access_verdict, ACCESS_TAKE);
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

/* fresh: what was read, or NULL.  True: it has passed to the service. */
static bool
settle_change(
    struct spfmilter *s, const struct access *old, struct shared_access *fresh)
{
	struct access_change change = {.how = ACCESS_SEEN,
	    .is_readable = fresh != NULL,
	    .old_count = access_table_count_ours(old->table)};
	struct report report = daemon_report_to_log();
	enum access_verdict verdict;

	if (fresh != NULL) {
		change.new_count =
		    access_table_count_ours(fresh->access->table);
		change.is_cut = fresh->access->is_cut;
	}
	verdict = access_decide_change(&change);
	switch (verdict) {
	case ACCESS_TAKE:
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		access_warn(fresh->access, &report);
		log_say(LEVEL_INFO, "%s has changed: %zu entries read",
		    fresh->access->path,
		    access_table_count(fresh->access->table));
		replace_access(s, fresh);
		return true;
	case ACCESS_HOLD:
		log_say(LEVEL_ERROR,
		    "%s has changed from %zu entries to %zu%s: held back; "
		    "keeping the old contents until SIGHUP confirms the change",
		    old->path, change.old_count, change.new_count,
		    change.is_cut ? " and ends within a line" : "");
		break;
	case ACCESS_REFUSE:
		log_say(LEVEL_ERROR,
		    "%s has changed but can't be used; keeping the old "
		    "contents",
		    old->path);
		break;
	}
	was_refused(s, old->path);
	atomic_store(&s->access_verdict, verdict);
	return false;
}

static void
refresh_access(
    struct spfmilter *s, const struct access *old, struct shared_access *fresh)
{
	struct report report = daemon_report_to_log();

	switch (access_load(spfmilter_config(s)->spfmilter.access, false,
	    &fresh->access, &report)) {
	case ACCESS_OK:
		if (!check_dkim_uses(
			spfmilter_config(s), fresh->access, &report)) {
			settle_change(s, old, NULL);
			shared_release(&fresh->shared);
		} else if (!settle_change(s, old, fresh))
			shared_release(&fresh->shared);
		return;
	case ACCESS_FAILED:
		settle_change(s, old, NULL);
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

	if (old == NULL || !access_is_stale(old) || !access_is_settled(old))
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
	access_check_readable(access, false, report);
}

bool
spfmilter_lint(const struct spfmilter *s, struct report *report)
{
	const struct access *access = access_of(s);
	unsigned errors = report->errors;

	if (access == NULL)
		return true;
	access_check_readable(access, true, report);
	return access_lint(access->table, access->path, report) &&
	    report->errors == errors;
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
	shared_place_init(&s->access, NULL);
	replace_access(s, access);
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

static void
warn_fixed(
    const struct spfmilter_config *old, const struct spfmilter_config *new)
{
	const struct daemon_fixed fixed = {"policy_listen",
	    conf_list_eq(
		&old->spfmilter.policy_listen, &new->spfmilter.policy_listen)};

	daemon_warn_fixed(&fixed, 1);
}

bool
spfmilter_reload(struct milter_service *service, struct milter_config *config,
    bool is_asked, struct report *report)
{
	struct spfmilter *s = service_of(service);
	struct shared_access *access = NULL;
	bool stays = !is_asked &&
	    mf_text_eq(spfmilter_config(s)->spfmilter.access,
		config_of(config)->spfmilter.access);

	if ((!stays && !load_access(config_of(config), &access, report)) ||
	    !start_checker(
		config_of(config), spfmilter_config(s)->checker, report)) {
		spfmilter_access_release(access);
		milter_config_release(config);
		return false;
	}
	warn_fixed(spfmilter_config(s), config_of(config));
	milter_service_replace(service, config);
	if (stays)
		return true;
	replace_access(s, access);
	if (access != NULL)
		access_warn(access->access, report);
	return true;
}

const char *
spfmilter_access_trouble(const struct spfmilter *s)
{
	switch ((enum access_verdict)atomic_load(&s->access_verdict)) {
	case ACCESS_TAKE:
		return NULL;
	case ACCESS_HOLD:
		return "the access file has lost most of its entries: SIGHUP "
		       "confirms the change";
	case ACCESS_REFUSE:
		return "the access file has changed and can't be used";
	}
	return NULL;
}

static void
write_access_metrics(struct spfmilter *s, struct metrics_writer *writer)
{
	int verdict = atomic_load(&s->access_verdict);

	metrics_gauge(writer, "spfmilter_access_entries",
	    "Entries of the access file in force.", NULL,
	    atomic_load(&s->access_entries));
	metrics_gauge(writer, "spfmilter_access_held_back",
	    "1: the access file has lost most of its entries and waits for "
	    "SIGHUP.",
	    NULL, verdict == ACCESS_HOLD);
	metrics_gauge(writer, "spfmilter_access_refused",
	    "1: the access file has changed and can't be used.", NULL,
	    verdict == ACCESS_REFUSE);
}

void
spfmilter_write_metrics(void *arg, struct metrics_writer *writer)
{
	struct spfmilter *s = arg;
	struct milter_config *config = milter_service_config(&s->base);

	spfmilter_metrics_write(writer, &s->metrics, &s->base);
	checker_write_metrics(config_of(config)->checker, "spfmilter", writer);
	milter_config_release(config);
	write_access_metrics(s, writer);
}
