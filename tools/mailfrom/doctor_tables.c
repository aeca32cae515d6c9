/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_tables.h"

#include "common/file.h"
#include "tools/mailfrom/doctor_run.h"

#define POSTMAP_SEC 10

/* Types that postmap(1) makes of the file of that name. */
static const char *const indexed[] = {
    "hash", "btree", "lmdb", "cdb", "dbm", "sdbm", "texthash"};

static bool
is_one_of(struct mf_text type, const char *const *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mf_text_eq(type, mf_text_of(types[i])))
			return true;
	return false;
}

/* proxymap only opens it for services that can't. */
static struct mf_text
without_proxy(struct mf_text table)
{
	while (text_starts(table, MF_TEXT("proxy:")))
		table = text_from(table, strlen("proxy:"));
	return table;
}

/* --- this host --- */

static enum table_answer
ask_postmap(const struct tables *tables, struct mf_text table, const char *key,
    struct mf_text *value)
{
	const char *dir = tables->config_dir;
	char *name = (char *)arena_copy(tables->arena, table).p;
	char *with_dir[] = {
	    "postmap", "-c", (char *)dir, "-q", (char *)key, name, NULL};
	char *without[] = {"postmap", "-q", (char *)key, name, NULL};

	if (tables->is_elsewhere || key[0] == '\0')
		return TABLE_UNKNOWN;
	struct doctor_run done = doctor_run(
	    tables->arena, dir != NULL ? with_dir : without, POSTMAP_SEC);
	if (done.status == 0) {
		*value = text_trim(done.out);
		return TABLE_HAS;
	}
	return done.status == 1 && done.err.len == 0 ? TABLE_HAS_NOT
						     : TABLE_UNKNOWN;
}

static bool
read_contents(
    const struct tables *tables, const char *path, struct mf_text *out)
{
	struct file file;
	bool ok = !tables->is_elsewhere && file_read(path, &file) == 0;

	if (!ok)
		return false;
	*out = arena_copy(tables->arena, mf_text_at(file.data, file.len));
	file_free(&file);
	return true;
}

struct tables
tables_of_host(struct arena *arena, const char *config_dir, bool is_elsewhere)
{
	return (struct tables){.arena = arena,
	    .look_up = ask_postmap,
	    .contents = read_contents,
	    .config_dir = config_dir,
	    .is_elsewhere = is_elsewhere};
}

/* --- entries --- */

struct entries {
	const struct tables *tables;
	struct table_entry *items;
	size_t count;
};

static void
add_entry(struct entries *e, struct mf_text key, struct mf_text value)
{
	key = text_trim(key);
	if (key.len == 0)
		return;
	e->items =
	    arena_grow(e->tables->arena, e->items, e->count, sizeof(*e->items));
	e->items[e->count++] = (struct table_entry){key, text_trim(value)};
}

static struct mf_text
without_braces(struct mf_text t)
{
	t = text_trim(t);
	if (t.len >= 2 && t.p[0] == '{' && t.p[t.len - 1] == '}')
		return text_trim(mf_text_at(t.p + 1, t.len - 2));
	return t;
}

/* { key = value } or key=value, one after the other. */
static void
add_inline(struct entries *e, struct mf_text body)
{
	struct mf_text item, key;

	body = without_braces(body);
	while (site_next_item(&body, &item)) {
		item = without_braces(item);
		if (text_cut(&item, '=', &key))
			add_entry(e, key, item);
	}
}

static size_t
first_blank(struct mf_text t)
{
	size_t at = 0;

	while (at < t.len && !ascii_is_blank(t.p[at]))
		at++;
	return at;
}

/* postmap(1): a line that begins with a blank continues the one before it. */
static void
add_file(struct entries *e, struct mf_text text)
{
	struct mf_text line;

	while (text.len != 0) {
		size_t end = text_find(text, '\n');

		line = text_head(text, end);
		text = text_from(text, end + 1);
		if (line.len == 0 || line.p[0] == '#' ||
		    ascii_is_blank(line.p[0]))
			continue;
		size_t at = first_blank(line);
		add_entry(e, text_head(line, at), text_from(line, at));
	}
}

/* Whether all entries of the table were added. */
static bool
add_table(struct entries *e, struct mf_text table)
{
	struct mf_text type, name = without_proxy(table), text;

	if (!text_cut(&name, ':', &type))
		return false;
	if (mf_text_eq(type, MF_TEXT("inline"))) {
		add_inline(e, name);
		return true;
	}
	if (mf_text_eq(type, MF_TEXT("static"))) {
		add_entry(e, MF_TEXT("*"), without_braces(name));
		return true;
	}
	if (!is_one_of(type, indexed, sizeof(indexed) / sizeof(indexed[0])) ||
	    !e->tables->contents(
		e->tables, arena_copy(e->tables->arena, name).p, &text))
		return false;
	add_file(e, text);
	return true;
}

struct table_entry *
tables_entries(
    const struct tables *tables, struct mf_text maps, size_t *count, bool *all)
{
	struct entries e = {.tables = tables};
	struct mf_text table;

	*all = true;
	while (site_next_item(&maps, &table))
		*all = add_table(&e, table) && *all;
	*count = e.count;
	return e.items;
}

/* --- lookups --- */

static bool
is_inline(struct mf_text table)
{
	return text_starts(table, MF_TEXT("inline:")) ||
	    text_starts(table, MF_TEXT("static:"));
}

