/* SPDX-License-Identifier: ISC */
/*
 * Values that are lists: their items, which list files may hold, checked by the
 * type that the key has.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/conf_.h"
#include "common/split.h"

#define KEPT_SIZE 1024 /* an item, or a hint; longer items are none */

/* A list that grows, and where its items are from. */
struct list_builder {
	const struct setting *setting;
	struct mf_text *items;
	size_t count, room;
	const char *file;
	bool in_list_file;
};

bool
conf_list_eq(const struct conf_list *a, const struct conf_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!mf_text_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

/* --- an item --- */

static void
refuse(const struct setting *s, const char *file, unsigned line,
    struct mf_text item, struct mf_text hint)
{
	const struct item_type *type = s->key->items;
	bool is_ignored =
	    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	    !s->section->used || (s->ini->is_foreign && type->is_pattern);
	void (*say)(struct report *, const char *, unsigned, const char *,
	    const char *, ...) = is_ignored ? report_warning : report_error;

	conf_mark_wrong_(s);
	say(s->report, file, line, s->key->name, "not %s: \"%.*s\"%s%.*s%s",
	    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	    type->wanted, (int)text_head(item, 200).len, item.p,
	    hint.len != 0 ? "; " : "", (int)hint.len, hint.p,
	    is_ignored && s->section->used ? "; ignored" : "");
}

bool
conf_keep_item_(const struct setting *s, const char *file, unsigned line,
    struct mf_text item, struct mf_text *kept)
{
	char room[KEPT_SIZE];
	struct text_out out = text_out(room, sizeof(room));

	if (s->key->items == NULL)
		out_text(&out, item);
	else if (!item_read(s->key->items, item, &out)) {
		refuse(s, file, line, item, out_view(&out));
		return false;
	}
	if (out.full) {
		refuse(s, file, line, item, MF_TEXT("it is too long"));
		return false;
	}
	*kept = mf_text_at(conf_copy_(s->conf, out_view(&out)), out.len);
	if (kept->p == NULL)
		conf_complain_memory_(s);
	return kept->p != NULL;
}

/* --- a list --- */

static bool
is_pair(const struct conf_key *key)
{
	return key->items != NULL && key->items->is_pair;
}

/* False: out of memory. */
static bool
add_item(struct list_builder *b, unsigned line, struct mf_text item)
{
	struct mf_text *items;

	if (b->in_list_file && item.p[0] == '/' &&
	    b->setting->key->items != NULL) {
		refuse(b->setting, b->file, line, item,
		    MF_TEXT("a list file cannot name others"));
		return true;
	}
	items = array_grow(b->items, b->count, &b->room, sizeof(*items));
	if (items == NULL)
		return false;
	b->items = items;
	b->count += conf_keep_item_(
	    b->setting, b->file, line, item, &b->items[b->count]);
	return true;
}

static bool
add_items(struct list_builder *b, struct split split)
{
	struct mf_text item;

	while (split_next(&split, &item))
		if (!add_item(b, split.line, item))
			return false;
	return true;
}

static bool
remember_file(struct conf *conf, const char *path)
{
	struct conf_file *files = array_grow(
	    conf->files, conf->file_count, &conf->file_room, sizeof(*files));

	if (files == NULL)
		return false;
	conf->files = files;
	/* Marked before it is read, so that no change is missed. */
	conf->files[conf->file_count++] =
	    (struct conf_file){path, file_mark(path)};
	return true;
}

static bool
add_list_file(struct list_builder *b, unsigned line, struct mf_text path)
{
	struct setting s = *b->setting;
	const char *name = conf_copy_(s.conf, path);
	struct split split = {
	    .has_comments = true, .has_pairs = is_pair(s.key), .line = 1};
	struct file file = {.data = NULL};
	bool ok;

	if (name == NULL || !remember_file(s.conf, name))
		return false;
	int error = file_read(name, &file);
	if (error != 0) {
		s.line = line;
		conf_complain_(&s, strerror(error), path);
		return true;
	}
	split.rest = mf_text_at(file.data, file.len);
	if (text_starts(split.rest, MF_TEXT("\xef\xbb\xbf")))
		split.rest = text_from(split.rest, 3);
	b->file = name;
	b->in_list_file = true;
	ok = add_items(b, split);
	b->file = s.ini->name;
	b->in_list_file = false;
	file_free(&file);
	return ok;
}

static bool
add_value(struct list_builder *b, struct mf_text value)
{
	const struct setting *s = b->setting;
	struct split split = {
	    .rest = value, .line = s->value_line, .has_pairs = is_pair(s->key)};
	struct mf_text item;
	bool ok = true;

	while (ok && split_next(&split, &item)) {
		if (item.p[0] != '/' || s->key->no_files)
			ok = add_item(b, split.line, item);
		else if (s->section->values != NULL)
			ok = add_list_file(b, split.line, item);
	}
	return ok;
}

void
conf_set_list_(const struct setting *s, struct mf_text value)
{
	struct list_builder b = {.setting = s, .file = s->ini->name};
	struct conf_list *list = conf_member_(s);
	size_t before =
	    s->key->joins && s->section->values != NULL ? list->count : 0;
	struct mf_text *kept = NULL;

	if (add_value(&b, value))
		kept = conf_alloc_(
		    s->conf, (before + b.count + 1) * sizeof(*kept));
	if (kept == NULL)
		conf_complain_memory_(s);
	else {
		if (before != 0)
			memcpy(kept, list->items, before * sizeof(*kept));
		if (b.count != 0)
			memcpy(kept + before, b.items, b.count * sizeof(*kept));
		*list = (struct conf_list){kept, before + b.count};
	}
	free(b.items);
}
