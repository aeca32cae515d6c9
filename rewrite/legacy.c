/* SPDX-License-Identifier: ISC */
#include "rewrite/legacy.h"

#include <stdlib.h>

#include "common/conf.h"
#include "common/legacy_conf.h"

/* The defaults of pysrs's daemon, and of its milter where they differ. */
#define PYSRS_HASH_LENGTH    MF_TEXT("8")
#define PYSRS_MAX_AGE        MF_TEXT("8")
#define PYSRS_SOCKET         MF_TEXT("/var/run/milter/pysrs")
#define PYSRS_MILTER_SOCKET  MF_TEXT("/var/run/milter/srsmilter")
#define PYSRS_MILTER_HASH    5
#define PYSRS_MILTER_MAX_AGE 21

/*
 * Both names where pysrs's sample file and its code differ (name, miltername).
 */
static const struct legacy_conf_word words[] = {
    {"srs", "maxage", "max_age", "srs"},
    {"srs", "hashlength", "hash_length", "srs"},
    {"srs", "separator", "separator", "srs"},
    {"srs", "socket", "listen", "srsd"},
    {"srs", "fwdomain", "fwdomain", "srs"},
    {"srs", "ses", "ses", "srs"},
    {"srs", "sign", "sign", "srs"},
    {"srs", "nosrs", "nosrs", "srs"},
    {"srs", "srs", "srs_domains", "srs"},
    {"srs", "secret", NULL, NULL},
    {"srs", "secret.0", NULL, NULL},
    {"srs", "secret.1", NULL, NULL},
    {"srs", "secret.2", NULL, NULL},
    {"srs", "banned_users", "banned_users", "srsmilter"},
    {"srs", "database", NULL, NULL},
    {"srs", "trusted_forwarder", NULL, NULL}, /* read there, and not used */
    {"srsmilter", "socketname", NULL, NULL},
    {"srsmilter", "socket", NULL, NULL},
    {"srsmilter", "name", NULL, NULL},
    {"srsmilter", "miltername", NULL, NULL},
    {"srsmilter", "datadir", NULL, NULL},
    {"srsmilter", "trusted_relay", "trusted_relay", "srsmilter"},
    {"srsmilter", "internal_connect", "internal_connect", "srsmilter"},
    {"srsmilter", "miltersrs", NULL, NULL},
    {"srsmilter", "reject_spoofed", "reject_spoofed", "srsmilter"},
};

/* Room for the socket's path; what the system takes is shorter. */
#define SOCKET_SIZE 256

bool
legacy_detect(const char *path, const struct ini *ini)
{
	static const char *const only_pysrs[] = {
	    "secret", "maxage", "hashlength", "socket"};

	if (legacy_conf_name_is(path, "pysrs.cfg"))
		return true;
	if (legacy_conf_name_is(path, "mailfrom.conf"))
		return false;
	for (size_t e = 0; e < ini->count; e++) {
		const struct ini_entry *entry = &ini->entries[e];

		if (!mf_text_eq(entry->section, MF_TEXT("srs")))
			continue;
		for (size_t i = 0; i < 4; i++)
			if (mf_text_eq(entry->key, mf_text_of(only_pysrs[i])))
				return true;
	}
	return false;
}

/* Where the file is silent, pysrs's defaults, and its milter's to verify. */
static void
add_defaults(struct legacy_conf *t, struct legacy *l)
{
	const struct ini *source = t->source;

	if (legacy_conf_find(source, "srs", "hashlength") == NULL) {
		legacy_conf_add(t, "srs", "hash_length", PYSRS_HASH_LENGTH, 0);
		l->rewriter.accept_hash_min = PYSRS_MILTER_HASH;
	}
	if (legacy_conf_find(source, "srs", "maxage") == NULL) {
		legacy_conf_add(t, "srs", "max_age", PYSRS_MAX_AGE, 0);
		l->rewriter.accept_max_age = PYSRS_MILTER_MAX_AGE;
	}
	if (legacy_conf_find(source, "srs", "socket") == NULL)
		legacy_conf_add(t, "srsd", "listen", PYSRS_SOCKET, 0);
	legacy_conf_add(t, "srs", "hash_alphabet", MF_TEXT("base64"), 0);
	legacy_conf_add(t, "srs", "always_rewrite", MF_TEXT("yes"), 0);
}

static bool
fail(const struct legacy_conf *t, const struct ini_entry *entry,
    const char *reason, struct report *report)
{
	report_error(report, t->source->name, entry->line, NULL,
	    "%.*s: %s: \"%.*s\"", (int)entry->key.len, entry->key.p, reason,
	    (int)text_head(entry->value, 200).len, entry->value.p);
	return false;
}

static bool
add_milter_socket(
    struct legacy_conf *t, struct legacy *l, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "srsmilter", "socketname");

	if (entry == NULL)
		entry = legacy_conf_find(t->source, "srsmilter", "socket");
	if (entry == NULL) {
		legacy_conf_add(
		    t, "srsmilter", "listen", PYSRS_MILTER_SOCKET, 0);
		return true;
	}
	if (!legacy_conf_path(
		t->source, "srsmilter", entry->value, l->store, SOCKET_SIZE))
		return fail(t, entry, "too long", report);
	legacy_conf_add(
	    t, "srsmilter", "listen", mf_text_of(l->store), entry->line);
	return true;
}

