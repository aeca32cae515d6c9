/* SPDX-License-Identifier: ISC */
/*
 * What a value was before: as noted in a comment; else as main.cf has it
 * outside of our lines; else what is left without the items that only we write.
 */
#include "tools/mailfrom/unmerge.h"

/* All that setup may set in main.cf. */
static const char *const names[] = {"default_transport",
    "sender_dependent_default_transport_maps",
    "address_verify_default_transport", "srsout_destination_rate_delay",
    "srsout_transport_rate_delay", "srsout_destination_recipient_limit",
    "virtual_alias_maps", "virtual_alias_domains", "smtpd_milters",
    "non_smtpd_milters", "internal_mail_filter_classes",
    "default_filter_nexthop", "transport_maps", "address_verify_transport_maps",
    "proxy_read_maps", "mydestination", "smtpd_client_restrictions",
    "smtpd_helo_restrictions", "smtpd_sender_restrictions",
    "smtpd_relay_restrictions", "smtpd_recipient_restrictions",
    "smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
    "sender_canonical_maps", "sender_canonical_classes",
    "recipient_canonical_maps", "recipient_canonical_classes"};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

struct unmerger {
	struct site *site;
	struct mf_text sockets;
	struct unmerged *out;
	struct site outside, inside; /* main.cf without our lines, and these */
	struct site records;         /* what was replaced, as settings */
};

static bool
contains(struct mf_text t, struct mf_text part)
{
	for (; t.len >= part.len; t = text_from(t, 1))
		if (text_starts(t, part))
			return true;
	return false;
}

/* --- main.cf, cut in two --- */

static bool
take_record(struct unmerger *u, struct mf_text line)
{
	const struct mf_text replaced = MF_TEXT(UNMERGE_REPLACED);
	const struct mf_text added = MF_TEXT(UNMERGE_ADDED);

	if (text_starts(line, replaced)) {
		site_add_main(&u->records, text_from(line, replaced.len));
	} else if (text_starts(line, added)) {
		struct mf_text name = arena_copy(
		    &u->site->arena, text_trim(text_from(line, added.len)));

		/* A name with "!" in front had no value. */
		site_set(&u->records,
		    arena_printf(&u->site->arena, "!%s", name.p).p,
		    MF_TEXT(""));
	} else {
		return false;
	}
	u->out->had_records = true;
	return true;
}

/* Without the comments, ours begin with the way to the second pass. */
static bool
begins_bare(struct mf_text line)
{
	struct mf_text name;

	return text_cut(&line, '=', &name) &&
	    mf_text_eq(text_trim(name), MF_TEXT("default_transport")) &&
	    text_starts(text_trim(line), MF_TEXT("srsout:"));
}

