/* SPDX-License-Identifier: ISC */
/*
 * What [store] says, as a store is made from it.
 */
#include <string.h>

#include "common/file.h"
#include "store/store.h"

struct store_reader {
	const struct conf *conf;
	const char *file;
	struct report *report;
};

static void
object(const struct store_reader *r, const char *key, const char *reason,
    const char *what)
{
	report_error(r->report, r->file, conf_line(r->conf, "store", key), key,
	    "%s%s%s", reason, what != NULL ? ": " : "",
	    what != NULL ? what : "");
}

static void
read_text(const struct store_reader *r, const char *key, struct mf_text text,
    char *to, size_t size)
{
	if (text.len >= size || text_has_control(text)) {
		object(r, key, "too long, or holds control characters", NULL);
		return;
	}
	if (text.len != 0)
		memcpy(to, text.p, text.len);
}

/* Its line end isn't part of it. */
static void
read_password(
    const struct store_reader *r, struct mf_text path, char *to, size_t size)
{
	struct mf_text password;
	struct file file;
	int error;

	if (path.len == 0)
		return;
	error = file_read(path.p, &file);
	if (error != 0) {
		object(r, "password_file", path.p, strerror(error));
		return;
	}
	password = text_trim(mf_text_at(file.data, file.len));
	if ((file.stat.st_mode & (S_IROTH | S_IWOTH)) != 0)
		object(r, "password_file",
		    "accessible to all users; fix with: chmod 0640", path.p);
	else if (password.len == 0)
		object(r, "password_file", "is empty", path.p);
	else
		read_text(r, "password_file", password, to, size);
	file_free(&file);
}

static bool
is_redis(enum store_scheme scheme)
{
	return scheme != STORE_NONE && scheme != STORE_SQLITE;
}

static void
warn_useless(const struct store_reader *r, const char *key)
{
	report_warning(r->report, r->file, conf_line(r->conf, "store", key),
	    key, "has no effect on SQLite");
}

static void
check_together(const struct store_reader *r, const struct store_settings *s,
    const struct store_params *p)
{
	if (p->url.scheme == STORE_SQLITE) {
		if (s->user.len != 0)
			warn_useless(r, "user");
		if (s->password_file.len != 0)
			warn_useless(r, "password_file");
		if (s->replicas != 0)
			warn_useless(r, "replicas");
	} else if (is_redis(p->url.scheme) && s->user.len != 0 &&
	    s->password_file.len == 0)
		object(r, "user", "requires password_file", NULL);
#ifndef MAILFROM_REDIS_TLS
	if (p->url.scheme == STORE_REDIS_TLS)
		object(r, "url",
		    "rediss:// needs hiredis 1.0 or later with TLS, which this "
		    "program was built without; use redis+unix:, or a tunnel",
		    NULL);
#endif
}

bool
store_params_read(const struct store_settings *s, const struct conf *conf,
    const char *file, struct store_params *out, struct report *report)
{
	const struct store_reader r = {conf, file, report};
	unsigned errors = report->errors;
	const char *why;

	memset(out, 0, sizeof(*out));
	if (!store_url_parse(s->url, &out->url, &why)) {
		object(&r, "url", why, NULL);
		out->url.scheme = STORE_NONE;
		return false;
	}
	out->timeout_ms = (unsigned)s->timeout * 1000;
	out->replicas = (unsigned)s->replicas;
	out->max_size = s->max_size;
	out->cache_rows = s->cache_size;
	check_together(&r, s, out);
	read_text(&r, "user", s->user, out->user, sizeof(out->user));
	read_text(
	    &r, "ca_file", s->ca_file, out->ca_file, sizeof(out->ca_file));
	if (is_redis(out->url.scheme))
		read_password(
		    &r, s->password_file, out->password, sizeof(out->password));
	return report->errors == errors;
}

void
store_params_wipe(struct store_params *params)
{
	explicit_bzero(params, sizeof(*params));
}
