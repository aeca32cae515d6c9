/* SPDX-License-Identifier: ISC */
/*
 * Questions about a Postfix site.
 */
#include "tools/mailfrom/site.h"

static const struct site_setting *
find(const struct site_settings *settings, struct mf_text name)
{
	for (size_t i = settings->count; i > 0; i--)
		if (mf_text_eq(settings->items[i - 1].name, name))
			return &settings->items[i - 1];
	return NULL;
}

bool
site_is_set(const struct site *site, const char *name)
{
	return find(&site->settings, mf_text_of(name)) != NULL;
}

struct mf_text
site_raw(const struct site *site, const char *name)
{
	const struct site_setting *s = find(&site->settings, mf_text_of(name));

	if (s == NULL)
		s = find(&site->defaults, mf_text_of(name));
	return s != NULL ? s->value : MF_TEXT("");
}

const struct mf_text *
site_override(const struct site_service *service, const char *name)
{
	const struct site_setting *s =
	    find(&service->overrides, mf_text_of(name));

	return s != NULL ? &s->value : NULL;
}

/* Of several services with one name, Postfix keeps the last. */
const struct site_service *
site_service(const struct site *site, const char *name, const char *type)
{
	for (size_t i = site->service_count; i > 0; i--) {
		const struct site_service *s = &site->services[i - 1];

		if (mf_text_eq(s->name, mf_text_of(name)) &&
		    mf_text_eq(s->type, mf_text_of(type)))
			return s;
	}
	return NULL;
}

/* master(5): the default is n since Postfix 3.0, y before. */
bool
site_is_chrooted(const struct site *site, const struct site_service *service)
{
	if (mf_text_eq(service->chroot, MF_TEXT("-")))
		return !site_has_version(site, 3, 0);
	return mf_text_eq(service->chroot, MF_TEXT("y"));
}

bool
site_has_version(const struct site *site, unsigned major, unsigned minor)
{
	struct mf_text rest = site->version, head;
	uint64_t a = 3, b = 7;

	if (text_cut(&rest, '.', &head)) {
		size_t digits = 0;

		text_uint(head, UINT32_MAX, &a);
		while (digits < rest.len && ascii_is_digit(rest.p[digits]))
			digits++;
		text_uint(text_head(rest, digits), UINT32_MAX, &b);
	}
	return a > major || (a == major && b >= minor);
}

void
site_unset(struct site *site, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < site->settings.count; i++)
		if (!mf_text_eq(site->settings.items[i].name, mf_text_of(name)))
			site->settings.items[kept++] = site->settings.items[i];
	site->settings.count = kept;
}

void
site_set(struct site *site, const char *name, struct mf_text value)
{
	struct site_settings *s = &site->settings;

	site_unset(site, name);
	s->items =
	    arena_grow(&site->arena, s->items, s->count, sizeof(*s->items));
	s->items[s->count++] = (struct site_setting){
	    arena_copy(&site->arena, mf_text_of(name)), value};
}

static bool
is_separator(char c)
{
	return ascii_is_blank(c) || c == ',' || c == '\n' || c == '\r';
}

bool
site_next_item(struct mf_text *rest, struct mf_text *item)
{
	size_t len = 0, depth = 0;

	while (rest->len != 0 && is_separator(rest->p[0]))
		*rest = text_from(*rest, 1);
	while (len < rest->len && (depth != 0 || !is_separator(rest->p[len]))) {
		depth += rest->p[len] == '{';
		depth -= rest->p[len] == '}' && depth != 0;
		len++;
	}
	*item = text_head(*rest, len);
	*rest = text_from(*rest, len);
	return len != 0;
}

bool
site_is_table(struct mf_text item)
{
	size_t colon = text_find(item, ':');

	return colon != 0 && colon < item.len && item.p[0] != '/' &&
	    item.p[0] != '!' && item.p[0] != '{';
}

struct mf_text
site_table_text(struct site *site, struct mf_text table)
{
	struct mf_text name = text_from(table, text_find(table, ':') + 1);

	if (text_starts(table, MF_TEXT("proxy:")))
		name = text_from(name, text_find(name, ':') + 1);
	if (text_starts(name, MF_TEXT("/")))
		return site->read != NULL ? site->read(site, name)
					  : MF_TEXT("");
	return text_starts(name, MF_TEXT("{")) ? name : MF_TEXT("");
}

enum site_found
site_look_up(struct site *site, struct mf_text tables, struct mf_text key,
    struct mf_text *value)
{
	enum site_found found = SITE_ABSENT, one;
	struct mf_text item, ignored;

	while (site_next_item(&tables, &item)) {
		if (!site_is_table(item))
			continue;
		one = site->look_up == NULL
		    ? SITE_UNKNOWN
		    : site->look_up(
			  site, item, key, value != NULL ? value : &ignored);
		if (one == SITE_FOUND)
			return SITE_FOUND;
		if (one == SITE_UNKNOWN)
			found = SITE_UNKNOWN;
	}
	return found;
}

enum site_found
site_list_has(struct site *site, struct mf_text list, struct mf_text domain)
{
	enum site_found found = SITE_ABSENT, one;
	struct mf_text item;

	while (site_next_item(&list, &item)) {
		if (text_eq_fold(item, domain))
			return SITE_FOUND;
		if (!site_is_table(item) && !text_starts(item, MF_TEXT("/")))
			continue;
		one = site->look_up == NULL ? SITE_UNKNOWN
					    : site->look_up(site, item, domain,
						  &(struct mf_text){"", 0});
		if (one == SITE_FOUND)
			return SITE_FOUND;
		if (one == SITE_UNKNOWN)
			found = SITE_UNKNOWN;
	}
	return found;
}

bool
site_is_yes(struct mf_text value)
{
	return text_eq_fold(value, MF_TEXT("yes"));
}
