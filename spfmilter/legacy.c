/* SPDX-License-Identifier: ISC */
#include "spfmilter/legacy.h"

#include <stdlib.h>

#include "common/legacy_conf.h"

/*
 * Where it listens if the file doesn't say; "name" and "datadir" too have
 * defaults that only matter to Python.
 */
#define PYMILTER_SOCKET MF_TEXT("/var/run/milter/spfmiltersock")
#define PYMILTER_UMASK  0177

static const struct legacy_conf_word words[] = {
    {"milter", "internal_connect", "internal_connect", "spfmilter"},
    {"milter", "trusted_relay", "trusted_relay", "spfmilter"},
    {"milter", "socketname", NULL, NULL}, {"milter", "socket", NULL, NULL},
    {"milter", "datadir", NULL, NULL}, {"milter", "name", NULL, NULL},
    {"milter", "miltername", NULL, NULL}, {"milter", "timeout", NULL, NULL},
    {"milter", "umask", NULL, NULL},
    {"milter", "untrapped_exception", NULL, NULL},
    {"spf", "trusted_forwarder", "trusted_forwarder", "spf"},
    {"spf", "best_guess", "best_guess", "spf"},
    {"spf", "delegate", "delegate", "spf"},
    /* The sample file has these two here; the code reads them nowhere. */
    {"milter", "best_guess", "best_guess", "spf"},
    {"milter", "delegate", "delegate", "spf"},
    {"spf", "access_file", NULL, NULL},
    {"spf", "access_file_nulls", NULL, NULL}, /* seen in the file itself */
    {"spf", "access_file_colon", NULL, NULL}, /* the same */
};

/* What that program does and has no keys for. */
static const struct {
	const char *key, *value;
} habits[] = {
    {"defaults", "pymilter"},
    {"reject_at", "mail"},
    {"trusted_relay_check", "none"},
    {"x_hello_spf", "yes"},
    {"bad_helo", "reject"},
};

/* Paths and the mode, as text. */
struct legacy_texts {
	char socket[256];
	char access[1024];
	char mode[8];
};

bool
legacy_is_spfmilter(const char *path, const struct ini *ini)
{
	if (legacy_conf_name_is(path, "spfmilter.cfg"))
		return true;
	if (legacy_conf_name_is(path, "mailfrom.conf"))
		return false;
	for (size_t i = 0; i < ini->count; i++)
		if (mf_text_eq(ini->entries[i].section, MF_TEXT("milter")) ||
		    mf_text_eq(ini->entries[i].key, MF_TEXT("access_file")))
			return true;
	return false;
}

static bool
fail(const struct ini_entry *entry, const char *file, const char *key,
    const char *reason, struct report *report)
{
	report_error(report, file, entry->line, key, "%s: \"%.*s\"", reason,
	    (int)text_head(entry->value, 200).len, entry->value.p);
	return false;
}

static bool
add_listen(
    struct legacy_conf *t, struct legacy_texts *store, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "milter", "socketname");

	if (entry == NULL)
		entry = legacy_conf_find(t->source, "milter", "socket");
	if (entry == NULL) {
		legacy_conf_add(t, "spfmilter", "listen", PYMILTER_SOCKET, 0);
		return true;
	}
	if (!legacy_conf_path(t->source, "milter", entry->value, store->socket,
		sizeof(store->socket)))
		return fail(
		    entry, t->source->name, "socketname", "too long", report);
	legacy_conf_add(
	    t, "spfmilter", "listen", mf_text_of(store->socket), entry->line);
	return true;
}

static bool
add_access(
    struct legacy_conf *t, struct legacy_texts *store, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "spf", "access_file");

	if (entry == NULL)
		return true;
	if (!legacy_conf_path(t->source, "milter", entry->value, store->access,
		sizeof(store->access)))
		return fail(
		    entry, t->source->name, "access_file", "too long", report);
	legacy_conf_add(
	    t, "spfmilter", "access", mf_text_of(store->access), entry->line);
	return true;
}

/* umask, in octal as Python's int(x, 8) takes it, becomes a mode. */
static bool
add_mode(
    struct legacy_conf *t, struct legacy_texts *store, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "milter", "umask");
	struct text_out to = text_out(store->mode, sizeof(store->mode) - 1);
	unsigned mask = entry == NULL ? PYMILTER_UMASK : 0;
	struct mf_text digits = entry == NULL ? MF_TEXT("") : entry->value;

	if (text_starts_fold(digits, MF_TEXT("0o")))
		digits = text_from(digits, 2);
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '7' || mask > 0777)
			return fail(entry, t->source->name, "umask",
			    "not an octal mask such as 0177", report);
		mask = mask * 8 + (unsigned)(digits.p[i] - '0');
	}
	mask = 0777 & ~mask;
	out_char(&to, (char)('0' + (mask >> 6)));
	out_char(&to, (char)('0' + (mask >> 3 & 7)));
	out_char(&to, (char)('0' + (mask & 7)));
	store->mode[to.len] = '\0';
	legacy_conf_add(t, "spfmilter", "socket_mode", mf_text_of(store->mode),
	    entry == NULL ? 0 : entry->line);
	return true;
}

/* What becomes of a message that the filter itself fails on. */
static bool
add_on_error(struct legacy_conf *t, struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, "milter", "untrapped_exception");
	struct mf_text value =
	    entry == NULL ? MF_TEXT("CONTINUE") : entry->value;

	if (text_eq_fold(value, MF_TEXT("REJECT")))
		report_warning(report, t->source->name,
		    entry == NULL ? 0 : entry->line, "untrapped_exception",
		    "REJECT would lose mail because of a local error; using "
		    "TEMPFAIL");
	else if (entry != NULL && !text_eq_fold(value, MF_TEXT("CONTINUE")) &&
	    !text_eq_fold(value, MF_TEXT("TEMPFAIL")))
		return fail(entry, t->source->name, "untrapped_exception",
		    "expected CONTINUE, TEMPFAIL or REJECT", report);
	legacy_conf_add(t, "spfmilter", "on_error",
	    text_eq_fold(value, MF_TEXT("CONTINUE")) ? MF_TEXT("accept")
						     : MF_TEXT("tempfail"),
	    entry == NULL ? 0 : entry->line);
	return true;
}

bool
legacy_spfmilter(const struct ini *source, struct ini *out, char **store,
    struct report *report)
{
	struct legacy_conf t = {.source = source,
	    .words = words,
	    .count = sizeof(words) / sizeof(words[0]),
	    .out = out};
	struct legacy_texts *texts = calloc(1, sizeof(*texts));

	*out = (struct ini){.name = source->name};
	*store = (char *)texts;
	if (texts == NULL) {
		report_error(report, source->name, 0, NULL, "out of memory");
		return false;
	}
	if (!legacy_conf_words(&t, "pymilter", report))
		return false;
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		legacy_conf_add(&t, "spfmilter", habits[i].key,
		    mf_text_of(habits[i].value), 0);
	bool ok = add_listen(&t, texts, report);
	ok = add_access(&t, texts, report) && ok;
	ok = add_mode(&t, texts, report) && ok;
	return add_on_error(&t, report) && ok;
}
