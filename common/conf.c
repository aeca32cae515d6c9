/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "common/array.h"
#include "common/conf_.h"
#include "common/similar.h"

void *
conf_alloc_(struct conf *conf, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->next = conf->blocks;
	block->size = size;
	conf->blocks = block;
	return block->data;
}

const char *
conf_copy_(struct conf *conf, struct mf_text t)
{
	char *copy = conf_alloc_(conf, t.len + 1);

	if (copy != NULL && t.len != 0)
		memcpy(copy, t.p, t.len);
	return copy;
}

static struct conf_place *
find_place(const struct conf *conf, const char *section, const char *key)
{
	for (size_t i = 0; i < conf->origin_count; i++)
		if (strcmp(conf->origins[i].section, section) == 0 &&
		    strcmp(conf->origins[i].key->name, key) == 0)
			return &conf->origins[i];
	return NULL;
}

void
conf_mark_wrong_(const struct setting *s)
{
	struct conf_place *place =
	    find_place(s->conf, s->section->name, s->key->name);

	if (place != NULL)
		place->is_wrong = true;
}

void
conf_complain_(const struct setting *s, const char *reason, struct mf_text what)
{
	void (*say)(struct report *, const char *, unsigned, const char *,
	    const char *, ...) =
	    s->section->used ? report_error : report_warning;

	conf_mark_wrong_(s);
	say(s->report, s->ini->name, s->line, s->key->name, "%s: \"%.*s\"",
	    reason, (int)text_head(what, 200).len, what.p);
}

void
conf_complain_memory_(const struct setting *s)
{
	report_error(
	    s->report, s->ini->name, s->line, s->key->name, "out of memory");
}

void *
conf_member_(const struct setting *s)
{
	if (s->section->values == NULL)
		return &s->conf->unwanted;
	return (char *)s->section->values + s->key->offset;
}

/* --- one value of each type --- */

bool
conf_bool(struct mf_text word, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < 4; i++) {
		if (text_eq_fold(word, mf_text_of(yes[i])) ||
		    text_eq_fold(word, mf_text_of(no[i]))) {
			*out = text_eq_fold(word, mf_text_of(yes[i]));
			return true;
		}
	}
	return false;
}

static void
set_bool(const struct setting *s, struct mf_text value)
{
	if (!conf_bool(value, conf_member_(s)))
		conf_complain_(s, "neither yes nor no", value);
}

static void
set_uint(const struct setting *s, struct mf_text value)
{
	char reason[80];
	uint64_t n;

	if (text_uint(value, UINT64_MAX, &n) && n >= s->key->min &&
	    n <= s->key->max) {
		*(uint64_t *)conf_member_(s) = n;
		return;
	}
	snprintf(reason, sizeof(reason), "not a number from %llu to %llu",
	    (unsigned long long)s->key->min, (unsigned long long)s->key->max);
	conf_complain_(s, reason, value);
}

static void
set_octal(const struct setting *s, struct mf_text value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '7' || i == 8) {
			n = UINT64_MAX;
			break;
		}
		n = n * 8 + (uint64_t)(value.p[i] - '0');
	}
	if (value.len == 0 || n > s->key->max)
		conf_complain_(s, "not an octal mode such as 0660", value);
	else
		*(uint64_t *)conf_member_(s) = n;
}

static void
set_choice(const struct setting *s, struct mf_text value)
{
	char reason[160];
	struct text_out out = text_out(reason, sizeof(reason) - 1);

	out_str(&out, "not one of");
	for (unsigned i = 0; s->key->choices[i] != NULL; i++) {
		if (text_eq_fold(value, mf_text_of(s->key->choices[i]))) {
			*(unsigned *)conf_member_(s) = i;
			return;
		}
		out_str(&out, i == 0 ? " " : ", ");
		out_str(&out, s->key->choices[i]);
	}
	reason[out.len] = '\0';
	conf_complain_(s, reason, value);
}

