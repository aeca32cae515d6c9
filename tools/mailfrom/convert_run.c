/* SPDX-License-Identifier: ISC */
/*
 * The part of a conversion that is the same for all software: each entry is
 * looked up in the table of rules, and what the result sets is checked by the
 * tables that the daemons use.
 */
#include "tools/mailfrom/convert.h"

#include "common/similar.h"
#include "settings/sections.h"

/* --- keys --- */

static bool
is_key(const struct conversion *c, struct mf_text key, const char *name)
{
	return c->software->folds_case ? text_eq_fold(key, mf_text_of(name))
				       : mf_text_eq(key, mf_text_of(name));
}

static const struct convert_rule *
find_rule(const struct conversion *c, struct mf_text key)
{
	const struct convert_software *s = c->software;

	for (size_t i = 0; i < s->rule_count; i++)
		if (is_key(c, key, s->rules[i].theirs))
			return &s->rules[i];
	return NULL;
}

static void
unknown_key(struct conversion *c, const struct convert_entry *e)
{
	const struct convert_software *s = c->software;
	struct similar search = similar_start(e->key);

	for (size_t i = 0; i < s->rule_count; i++)
		similar_look(&search, s->rules[i].theirs);
	report_error(c->file->report, c->file->name, e->line, NULL,
	    "\"%.*s\" is not a key of %s%s%s%s",
	    (int)text_head(e->key, 200).len, e->key.p,
	    foreign_conf_software(s->kind),
	    search.found != NULL ? "; did you mean \"" : "",
	    search.found != NULL ? search.found : "",
	    search.found != NULL ? "\"?" : "");
	convert_tell(c, e, CONVERT_CANNOT, NULL, "not a key of %s",
	    foreign_conf_software(s->kind));
}

/* The last entry of the key counts, and what adds to it. */
static const struct convert_entry *
find_later(const struct convert_entries *all, size_t from, bool folds_case)
{
	const struct convert_entry *e = &all->items[from];

	for (size_t i = from + 1; i < all->count; i++) {
		const struct convert_entry *later = &all->items[i];

		if (!later->adds &&
		    (folds_case ? text_eq_fold(later->key, e->key)
				: mf_text_eq(later->key, e->key)))
			return later;
	}
	return NULL;
}

/* Keep the entries that count; say what becomes of the others. */
static void
select_entries(struct conversion *c, const struct convert_entries *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct convert_entry *e = &all->items[i], *later;
		const struct convert_rule *rule = find_rule(c, e->key);

		later = find_later(all, i, c->software->folds_case);
		if (rule == NULL)
			unknown_key(c, e);
		else if (later != NULL && !rule->repeats)
			convert_tell(c, e, CONVERT_NOT_NEEDED, NULL,
			    "line %u sets it again", later->line);
		else
			convert_add_entry(c->file, &c->entries, *e);
	}
}

static void
apply(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool is_set = rule->ours != NULL;

	if (rule->apply != NULL) {
		rule->apply(c, rule, e);
		return;
	}
	convert_tell(c, e, rule->outcome, is_set ? rule->section : NULL, "%s",
	    rule->why != NULL ? rule->why : "");
	if (is_set)
		convert_set(c, rule->section, rule->ours, e->value, e->line);
}

/* --- the result --- */

/* As a daemon would read it; list files stay unread. */
static void
check(struct conversion *c)
{
	static const struct settings_wanted nothing = {.srs = NULL};
	struct conf_section sections[SECTION_COUNT];
	struct ini ini = {.name = c->file->name};
	struct conf *conf;

	ini.entries = arena_new(
	    c->file->arena, (c->lines.count + 1) * sizeof(*ini.entries));
	for (size_t i = 0; i < c->lines.count; i++) {
		const struct convert_line *line = &c->lines.items[i];

		if (line->key == NULL)
			continue;
		ini.entries[ini.count++] =
		    (struct ini_entry){.section = mf_text_of(line->section),
			.key = mf_text_of(line->key),
			.value = line->text,
			.line = line->line,
			.value_line = line->line};
	}
	settings_sections(&nothing, sections);
	for (int i = 0; i < SECTION_COUNT; i++)
		sections[i].used = true;
	conf_load(&conf, &ini, sections, SECTION_COUNT, c->file->report);
	conf_free(conf);
}

void
convert_run(struct conversion *c, const struct convert_file *file,
    const struct convert_software *software)
{
	struct convert_entries all = {.count = 0};

	c->file = file;
	c->software = software;
	software->parse(file, &all);
	select_entries(c, &all);
	for (size_t i = 0; i < c->entries.count; i++)
		apply(c, find_rule(c, c->entries.items[i].key),
		    &c->entries.items[i]);
	if (software->finish != NULL)
		software->finish(c);
	check(c);
}

void
convert_check_hash(const struct conversion *c)
{
	uint64_t length, min;

	if (text_uint(convert_setting(c, "srs", "hash_length"), UINT64_MAX,
		&length) &&
	    text_uint(
		convert_setting(c, "srs", "hash_min"), UINT64_MAX, &min) &&
	    min > length)
		report_error(c->file->report, c->file->name, 0, "hash_min",
		    "%llu, above hash_length: addresses with that length were "
		    "never accepted; set it to %llu or less",
		    (unsigned long long)min, (unsigned long long)length);
}

/* --- for rules --- */

void
convert_add_entry(const struct convert_file *file,
    struct convert_entries *entries, struct convert_entry entry)
{
	entry.key = arena_copy(file->arena, entry.key);
	entry.value = arena_copy(file->arena, entry.value);
	entries->items = arena_grow(
	    file->arena, entries->items, entries->count, sizeof(entry));
	entries->items[entries->count++] = entry;
}

const struct convert_entry *
convert_find(const struct conversion *c, const char *key)
{
	const struct convert_entry *found = NULL;

	for (size_t i = 0; i < c->entries.count; i++)
		if (is_key(c, c->entries.items[i].key, key))
			found = &c->entries.items[i];
	return found;
}

struct mf_text
convert_value(
    const struct conversion *c, const char *key, struct mf_text fallback)
{
	const struct convert_entry *e = convert_find(c, key);

	return e != NULL ? e->value : fallback;
}

bool
convert_next_item(
    struct mf_text *rest, const char *separators, struct mf_text *item)
{
	size_t len = 0;

	while (rest->len != 0 && strchr(separators, rest->p[0]) != NULL)
		*rest = text_from(*rest, 1);
	while (len < rest->len && strchr(separators, rest->p[len]) == NULL)
		len++;
	*item = text_head(*rest, len);
	*rest = text_from(*rest, len);
	return len != 0;
}

struct mf_text
convert_items(
    const struct conversion *c, struct mf_text value, const char *separators)
{
	struct text_out out = text_out(
	    arena_new(c->file->arena, 2 * value.len + 1), 2 * value.len + 1);
	struct mf_text item;

	while (convert_next_item(&value, separators, &item)) {
		if (out.len != 0)
			out_str(&out, ", ");
		out_text(&out, item);
	}
	return out_view(&out);
}

void
convert_rule_list(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text items = convert_items(c, e->value, ", \t\n");

	convert_tell(c, e, rule->outcome, rule->section, "%s",
	    items.len == 0          ? "it is empty"
		: rule->why != NULL ? rule->why
				    : "");
	if (items.len != 0)
		convert_set(c, rule->section, rule->ours, items, e->line);
}
