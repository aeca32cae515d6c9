/* SPDX-License-Identifier: ISC */
#include "rewrite/secret_file.h"

static bool
fail(const struct secret_file *f, const char *reason)
{
	report_error(f->report, f->file, conf_line(f->conf, "srs", f->key),
	    f->key, "%s", reason);
	return false;
}

static bool
check_mode(const struct secret_file *f, mode_t mode)
{
	if ((mode & (S_IROTH | S_IWOTH)) == 0)
		return true;
	report_error(f->report, f->file, conf_line(f->conf, "srs", f->key),
	    f->key,
	    "%s is accessible to all users; fix with: chown root:mailfrom %s "
	    "&& chmod 0640 %s",
	    f->path, f->path, f->path);
	return false;
}

static bool
take_all(const struct secret_file *f, const struct secrets *secrets,
    secret_taker *take, void *arg)
{
	for (size_t i = 0; i < secrets->count; i++) {
		const char *weakness = secret_weakness(secrets->items[i]);

		if (weakness != NULL)
			return fail(f, weakness);
		if (!take(arg, secrets->items[i]))
			return false;
	}
	return true;
}

bool
secret_file_read(const struct secret_file *f, secret_taker *take, void *arg)
{
	struct secrets secrets;
	bool ok = secrets_load(f->path, f->mode, &secrets, f->report) &&
	    check_mode(f, secrets.mode) && take_all(f, &secrets, take, arg);

	secrets_free(&secrets);
	return ok;
}