static enum table_answer
find_in_inline(const struct tables *tables, struct mf_text table,
    const char *key, struct mf_text *value)
{
	struct entries e = {.tables = tables};

	add_table(&e, table);
	for (size_t i = 0; i < e.count; i++)
		if (text_eq_fold(e.items[i].key, mf_text_of(key)) ||
		    text_starts(table, MF_TEXT("static:"))) {
			*value = e.items[i].value;
			return TABLE_HAS;
		}
	return TABLE_HAS_NOT;
}

enum table_answer
tables_find(const struct tables *tables, struct mf_text maps, const char *key,
    struct mf_text *value)
{
	enum table_answer found = TABLE_HAS_NOT;
	struct mf_text table;

	*value = MF_TEXT("");
	while (site_next_item(&maps, &table)) {
		enum table_answer answer;

		table = without_proxy(table);
		if (is_inline(table))
			answer = find_in_inline(tables, table, key, value);
		else
			answer = tables->look_up(tables, table, key, value);
		if (answer == TABLE_HAS)
			return TABLE_HAS;
		if (answer == TABLE_UNKNOWN)
			found = TABLE_UNKNOWN;
	}
	return found;
}

/* --- lists of domains --- */

static bool
is_table(struct mf_text item)
{
	return text_find(item, ':') != item.len && item.p[0] != '[';
}

struct item_list {
	struct mf_text *items;
	size_t count;
	bool all; /* no file is missing */
};

static void
add_items(
    const struct tables *tables, struct mf_text text, struct item_list *out)
{
	struct mf_text item;

	while (site_next_item(&text, &item)) {
		out->items = arena_grow(
		    tables->arena, out->items, out->count, sizeof(*out->items));
		out->items[out->count++] = item;
	}
}

/* The items of a list, those of its files in their place. */
static struct item_list
with_files(const struct tables *tables, struct mf_text list)
{
	struct item_list out = {.all = true};
	struct mf_text item, text;

	while (site_next_item(&list, &item)) {
		struct mf_text path = text_from(item, item.p[0] == '!');

		if (path.len == 0 || path.p[0] != '/')
			add_items(tables, item, &out);
		else if (tables->contents(
			     tables, arena_copy(tables->arena, path).p, &text))
			add_items(tables, text, &out);
		else
			out.all = false;
	}
	return out;
}

static enum table_answer
item_has(const struct tables *tables, struct mf_text item, const char *domain)
{
	struct mf_text value;

	if (is_table(item))
		return tables_find(tables, item, domain, &value);
	if (text_eq_fold(item, mf_text_of(domain)) ||
	    (item.len != 0 && item.p[0] == '.' &&
		text_ends_fold(mf_text_of(domain), item)))
		return TABLE_HAS;
	return TABLE_HAS_NOT;
}

enum table_answer
tables_have_domain(
    const struct tables *tables, struct mf_text list, const char *domain)
{
	enum table_answer found = TABLE_HAS_NOT;
	struct item_list all = with_files(tables, list);

	for (size_t i = 0; i < all.count; i++) {
		struct mf_text item = all.items[i];
		bool is_negated = item.p[0] == '!';

		enum table_answer answer =
		    item_has(tables, text_from(item, is_negated), domain);
		if (answer == TABLE_HAS)
			return is_negated ? TABLE_HAS_NOT : TABLE_HAS;
		if (answer == TABLE_UNKNOWN)
			found = TABLE_UNKNOWN;
	}
	return all.all ? found : TABLE_UNKNOWN;
}

struct mf_text *
tables_names(
    const struct tables *tables, struct mf_text list, size_t *count, bool *all)
{
	struct item_list in = with_files(tables, list), out = {.all = in.all};

	for (size_t i = 0; i < in.count; i++) {
		struct entries e = {.tables = tables};

		if (!is_table(in.items[i])) {
			add_items(tables, in.items[i], &out);
			continue;
		}
		out.all = add_table(&e, in.items[i]) && out.all;
		for (size_t n = 0; n < e.count; n++)
			add_items(tables, e.items[n].key, &out);
	}
	*count = out.count;
	*all = out.all;
	return out.items;
}

/* --- words --- */

static bool
has_word(struct mf_text t, struct mf_text word)
{
	for (; t.len >= word.len; t = text_from(t, 1))
		if (text_starts_fold(t, word))
			return true;
	return false;
}

/* Comments are no actions. */
static bool
lines_have(struct mf_text text, struct mf_text word)
{
	while (text.len != 0) {
		size_t end = text_find(text, '\n');
		struct mf_text line = text_head(text, end);

		text = text_from(text, end + 1);
		if (line.len != 0 && line.p[0] != '#' && has_word(line, word))
			return true;
	}
	return false;
}

bool
tables_mention(
    const struct tables *tables, struct mf_text value, const char *word)
{
	struct mf_text item, text;

	if (has_word(value, mf_text_of(word)))
		return true;
	while (site_next_item(&value, &item)) {
		struct mf_text name = without_proxy(item);
		size_t slash = text_find(name, '/');

		if (slash == name.len || text_find(name, ':') > slash)
			continue;
		if (tables->contents(tables,
			arena_copy(tables->arena, text_from(name, slash)).p,
			&text) &&
		    lines_have(text, mf_text_of(word)))
			return true;
	}
	return false;
}