static void
cut_main(struct unmerger *u)
{
	struct mf_text rest = u->site->main_text, line;
	struct text_out inside =
	    text_out(arena_new(&u->site->arena, rest.len + 1), rest.len + 1);
	struct text_out outside =
	    text_out(arena_new(&u->site->arena, rest.len + 1), rest.len + 1);
	bool in_block = false, is_bare = false;
	bool has_marks = contains(rest, MF_TEXT("\n" UNMERGE_BEGIN)) ||
	    text_starts(rest, MF_TEXT(UNMERGE_BEGIN));

	while (rest.len != 0) {
		if (!text_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		if (take_record(u, line))
			continue;
		if (text_starts(line, MF_TEXT(UNMERGE_BEGIN)))
			in_block = u->out->had_block = true;
		is_bare = is_bare || (!has_marks && begins_bare(line));
		out_text(in_block || is_bare ? &inside : &outside, line);
		out_char(in_block || is_bare ? &inside : &outside, '\n');
		if (text_starts(line, MF_TEXT(UNMERGE_END)))
			in_block = false;
	}
	site_add_main(&u->outside, out_view(&outside));
	site_add_main(&u->inside, out_view(&inside));
}

/* --- by what it looks like --- */

static bool
is_our_socket(struct unmerger *u, struct mf_text item)
{
	struct mf_text rest = u->sockets, socket;

	while (site_next_item(&rest, &socket))
		if (contains(item, socket))
			return true;
	return false;
}

static bool
is_ours(struct unmerger *u, struct mf_text item)
{
	return contains(item, MF_TEXT("SRS[01]")) ||
	    contains(item, MF_TEXT("/^(\"?rrs=")) ||
	    contains(item, MF_TEXT("/^\"?rrs=")) ||
	    contains(item, MF_TEXT("srsout:")) ||
	    (text_starts(item, MF_TEXT("inline:")) &&
		contains(item, MF_TEXT("{ <> = "))) ||
	    text_starts(item, MF_TEXT("pipemap:{ inline:{ {")) ||
	    is_our_socket(u, item);
}

/* value without our items; false if it has none. */
static bool
without_ours(struct unmerger *u, struct mf_text value, struct mf_text *out)
{
	struct mf_text item, check = MF_TEXT("");
	struct arena *arena = &u->site->arena;
	bool found = false;

	*out = MF_TEXT("");
	while (site_next_item(&value, &item)) {
		if (is_ours(u, item)) {
			found = true;
			check = MF_TEXT("");
			continue;
		}
		if (check.len != 0)
			item = arena_printf(arena, "%.*s %.*s", (int)check.len,
			    check.p, (int)item.len, item.p);
		check = MF_TEXT("");
		if (mf_text_eq(item, MF_TEXT("check_recipient_access")) ||
		    mf_text_eq(item, MF_TEXT("check_policy_service")))
			check = item;
		else if (item.len != 0)
			*out = arena_printf(arena, "%.*s%s%.*s", (int)out->len,
			    out->p, out->len != 0 ? ", " : "", (int)item.len,
			    item.p);
	}
	return found;
}

/* How mail left before: our table by sender has it. */
static struct mf_text
direct(struct unmerger *u)
{
	const struct mf_text sign = MF_TEXT("{ <> = ");
	struct mf_text t =
	    site_raw(u->site, "sender_dependent_default_transport_maps");

	while (t.len != 0 && !text_starts(t, sign))
		t = text_from(t, 1);
	t = text_from(t, sign.len);
	t = text_trim(text_head(t, text_find(t, '}')));
	if (t.len != 0 && t.p[t.len - 1] == ':')
		t.len--;
	return t.len != 0 ? t : MF_TEXT("smtp");
}

static void
restore_by_look(struct unmerger *u, const char *name, struct mf_text before)
{
	struct mf_text value = site_raw(u->site, name), rest;
	bool is_default = mf_text_eq(before, MF_TEXT("smtp"));

	if (strcmp(name, "default_transport") == 0) {
		if (!text_starts(value, MF_TEXT("srsout:")))
			return;
		if (is_default)
			site_unset(u->site, name);
		else
			site_set(u->site, name, before);
	} else if (text_starts(mf_text_of(name), MF_TEXT("srsout_"))) {
		site_unset(u->site, name);
	} else if (without_ours(u, value, &rest)) {
		if (rest.len == 0)
			site_unset(u->site, name);
		else
			site_set(u->site, name, rest);
	}
}

/* --- all of it --- */

static void
restore(struct unmerger *u, const char *name, struct mf_text before)
{
	const char *added = arena_printf(&u->site->arena, "!%s", name).p;

	if (site_is_set(&u->records, name))
		site_set(u->site, name, site_raw(&u->records, name));
	else if (site_is_set(&u->records, added))
		site_unset(u->site, name);
	else if (u->out->had_records || !site_is_set(&u->inside, name))
		restore_by_look(u, name, before);
	else if (site_is_set(&u->outside, name))
		site_set(u->site, name, site_raw(&u->outside, name));
	else
		site_unset(u->site, name);
}

/* Options of the site's services that postconf -P has changed. */
static void
restore_service(struct unmerger *u, struct site_service *service)
{
	struct arena *arena = &u->site->arena;
	size_t kept = 0;

	for (size_t i = 0; i < service->overrides.count; i++) {
		struct site_setting *s = &service->overrides.items[i];
		struct mf_text rest,
		    path = arena_printf(arena, "%.*s/%.*s/%.*s",
			(int)service->name.len, service->name.p,
			(int)service->type.len, service->type.p,
			(int)s->name.len, s->name.p);

		if (site_is_set(
			&u->records, arena_printf(arena, "!%s", path.p).p))
			continue;
		if (site_is_set(&u->records, path.p))
			s->value = site_raw(&u->records, path.p);
		else if (without_ours(u, s->value, &rest))
			s->value = rest;
		service->overrides.items[kept++] = *s;
	}
	service->overrides.count = kept;
}

/* Our services: the second smtpd, and what it needs. */
static bool
is_our_service(struct unmerger *u, const struct site_service *s)
{
	const struct mf_text *cleanup =
	    site_override(s, "cleanup_service_name");
	size_t colon = text_rfind(s->name, ':');
	uint64_t port;

	if (mf_text_eq(s->name, MF_TEXT("srsout")) ||
	    mf_text_eq(s->name, MF_TEXT("srsclean")))
		return true;
	if (cleanup == NULL || !mf_text_eq(*cleanup, MF_TEXT("srsclean")))
		return false;
	u->out->second = s->name;
	if (text_uint(text_from(s->name, colon + 1), 65535, &port))
		u->out->port = (unsigned)port;
	return true;
}

static void
restore_services(struct unmerger *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->site->service_count; i++) {
		struct site_service *s = &u->site->services[i];

		if (is_our_service(u, s)) {
			u->out->is_installed = true;
			continue;
		}
		restore_service(u, s);
		u->site->services[kept++] = *s;
	}
	u->site->service_count = kept;
}

void
unmerge(struct site *site, struct mf_text sockets, struct unmerged *out)
{
	struct unmerger u = {.site = site, .sockets = sockets, .out = out};

	*out = (struct unmerged){.port = 0};
	site_init(&u.outside);
	site_init(&u.inside);
	site_init(&u.records);
	cut_main(&u);
	struct mf_text before = direct(&u);
	out->is_installed = out->had_block || out->had_records ||
	    text_starts(
		site_raw(site, "default_transport"), MF_TEXT("srsout:"));
	for (size_t i = 0; i < NAME_COUNT; i++)
		restore(&u, names[i], before);
	restore_services(&u);
	/* Values that were kept are views into these. */
	arena_adopt(&site->arena, &u.outside.arena);
	arena_adopt(&site->arena, &u.inside.arena);
	arena_adopt(&site->arena, &u.records.arena);
}
