/* SPDX-License-Identifier: ISC */
/*
 * Making and ending a checker.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "spfcheck/audit.h"
#include "spfcheck/checker_.h"

/* Where complaints go, and what they are about. */
struct checker_builder {
	struct checker *checker;
	const struct conf *conf;
	const char *file;
	struct report *report;
};

static void
fail(const struct checker_builder *m, const char *key, const char *what,
    const char *why)
{
	report_error(m->report, m->file,
	    key != NULL ? conf_line(m->conf, "spf", key) : 0, key, "%s%s%s",
	    what, what[0] != '\0' ? ": " : "", why);
}

static void
checker_free(struct checker *c)
{
	/* Its thread uses all the rest. */
	spf_resolver_free(c->resolver);
	spf_engine_free(c->engine);
	spf_record_free(c->best_guess);
	records_free(&c->records);
	free(c->settings);
	free(c);
}

/* --- what starts nothing --- */

#define INSTALLED_HELPER MAILFROM_LIBEXECDIR "/spf-libspf2"

/*
 * The helper that is configured, the one that is installed, or else the one
 * beside this program, as in a directory where both were just built.  store may
 * be what is returned.
 */
static const char *
helper_path(const struct check_settings *s, char store[static PATH_MAX])
{
	ssize_t len;
	struct text_out out;

	if (s->helper.len != 0)
		return s->helper.p;
	if (access(INSTALLED_HELPER, X_OK) == 0)
		return INSTALLED_HELPER;
	len = readlink("/proc/self/exe", store, PATH_MAX - 1);
	if (len <= 0)
		return INSTALLED_HELPER;
	out = text_out(store, PATH_MAX - 1);
	out.len = text_rfind(mf_text_at(store, (size_t)len), '/');
	out_str(&out, "/spf-libspf2");
	store[out.len] = '\0';
	return !out.full && access(store, X_OK) == 0 ? store : INSTALLED_HELPER;
}

static bool
check_helper(const struct checker_builder *m)
{
	const struct check_settings *s = m->checker->settings;
	char store[PATH_MAX];
	const char *helper = helper_path(s, store);

	if (s->engine == SPF_ENGINE_NATIVE || access(helper, X_OK) == 0)
		return true;
	fail(m, "helper", helper, strerror(errno));
	return false;
}

/* A checker that has everything but engine and resolver. */
static struct checker *
prepare(struct checker_builder *m, const struct check_settings *settings)
{
	struct checker *c = calloc(1, sizeof(*c));
	struct mf_text path;

	m->checker = c;
	if (c != NULL)
		c->settings = check_settings_copy(settings);
	if (c == NULL || c->settings == NULL) {
		fail(m, NULL, "", "out of memory");
		free(c);
		return NULL;
	}
	atomic_init(&c->holders, 1);
	path = c->settings->record_file;
	bool ok =
	    check_settings_sound(c->settings, m->conf, m->file, m->report);
	ok = (path.len == 0 || records_read(path.p, &c->records, m->report)) &&
	    ok;
	if (check_helper(m) && ok)
		return c;
	checker_free(c);
	return NULL;
}

bool
check_settings_ok(const struct check_settings *settings,
    const struct conf *conf, const char *file, struct report *report)
{
	struct checker_builder m = {
	    .conf = conf, .file = file, .report = report};
	struct checker *c = prepare(&m, settings);

	if (c == NULL)
		return false;
	checker_free(c);
	return true;
}

/* --- engine and resolver --- */

static enum spf_status
evaluate(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out)
{
	return spf_engine_evaluate(arg, request, source, out, NULL);
}

static bool
make_engine(const struct checker_builder *m)
{
	struct checker *c = m->checker;
	const struct check_settings *s = c->settings;
	struct spf_engine_params params = SPF_ENGINE_PARAMS_DEFAULT;
	enum spf_engine_status status;
	char store[PATH_MAX];

	if (s->engine == SPF_ENGINE_NATIVE)
		return true;
	params.engine = (enum spf_engine)s->engine;
	params.helper = helper_path(s, store);
	/* Only the resolver's thread evaluates. */
	params.helpers = 1;
	params.timeout_ms = s->engine == SPF_ENGINE_AUDIT ? CHECKER_AUDIT_MS
							  : CHECKER_LIBSPF2_MS;
	params.audited = audit_log;
	errno = 0;
	status = spf_engine_new(&params, &c->engine);
	if (status == SPF_ENGINE_OK)
		return true;
	fail(m, "helper", params.helper,
	    status == SPF_ENGINE_NO_HELPER && errno != 0
		? strerror(errno)
		: spf_engine_status_text(status));
	return false;
}

