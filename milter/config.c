/* SPDX-License-Identifier: ISC */
#include "milter/config.h"

#include "common/listen.h"

void
milter_config_init(struct milter_config *c, const char *path,
    const char *section, const struct milter_settings *settings,
    void (*free)(struct shared *object))
{
	shared_init(&c->shared, free);
	c->path = path;
	c->section = section;
	c->settings = settings;
}

unsigned
milter_config_line(const struct milter_config *c, const char *key)
{
	return conf_line(c->conf, c->section, key);
}

bool
milter_config_listens(const struct milter_config *c)
{
	return !mf_text_eq(c->settings->listen, MF_TEXT("none"));
}

static bool
check_metrics(const struct milter_config *c, struct report *report)
{
	struct mf_text metrics = c->settings->metrics;
	const struct listen_options place = {.file = c->path,
	    .line = milter_config_line(c, "metrics"),
	    .key = "metrics"};

	return metrics.len == 0 || listen_check_text(metrics, &place, report);
}

static bool
build_hosts(const struct milter_config *c, const char *key,
    const struct conf_list *list, struct hosts *out, struct report *report)
{
	return hosts_build(
	    out, list, c->path, milter_config_line(c, key), key, report);
}

bool
milter_config_build(struct milter_config *c, struct report *report)
{
	const struct milter_settings *s = c->settings;
	bool ok = check_metrics(c, report);

	ok = build_hosts(c, "internal_connect", &s->internal_connect,
		 &c->internal_connect, report) &&
	    ok;
	ok = build_hosts(c, "trusted_relay", &s->trusted_relay,
		 &c->trusted_relay, report) &&
	    ok;
	if (watch_add_lists(&c->watch, c->conf))
		return ok;
	report_error(report, c->path, 0, NULL, "out of memory");
	return false;
}

void
milter_config_clear(struct milter_config *c)
{
	hosts_free(&c->internal_connect);
	hosts_free(&c->trusted_relay);
	watch_free(&c->watch);
	conf_free(c->conf);
}

void
milter_config_release(struct milter_config *c)
{
	shared_release(c != NULL ? &c->shared : NULL);
}
