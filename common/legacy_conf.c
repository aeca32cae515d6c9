/* SPDX-License-Identifier: ISC */
#include "common/legacy_conf.h"

#include <stdlib.h>

bool
legacy_conf_name_is(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');

	return strcmp(base != NULL ? base + 1 : path, name) == 0;
}

const struct ini_entry *
legacy_conf_find(const struct ini *ini, const char *section, const char *key)
{
	const struct ini_entry *found = NULL, *fallback = NULL;

	for (size_t i = 0; i < ini->count; i++) {
		const struct ini_entry *entry = &ini->entries[i];

		if (!mf_text_eq(entry->key, mf_text_of(key)))
			continue;
		if (mf_text_eq(entry->section, mf_text_of(section)))
			found = entry;
		else if (mf_text_eq(entry->section, MF_TEXT("DEFAULT")))
			fallback = entry;
	}
	return found != NULL ? found : fallback;
}

static bool
is_known(const struct legacy_conf *t, const struct ini_entry *entry)
{
	for (size_t i = 0; i < t->count; i++)
		if (mf_text_eq(entry->key, mf_text_of(t->words[i].theirs)) &&
		    (mf_text_eq(
			 entry->section, mf_text_of(t->words[i].section)) ||
			mf_text_eq(entry->section, MF_TEXT("DEFAULT"))))
			return true;
	return false;
}

static void
warn_unknown(
    const struct legacy_conf *t, const char *program, struct report *report)
{
	for (size_t i = 0; i < t->source->count; i++) {
		const struct ini_entry *entry = &t->source->entries[i];

		if (!is_known(t, entry))
			report_warning(report, t->source->name, entry->line,
			    NULL, "[%.*s] %.*s: unknown %s key; ignored",
			    (int)entry->section.len, entry->section.p,
			    (int)entry->key.len, entry->key.p, program);
	}
}

void
legacy_conf_add(struct legacy_conf *t, const char *section, const char *key,
    struct mf_text value, unsigned line)
{
	t->out->entries[t->out->count++] =
	    (struct ini_entry){.section = mf_text_of(section),
		.key = mf_text_of(key),
		.value = value,
		.line = line,
		.value_line = line};
}

/* The entry that an earlier word has made of another of their names. */
static const struct ini_entry *
find_made(const struct legacy_conf *t, const struct legacy_conf_word *w)
{
	for (size_t i = 0; i < t->out->count; i++) {
		const struct ini_entry *made = &t->out->entries[i];

		if (mf_text_eq(made->key, mf_text_of(w->ours)) &&
		    mf_text_eq(made->section, mf_text_of(w->our_section)))
			return made;
	}
	return NULL;
}

static void
translate_word(struct legacy_conf *t, const struct legacy_conf_word *w,
    struct report *report)
{
	const struct ini_entry *entry =
	    legacy_conf_find(t->source, w->section, w->theirs);
	const struct ini_entry *made;

	if (w->ours == NULL || entry == NULL)
		return;
	made = find_made(t, w);
	if (made == NULL)
		legacy_conf_add(
		    t, w->our_section, w->ours, entry->value, entry->line);
	else if (made->line != entry->line)
		report_warning(report, t->source->name, entry->line, NULL,
		    "[%s] %s: already set in line %u; ignored", w->section,
		    w->theirs, made->line);
}

bool
legacy_conf_words(
    struct legacy_conf *t, const char *program, struct report *report)
{
	*t->out = (struct ini){.name = t->source->name, .is_foreign = true};
	t->out->entries =
	    calloc(t->count + LEGACY_CONF_ADDED, sizeof(*t->out->entries));
	if (t->out->entries == NULL) {
		report_error(report, t->source->name, 0, NULL, "out of memory");
		return false;
	}
	warn_unknown(t, program, report);
	for (size_t i = 0; i < t->count; i++)
		translate_word(t, &t->words[i], report);
	return true;
}

bool
legacy_conf_path(const struct ini *source, const char *section,
    struct mf_text value, char *out, size_t size)
{
	const struct ini_entry *datadir =
	    legacy_conf_find(source, section, "datadir");
	struct text_out to = text_out(out, size - 1);

	if (datadir != NULL && value.len != 0 && value.p[0] != '/' &&
	    text_find(value, ':') == value.len) {
		out_text(&to, datadir->value);
		out_char(&to, '/');
	}
	out_text(&to, value);
	out[to.len] = '\0';
	return !to.full;
}