/* The list as the resolver wants it, for free(); NULL: out of memory. */
static char *
join(const struct conf_list *list)
{
	size_t size = 1;
	char *joined;

	for (size_t i = 0; i < list->count; i++)
		size += list->items[i].len + 1;
	joined = malloc(size);
	if (joined == NULL)
		return NULL;
	struct text_out out = text_out(joined, size - 1);
	for (size_t i = 0; i < list->count; i++) {
		if (i != 0)
			out_char(&out, ',');
		out_text(&out, list->items[i]);
	}
	joined[out.len] = '\0';
	return joined;
}

static bool
add_records(const struct checker_builder *m)
{
	struct checker *c = m->checker;

	for (size_t i = 0; i < c->records.count; i++) {
		const struct record_line *l = &c->records.lines[i];

		if (spf_resolver_override(c->resolver, l->domain, l->record) !=
		    SPF_RESOLVER_OK)
			return false;
	}
	return true;
}

static bool
make_resolver(const struct checker_builder *m)
{
	struct checker *c = m->checker;
	const struct check_settings *s = c->settings;
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	enum spf_resolver_status status = SPF_RESOLVER_NO_MEMORY;
	char *servers = join(&s->nameservers);

	params.nameservers = s->nameservers.count != 0 ? servers : NULL;
	params.timeout_ms = (unsigned)s->timeout * 1000;
	params.cache_size = (size_t)s->cache_size;
	params.prefetch = s->prefetch;
	if (c->engine != NULL) {
		params.evaluate = evaluate;
		params.evaluate_arg = c->engine;
	}
	if (servers != NULL)
		status = spf_resolver_new(&params, &c->resolver);
	int why = errno;
	free(servers);
	if (status == SPF_RESOLVER_OK && !add_records(m))
		status = SPF_RESOLVER_NO_MEMORY;
	if (status == SPF_RESOLVER_OK)
		return true;
	fail(m, NULL, spf_resolver_status_text(status),
	    status == SPF_RESOLVER_SYSTEM ? strerror(why)
					  : "SPF checks are not possible");
	return false;
}

static bool
make_best_guess(const struct checker_builder *m)
{
	struct checker *c = m->checker;

	if (c->settings->best_guess.len == 0)
		return true;
	c->best_guess = spf_record_compile(c->settings->best_guess);
	if (c->best_guess == NULL)
		fail(m, NULL, "", "out of memory");
	return c->best_guess != NULL;
}

static bool
is_same(const struct checker *a, const struct checker *b)
{
	return check_settings_eq(a->settings, b->settings) &&
	    mf_text_eq(mf_text_at(a->records.file.data, a->records.file.len),
		mf_text_at(b->records.file.data, b->records.file.len));
}

struct checker *
checker_new(const struct check_settings *settings, const struct conf *conf,
    const char *file, struct checker *old, struct report *report)
{
	struct checker_builder m = {
	    .conf = conf, .file = file, .report = report};
	struct checker *c = prepare(&m, settings);

	if (c == NULL)
		return NULL;
	if (old != NULL && is_same(c, old)) {
		checker_free(c);
		return checker_hold(old);
	}
	if (make_best_guess(&m) && make_engine(&m) && make_resolver(&m))
		return c;
	checker_free(c);
	return NULL;
}

struct checker *
checker_hold(struct checker *c)
{
	atomic_fetch_add(&c->holders, 1);
	return c;
}

void
checker_release(struct checker *c)
{
	if (c != NULL && atomic_fetch_sub(&c->holders, 1) == 1)
		checker_free(c);
}

/* --- what is in it --- */

unsigned
checker_timeout_ms(const struct checker *c)
{
	return (unsigned)c->settings->timeout * 1000;
}

const struct conf_list *
checker_forwarders(const struct checker *c)
{
	return &c->settings->trusted_forwarder;
}

void
checker_stats(struct checker *c, struct spf_resolver_stats *resolver)
{
	spf_resolver_stats(c->resolver, resolver);
}

bool
checker_engine_stats(struct checker *c, struct spf_engine_stats *engine)
{
	*engine = (struct spf_engine_stats){.helper_starts = 0};
	if (c->engine != NULL)
		spf_engine_stats(c->engine, engine);
	return c->engine != NULL;
}