static void
set_text(const struct setting *s, struct mf_text value)
{
	const char *copy;

	if (s->key->items != NULL && value.len != 0) {
		conf_keep_item_(
		    s, s->ini->name, s->value_line, value, conf_member_(s));
		return;
	}
	copy = conf_copy_(s->conf, value);
	if (copy == NULL)
		conf_complain_memory_(s);
	else
		*(struct mf_text *)conf_member_(s) =
		    mf_text_at(copy, value.len);
}

static void
set(const struct setting *s, struct mf_text value)
{
	switch (s->key->type) {
	case CONF_BOOL:
		set_bool(s, value);
		break;
	case CONF_UINT:
		set_uint(s, value);
		break;
	case CONF_OCTAL:
		set_octal(s, value);
		break;
	case CONF_CHOICE:
		set_choice(s, value);
		break;
	case CONF_TEXT:
		set_text(s, value);
		break;
	case CONF_LIST:
		conf_set_list_(s, value);
		break;
	}
}

/* --- the whole --- */

static void
set_defaults(struct conf *conf, const struct ini *ini,
    const struct conf_section *section, struct report *report)
{
	for (size_t i = 0; i < section->count; i++) {
		const struct conf_key *key = &section->keys[i];
		struct setting s = {.conf = conf,
		    .ini = ini,
		    .section = section,
		    .key = key,
		    .report = report};

		if (key->initial != NULL)
			set(&s, mf_text_of(key->initial));
	}
}

static bool
remember_origin(struct conf *conf, struct conf_place origin)
{
	struct conf_place *origins = array_grow(conf->origins,
	    conf->origin_count, &conf->origin_room, sizeof(*origins));

	if (origins == NULL)
		return false;
	conf->origins = origins;
	conf->origins[conf->origin_count++] = origin;
	return true;
}

static const struct conf_key *
find_key(const struct conf_section *section, struct mf_text name)
{
	for (size_t i = 0; i < section->count; i++)
		if (mf_text_eq(mf_text_of(section->keys[i].name), name))
			return &section->keys[i];
	return NULL;
}

/* There is no key to name but the one that was given. */
static void
unknown_key(const struct setting *s, struct mf_text name)
{
	const struct conf_section *section = s->section;
	struct similar search = similar_start(name);

	for (size_t i = 0; i < section->count; i++)
		similar_look(&search, section->keys[i].name);
	(section->used ? report_error : report_warning)(s->report, s->ini->name,
	    s->line, section->name,
	    "unknown key in this section: \"%.*s\"%s%s%s",
	    (int)text_head(name, 200).len, name.p,
	    search.found != NULL ? "; did you mean \"" : "",
	    search.found != NULL ? search.found : "",
	    search.found != NULL ? "\"?" : "");
}

/*
 * Nobody's section, or a misspelt one: an error if it would be one that this
 * program uses, as that has its defaults then.
 */
static void
unknown_section(const struct ini *ini, const struct ini_entry *entry,
    const struct conf_section *sections, size_t count, struct report *report)
{
	struct mf_text name = entry->section;
	struct similar search = similar_start(name);
	bool is_ours = false;

	for (size_t i = 0; i < count; i++)
		similar_look(&search, sections[i].name);
	for (size_t i = 0; i < count; i++)
		if (sections[i].name == search.found)
			is_ours = sections[i].used;
	(is_ours ? report_error : report_warning)(report, ini->name,
	    entry->line, NULL, "unknown section [%.*s]; %s%s%s",
	    (int)text_head(name, 200).len, name.p,
	    search.found != NULL ? "did you mean [" : "ignored",
	    search.found != NULL ? search.found : "",
	    search.found != NULL ? "]?" : "");
}

static void
load_entry(struct conf *conf, const struct ini *ini,
    const struct ini_entry *entry, const struct conf_section *section,
    struct report *report)
{
	const struct conf_key *key = find_key(section, entry->key);
	struct setting s = {.conf = conf,
	    .ini = ini,
	    .section = section,
	    .key = key,
	    .line = entry->line,
	    .value_line = entry->value_line,
	    .report = report};
	const struct conf_place *before;

