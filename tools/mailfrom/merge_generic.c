/* SPDX-License-Identifier: ISC */
/*
 * generic(5): it is looked up as mail leaves, when forwarded mail has its SRS
 * sender.
 */
#include "tools/mailfrom/merge.h"

/* What an entry begins with, in a table of lines and in an inline one. */
#define KEY_ENDS "\t\n\r ,={}"

static bool
is_own(const struct merge *m, struct mf_text domain)
{
	const struct conf_list *own = &m->setup->srs.own_domains;

	for (size_t i = 0; i < m->setup->own_count; i++)
		if (text_eq_fold(domain, m->setup->own[i]))
			return true;
	for (size_t i = 0; i < own->count; i++)
		if (own->items[i].p[0] == '.' &&
		    text_ends_fold(domain, own->items[i]))
			return true;
	return false;
}

/*
 * Whether a regular expression names a domain of ours; what else it matches,
 * nobody can tell.
 */
static bool
names_own(struct merge *m, struct mf_text pattern)
{
	const struct setup *setup = m->setup;

	for (; pattern.len != 0; pattern = text_from(pattern, 1))
		for (size_t i = 0; i < setup->own_count; i++)
			if (text_starts_fold(pattern,
				fill_pattern(m->plan->arena, setup->own[i])))
				return true;
	return false;
}

/* bob and @mx are the site's own; that is what most tables are for. */
static bool
is_foreign(struct merge *m, struct mf_text key)
{
	size_t at = text_rfind(key, '@');
	struct mf_text domain = text_from(key, at + 1);

	if (key.p[0] == '/')
		return !names_own(m, key);
	return at < key.len && text_find(domain, '.') < domain.len &&
	    !is_own(m, domain);
}

/* The part of t before any of these characters. */
static struct mf_text
before(struct mf_text t, const char *ends)
{
	size_t len = 0;

	while (len < t.len && strchr(ends, t.p[len]) == NULL)
		len++;
	return text_head(t, len);
}

/* The first entry that is meant for foreign senders; "": none is. */
static struct mf_text
foreign_entry(struct merge *m, struct mf_text text)
{
	const char *ends = text.p[0] == '{' ? "}," : "\n";

	while (text.len != 0) {
		struct mf_text entry = before(text, ends), key;

		text = text_from(text, entry.len + 1);
		entry = text_trim(entry);
		while (entry.len != 0 && entry.p[0] == '{')
			entry = text_trim(text_from(entry, 1));
		key = before(entry, KEY_ENDS);
		if (key.len != 0 && key.p[0] != '#' && is_foreign(m, key))
			return key;
	}
	return MF_TEXT("");
}

void
merge_generic(struct merge *m)
{
	struct mf_text tables = site_value(m->site, "smtp_generic_maps"), table;

	while (site_next_item(&tables, &table)) {
		struct mf_text text = site_table_text(m->site, table), key;

		if (text.len == 0) {
			plan_warn(m->plan,
			    "smtp_generic_maps: %.*s can't be read here.  It "
			    "sees SRS addresses instead of the foreign senders "
			    "of forwarded mail: entries for these no longer "
			    "match.  Those for your own do",
			    PLAN_TEXT(text_head(table, 200)));
			continue;
		}
		key = foreign_entry(m, text);
		if (key.len != 0)
			plan_refuse(m->plan,
			    "smtp_generic_maps: %.*s has an entry for foreign "
			    "senders, %.*s, which sees SRS addresses instead "
			    "and no longer matches: use sender_canonical_maps "
			    "for it, or take it out; if the domain is yours, "
			    "list it in own_domains of %s",
			    PLAN_TEXT(text_head(table, 200)),
			    PLAN_TEXT(text_head(key, 200)), m->setup->path);
	}
}