/* All mail is rewritten there, or none: then the ruleset does it. */
static bool
add_rewrite(struct legacy_conf *t, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "srsmilter", "miltersrs");
	bool rewrites = false;

	if (entry != NULL && !conf_bool(entry->value, &rewrites))
		return fail(t, entry, "expected true or false", report);
	legacy_conf_add(t, "srsmilter", "rewrite",
	    rewrites ? MF_TEXT("all") : MF_TEXT("none"),
	    entry != NULL ? entry->line : 0);
	return true;
}

/* What is the milter's. */
static bool
add_milter(struct legacy_conf *t, struct legacy *l, struct report *report)
{
	l->store = malloc(SOCKET_SIZE);
	if (l->store == NULL) {
		report_error(report, t->source->name, 0, NULL, "out of memory");
		return false;
	}
	/* There the ruleset reverses whatever is signed. */
	legacy_conf_add(t, "srsmilter", "reverse", MF_TEXT("all"), 0);
	bool ok = add_rewrite(t, report);
	return add_milter_socket(t, l, report) && ok;
}

/* pysrs stops at the first number that is missing. */
static bool
add_secrets(const struct ini *source, struct legacy *l, struct report *report)
{
	static const char *const names[] = {
	    "secret", "secret.0", "secret.1", "secret.2"};
	size_t count = 0;

	l->secrets = calloc(4, sizeof(*l->secrets));
	if (l->secrets == NULL) {
		report_error(report, source->name, 0, NULL, "out of memory");
		return false;
	}
	for (size_t i = 0; i < 4; i++) {
		const struct ini_entry *entry =
		    legacy_conf_find(source, "srs", names[i]);

		if (entry == NULL)
			break;
		l->secrets[count++] = entry->value;
	}
	l->rewriter.secrets = l->secrets;
	l->rewriter.secret_count = count;
	if (count != 0)
		return true;
	report_error(report, source->name, 0, "secret",
	    "not set; pysrs's default is public, so its signatures can be "
	    "forged; create a secret with: srs keygen");
	return false;
}

/* Keys that do nothing here and may be thought to. */
static void
warn_of_ignored(const struct ini *source, struct report *report)
{
	static const struct {
		const char *key, *why;
	} ignored[] = {
	    {"database",
		"ignored, as by pysrs's daemon; addresses that pysrs's milter "
		"has put into a database can't be reversed"},
	    {"trusted_forwarder",
		"ignored, as by pysrs; spfmilter has such a key in [spf]"},
	};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		const struct ini_entry *entry =
		    legacy_conf_find(source, "srs", ignored[i].key);

		if (entry != NULL && entry->value.len != 0)
			report_warning(report, source->name, entry->line,
			    ignored[i].key, "%s", ignored[i].why);
	}
}

bool
legacy_translate(
    const struct ini *source, struct legacy *out, struct report *report)
{
	struct legacy_conf t = {.source = source,
	    .words = words,
	    .count = sizeof(words) / sizeof(words[0]),
	    .out = &out->ini};

	*out = (struct legacy){.secrets = NULL};
	if (!legacy_conf_words(&t, "pysrs", report))
		return false;
	warn_of_ignored(source, report);
	add_defaults(&t, out);
	bool ok = add_milter(&t, out, report);
	return add_secrets(source, out, report) && ok;
}

static bool
watch_secret(
    const struct source *source, struct watch *watch, struct report *report)
{
	const struct file *file = &source->file;
	const char *path = source->ini.name;

	if ((file->stat.st_mode & (S_IROTH | S_IWOTH)) != 0)
		report_warning(report, path, 0, "secret",
		    "the secret is accessible to all users; fix with: chown "
		    "root:mailfrom %s && chmod 0640 %s",
		    path, path);
	if (watch_add_read(watch, path, file))
		return true;
	report_error(report, path, 0, NULL, "out of memory");
	return false;
}

bool
legacy_source(const struct source *source, struct watch *watch,
    bool (*load)(void *config, const struct ini *ini,
	const struct rewriter_legacy *legacy, struct report *report),
    void *config, struct report *report)
{
	struct legacy legacy;
	bool ok;

	if (!source->is_legacy)
		return load(config, &source->ini, NULL, report);
	if (!watch_secret(source, watch, report))
		return false;
	ok = legacy_translate(&source->ini, &legacy, report);
	/* All that is wrong is said at once. */
	ok = legacy.ini.entries != NULL &&
	    load(config, &legacy.ini, &legacy.rewriter, report) && ok;
	legacy_free(&legacy);
	return ok;
}

void
legacy_free(struct legacy *legacy)
{
	ini_free(&legacy->ini);
	free(legacy->secrets);
	free(legacy->store);
	legacy->secrets = NULL;
	legacy->store = NULL;
}