	if (key == NULL) {
		unknown_key(&s, entry->key);
		return;
	}
	before = find_place(conf, section->name, key->name);
	if (before != NULL) {
		char reason[64];

		snprintf(reason, sizeof(reason), "already set in line %u",
		    before->line);
		conf_complain_(&s, reason, entry->value);
		return;
	}
	if (!remember_origin(
		conf, (struct conf_place){section->name, key, s.line, false}))
		conf_complain_memory_(&s);
	set(&s, entry->value);
}

static const struct conf_section *
find_section(
    const struct conf_section *sections, size_t count, struct mf_text name)
{
	for (size_t i = 0; i < count; i++)
		if (mf_text_eq(mf_text_of(sections[i].name), name))
			return &sections[i];
	return NULL;
}

bool
conf_load(struct conf **out, const struct ini *ini,
    const struct conf_section *sections, size_t count, struct report *report)
{
	unsigned errors = report->errors;
	struct conf *conf = calloc(1, sizeof(*conf));

	*out = conf;
	if (conf == NULL) {
		report_error(report, ini->name, 0, NULL, "out of memory");
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (sections[i].values != NULL)
			set_defaults(conf, ini, &sections[i], report);
	for (size_t e = 0; e < ini->count; e++) {
		const struct ini_entry *entry = &ini->entries[e];
		const struct conf_section *section =
		    find_section(sections, count, entry->section);

		if (section != NULL)
			load_entry(conf, ini, entry, section, report);
		else if (e == 0 ||
		    !mf_text_eq(entry->section, entry[-1].section))
			unknown_section(ini, entry, sections, count, report);
	}
	return report->errors == errors;
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	while (conf->blocks != NULL) {
		struct block *block = conf->blocks;

		conf->blocks = block->next;
		explicit_bzero(block->data, block->size);
		free(block);
	}
	free(conf->origins);
	free(conf->files);
	free(conf);
}

unsigned
conf_line(const struct conf *conf, const char *section, const char *key)
{
	const struct conf_place *place = find_place(conf, section, key);

	return place != NULL ? place->line : 0;
}

bool
conf_is_wrong(const struct conf *conf, const char *section, const char *key)
{
	const struct conf_place *place = find_place(conf, section, key);

	return place != NULL && place->is_wrong;
}

bool
conf_has_section(const struct conf *conf, const char *section)
{
	for (size_t i = 0; i < conf->origin_count; i++)
		if (strcmp(conf->origins[i].section, section) == 0)
			return true;
	return false;
}

const struct conf_file *
conf_file(const struct conf *conf, size_t n)
{
	return n < conf->file_count ? &conf->files[n] : NULL;
}

static void
print_key(FILE *to, const struct conf_key *key)
{
	fprintf(to, "# %s", key->help);
	if (key->type == CONF_UINT)
		fprintf(to, "; %llu to %llu%s%s", (unsigned long long)key->min,
		    (unsigned long long)key->max, key->unit != NULL ? " " : "",
		    key->unit != NULL ? key->unit : "");
	if (key->type == CONF_CHOICE) {
		fprintf(to, ";");
		for (size_t i = 0; key->choices[i] != NULL; i++)
			fprintf(
			    to, "%s %s", i == 0 ? "" : " |", key->choices[i]);
	}
	if (key->type == CONF_BOOL)
		fprintf(to, "; yes | no");
	fprintf(to, "\n#%s = %s\n", key->name,
	    key->initial != NULL      ? key->initial
		: key->sample != NULL ? key->sample
				      : "");
}

void
conf_print(FILE *to, const struct conf_section *sections, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(to, "%s[%s]\n# %s\n", i == 0 ? "" : "\n",
		    sections[i].name, sections[i].help);
		for (size_t k = 0; k < sections[i].count; k++) {
			fputc('\n', to);
			print_key(to, &sections[i].keys[k]);
		}
	}
}
