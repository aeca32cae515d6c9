/* SPDX-License-Identifier: ISC */
#include "common/source.h"

#include "common/foreign_conf.h"

/* No daemon reads it, and what would be said of its lines helps nobody. */
static bool
is_foreign(const char *path, struct mf_text bytes, struct report *report)
{
	enum foreign_conf kind = foreign_conf_detect(path, bytes);

	if (kind == FOREIGN_CONF_NONE)
		return false;
	report_error(report, path, 0, NULL,
	    "this is the configuration of %s; make a mailfrom.conf of it with: "
	    "mailfrom convert %s",
	    foreign_conf_software(kind), path);
	return true;
}

static bool
source_read(struct source *s, const char *path, enum source_format format,
    bool (*is_legacy)(const char *path, const struct ini *ini),
    struct report *report)
{
	struct report silent = {.say = report_ignore};
	struct mf_text bytes;
	int error;

	*s = (struct source){.is_legacy = format == SOURCE_LEGACY};
	error = file_read(path, &s->file);
	if (error != 0) {
		report_error(report, path, 0, NULL,
		    "cannot read the configuration: %s", strerror(error));
		return false;
	}
	bytes = mf_text_at(s->file.data, s->file.len);
	if (format != SOURCE_LEGACY && is_foreign(path, bytes, report))
		return false;
	if (format == SOURCE_DETECT) {
		ini_parse(&s->ini, path, bytes, INI_OURS, &silent);
		s->is_legacy = is_legacy(path, &s->ini);
		ini_free(&s->ini);
	}
	return ini_parse(&s->ini, path, bytes,
	    s->is_legacy ? INI_CONFIGPARSER : INI_OURS, report);
}

static void
source_free(struct source *s)
{
	ini_free(&s->ini);
	file_free(&s->file);
}

bool
source_load(const char *path, enum source_format format,
    bool (*is_legacy)(const char *path, const struct ini *ini),
    bool (*load)(
	void *config, const struct source *source, struct report *report),
    void *config, struct report *report)
{
	struct source source;
	bool ok = source_read(&source, path, format, is_legacy, report) &&
	    load(config, &source, report);

	source_free(&source);
	return ok;
}
