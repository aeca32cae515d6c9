/* SPDX-License-Identifier: ISC */
#include "rewrite/legacy.h"

#include <stdlib.h>

/* The defaults of pysrs's daemon, and of its milter where they differ. */
#define PYSRS_HASH_LENGTH    TEXT("8")
#define PYSRS_MAX_AGE        TEXT("8")
#define PYSRS_SOCKET         TEXT("/var/run/milter/pysrs")
#define PYSRS_MILTER_HASH    5
#define PYSRS_MILTER_MAX_AGE 21

struct word {
	const char *section;
	const char *theirs;
	const char *ours; /* NULL: known, and nothing to do with srsd */
	const char *our_section;
};

/*
 * Both names where pysrs's sample file and its code differ (name, miltername).
 */
static const struct word words[] = {
    {"srs", "maxage", "max_age", "srs"},
    {"srs", "hashlength", "hash_length", "srs"},
    {"srs", "separator", "separator", "srs"},
    {"srs", "socket", "listen", "srsd"},
    {"srs", "fwdomain", "fwdomain", "srs"},
    {"srs", "ses", "ses", "srs"},
    {"srs", "sign", "sign", "srs"},
    {"srs", "nosrs", "nosrs", "srs"},
    {"srs", "srs", NULL, NULL}, /* of the milter: more domains to decode */
    {"srs", "secret", NULL, NULL},
    {"srs", "secret.0", NULL, NULL},
    {"srs", "secret.1", NULL, NULL},
    {"srs", "secret.2", NULL, NULL},
    {"srs", "banned_users", NULL, NULL},
    {"srs", "database", NULL, NULL},
    {"srsmilter", "socketname", NULL, NULL},
    {"srsmilter", "socket", NULL, NULL},
    {"srsmilter", "name", NULL, NULL},
    {"srsmilter", "miltername", NULL, NULL},
    {"srsmilter", "datadir", NULL, NULL},
    {"srsmilter", "trusted_relay", NULL, NULL},
    {"srsmilter", "internal_connect", NULL, NULL},
    {"srsmilter", "miltersrs", NULL, NULL},
    {"srsmilter", "reject_spoofed", NULL, NULL},
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* Entries that no line of the file has made. */
#define ENTRIES_ADDED 8

static bool
name_is(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');

	return strcmp(base != NULL ? base + 1 : path, name) == 0;
}

bool
legacy_detect(const char *path, const struct ini *ini)
{
	static const char *const only_pysrs[] = {
	    "secret", "maxage", "hashlength", "socket"};

	if (name_is(path, "pysrs.cfg"))
		return true;
	if (name_is(path, "mailfrom.conf"))
		return false;
	for (size_t e = 0; e < ini->count; e++) {
		const struct ini_entry *entry = &ini->entries[e];

		if (!text_eq(entry->section, TEXT("srs")))
			continue;
		for (size_t i = 0; i < 4; i++)
			if (text_eq(entry->key, text_of(only_pysrs[i])))
				return true;
	}
	return false;
}

/* The last value of a key, as ConfigParser has it; [DEFAULT] serves all. */
static const struct ini_entry *
find(const struct ini *ini, const char *section, const char *key)
{
	const struct ini_entry *found = NULL, *fallback = NULL;

	for (size_t i = 0; i < ini->count; i++) {
		const struct ini_entry *entry = &ini->entries[i];

		if (!text_eq(entry->key, text_of(key)))
			continue;
		if (text_eq(entry->section, text_of(section)))
			found = entry;
		else if (text_eq(entry->section, TEXT("DEFAULT")))
			fallback = entry;
	}
	return found != NULL ? found : fallback;
}

static const struct word *
find_word(const struct ini_entry *entry)
{
	for (size_t i = 0; i < WORDS; i++)
		if (text_eq(entry->key, text_of(words[i].theirs)) &&
		    (text_eq(entry->section, text_of(words[i].section)) ||
			text_eq(entry->section, TEXT("DEFAULT"))))
			return &words[i];
	return NULL;
}

static void
warn_unknown(const struct ini *source, struct report *report)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct ini_entry *entry = &source->entries[i];

		if (find_word(entry) == NULL)
			report_warning(report, source->name, entry->line, NULL,
			    "[%.*s] %.*s: not a key of pysrs; ignored",
			    (int)entry->section.len, entry->section.p,
			    (int)entry->key.len, entry->key.p);
	}
}

static void
add(struct legacy *l, const char *section, const char *key, struct text value,
    unsigned line)
{
	l->ini.entries[l->ini.count++] =
	    (struct ini_entry){.section = text_of(section),
		.key = text_of(key),
		.value = value,
		.line = line};
}

static void
add_words(const struct ini *source, struct legacy *l)
{
	for (size_t i = 0; i < WORDS; i++) {
		const struct word *w = &words[i];
		const struct ini_entry *entry =
		    find(source, w->section, w->theirs);

		if (w->ours != NULL && entry != NULL)
			add(l, w->our_section, w->ours, entry->value,
			    entry->line);
	}
}

/* Where the file is silent, pysrs's defaults, and its milter's to verify. */
static void
add_defaults(const struct ini *source, struct legacy *l)
{
	if (find(source, "srs", "hashlength") == NULL) {
		add(l, "srs", "hash_length", PYSRS_HASH_LENGTH, 0);
		l->rewriter.accept_hash_min = PYSRS_MILTER_HASH;
	}
	if (find(source, "srs", "maxage") == NULL) {
		add(l, "srs", "max_age", PYSRS_MAX_AGE, 0);
		l->rewriter.accept_max_age = PYSRS_MILTER_MAX_AGE;
	}
	if (find(source, "srs", "socket") == NULL)
		add(l, "srsd", "listen", PYSRS_SOCKET, 0);
	add(l, "srs", "hash_alphabet", TEXT("base64"), 0);
	add(l, "srs", "always_rewrite", TEXT("yes"), 0);
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
		const struct ini_entry *entry = find(source, "srs", names[i]);

		if (entry == NULL)
			break;
		l->secrets[count++] = entry->value;
	}
	l->rewriter.secrets = l->secrets;
	l->rewriter.secret_count = count;
	if (count != 0)
		return true;
	report_error(report, source->name, 0, "secret",
	    "not set; pysrs would sign with its published default, which "
	    "anybody can forge.  Make one with: srs keygen");
	return false;
}

bool
legacy_translate(
    const struct ini *source, struct legacy *out, struct report *report)
{
	*out = (struct legacy){.ini.name = source->name};
	out->ini.entries =
	    calloc(WORDS + ENTRIES_ADDED, sizeof(*out->ini.entries));
	if (out->ini.entries == NULL) {
		report_error(report, source->name, 0, NULL, "out of memory");
		return false;
	}
	warn_unknown(source, report);
	add_words(source, out);
	add_defaults(source, out);
	return add_secrets(source, out, report);
}

void
legacy_free(struct legacy *legacy)
{
	ini_free(&legacy->ini);
	free(legacy->secrets);
	legacy->secrets = NULL;
}
