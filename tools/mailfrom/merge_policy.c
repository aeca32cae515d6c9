/* SPDX-License-Identifier: ISC */
/*
 * spfmilter as a policy service among the restrictions of a site: behind what
 * keeps others from relaying, in the place of policyd-spf.
 */
#include "tools/mailfrom/merge.h"

/* Lists that can have check_policy_service; ours is in the last. */
static const char *const lists[] = {"smtpd_client_restrictions",
    "smtpd_helo_restrictions", "smtpd_sender_restrictions",
    "smtpd_relay_restrictions", "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions", "smtpd_recipient_restrictions"};

#define OTHERS (sizeof(lists) / sizeof(lists[0]) - 1)
#define OURS   lists[OTHERS]
#define CHECK  MF_TEXT("check_policy_service")

/* A list on its way. */
struct restrictions {
	struct mf_text items; /* "a, b", without policyd-spf */
	struct mf_text last; /* permit, reject or defer, which ends it; or "" */
	bool is_guarded;     /* others can't relay, behind what is there */
	bool has_ours, had_policyd;
	const char *end_of_last; /* in the list, NULL: it was left out */
};

static bool
is_guard(struct mf_text item)
{
	return mf_text_eq(item, MF_TEXT("reject_unauth_destination")) ||
	    mf_text_eq(item, MF_TEXT("defer_unauth_destination"));
}

static bool
is_last(struct mf_text item)
{
	return mf_text_eq(item, MF_TEXT("permit")) ||
	    mf_text_eq(item, MF_TEXT("reject")) ||
	    mf_text_eq(item, MF_TEXT("defer"));
}

static bool
contains(struct mf_text t, const char *part)
{
	struct mf_text p = mf_text_of(part);

	for (; t.len >= p.len; t = text_from(t, 1))
		if (text_starts_fold(t, p))
			return true;
	return false;
}

/* The name of a service of master.cf; where is "unix:private/NAME" and so on. */
static struct mf_text
service_name(struct mf_text where)
{
	struct mf_text rest = where, type;

	if (where.len != 0 && where.p[0] == '{') {
		rest = text_trim(text_from(where, 1));
		rest = text_head(rest, strcspn(rest.p, ", \t}"));
	}
	if (text_starts(rest, MF_TEXT("unix:")) ||
	    text_starts(rest, MF_TEXT("inet:")))
		text_cut(&rest, ':', &type);
	if (text_starts(rest, MF_TEXT("private/")))
		rest = text_from(rest, 8);
	return rest;
}

/* Whether master.cf spawns an SPF checker there. */
static bool
is_policyd(const struct merge *m, struct mf_text where)
{
	struct mf_text name = service_name(where);

	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];

		if (mf_text_eq(s->name, name) &&
		    mf_text_eq(s->command, MF_TEXT("spawn")) &&
		    contains(s->arguments, "spf"))
			return true;
	}
	return contains(name, "policyd-spf");
}

static void
add_after(struct merge *m, struct restrictions *r, const char *separator,
    struct mf_text items)
{
	if (items.len != 0)
		r->items = r->items.len == 0
		    ? items
		    : arena_printf(m->plan->arena, "%.*s%s%.*s",
			  PLAN_TEXT(r->items), separator, PLAN_TEXT(items));
}

static void
add(struct merge *m, struct restrictions *r, struct mf_text items)
{
	add_after(m, r, ", ", items);
}

/* As it is there: "check_client_access hash:x" has no comma. */
static void
add_item(struct merge *m, struct restrictions *r, struct mf_text item)
{
	const char *end = r->end_of_last;
	bool has_comma = end == NULL || end > item.p ||
	    memchr(end, ',', (size_t)(item.p - end)) != NULL;

	add_after(m, r, has_comma ? ", " : " ", item);
	r->end_of_last = item.p + item.len;
}

static struct mf_text
ours_of(struct merge *m)
{
	struct mf_text t = plan_find(&m->plan->main, OURS)->value;

	while (t.len != 0 && !text_starts(t, CHECK))
		t = text_from(t, 1);
	return t;
}

static void
add_ours(struct merge *m, struct restrictions *r)
{
	struct mf_text ours = ours_of(m);

	if (!r->has_ours)
		add_after(m, r, ",\n\t", ours);
	r->has_ours = true;
	r->end_of_last = NULL;
}

/* True: the next two items are policyd-spf, and rest is behind them. */
static bool
skip_policyd(struct merge *m, struct mf_text item, struct mf_text *rest)
{
	struct mf_text after = *rest, where;

	if (!mf_text_eq(item, CHECK) || !site_next_item(&after, &where) ||
	    !is_policyd(m, where))
		return false;
	*rest = after;
	return true;
}

/*
 * A copy of list, up to what ends it, without policyd-spf; with_ours: with us in
 * its place, if others can't relay any more there.
 */
static struct restrictions
rewrite(struct merge *m, struct mf_text list, bool with_ours)
{
	struct restrictions r = {.items = MF_TEXT(""), .last = MF_TEXT("")};
	struct mf_text item;

	while (r.last.len == 0 && site_next_item(&list, &item)) {
		if (skip_policyd(m, item, &list)) {
			r.had_policyd = true;
			r.end_of_last = NULL;
			if (with_ours && r.is_guarded)
				add_ours(m, &r);
			continue;
		}
		if (with_ours && is_last(item))
			r.last = item;
		else
			add_item(m, &r, item);
		r.is_guarded = r.is_guarded || is_guard(item);
	}
	return r;
}

/* smtpd_relay_restrictions, up to what keeps others from relaying. */
static bool
relay_items(
    struct merge *m, const struct site_service *s, struct restrictions *out)
{
	struct mf_text list =
	    site_value_for(m->site, s, "smtpd_relay_restrictions");
	struct mf_text item;

	*out = (struct restrictions){.items = MF_TEXT("")};
	while (!out->is_guarded && site_next_item(&list, &item)) {
		if (skip_policyd(m, item, &list))
			continue;
		add_item(m, out, item);
		out->is_guarded = is_guard(item);
	}
	return out->is_guarded;
}

/*
 * The list with us in it, as service s (or NULL: main.cf) has it.  Where it
 * doesn't keep others from relaying itself, it ends as
 * smtpd_relay_restrictions do, which let the same mail pass.
 */
static bool
with_us(struct merge *m, const struct site_service *s, struct mf_text list,
    struct mf_text *out)
{
	struct restrictions r = rewrite(m, list, true), relay;

	if (!r.is_guarded) {
		if (!relay_items(m, s, &relay) ||
		    (r.last.len != 0 && !mf_text_eq(r.last, MF_TEXT("permit"))))
			return false;
		add(m, &r, relay.items);
	}
	add_ours(m, &r);
	add(m, &r, r.last);
	*out = r.items;
	return true;
}

static void
refuse(struct merge *m)
{
	plan_refuse(m->plan,
	    "check_policy_service has to come after "
	    "reject_unauth_destination, which smtpd_recipient_restrictions "
	    "doesn't have: add it there, with what is permitted before it");
}

/* --- main.cf and master.cf --- */

static void
merge_main(struct merge *m, bool *had_policyd)
{
	struct mf_text value;

	for (size_t i = 0; i < OTHERS; i++) {
		struct restrictions r =
		    rewrite(m, site_raw(m->site, lists[i]), false);

		*had_policyd = *had_policyd || r.had_policyd;
		if (r.had_policyd)
			plan_set(m->plan, &m->plan->main, lists[i], r.items,
			    "Without policyd-spf.");
	}
	value = site_raw(m->site, OURS);
	*had_policyd = rewrite(m, value, false).had_policyd || *had_policyd;
	if (with_us(m, NULL, value, &value))
		plan_find(&m->plan->main, OURS)->value = value;
	else
		refuse(m);
}

static void
merge_service(struct merge *m, const struct site_service *s, bool *had_policyd)
{
	for (size_t i = 0; i <= OTHERS; i++) {
		const struct mf_text *own = site_override(s, lists[i]);
		bool is_ours = i == OTHERS && merge_is_public(m, s);
		struct restrictions r;
		struct mf_text value;

		if (own == NULL)
			continue;
		r = rewrite(m, *own, false);
		*had_policyd = *had_policyd || r.had_policyd;
		value = r.items;
		if (is_ours && !with_us(m, s, *own, &value))
			refuse(m);
		else if (is_ours || r.had_policyd)
			plan_change(m->plan, s, lists[i], value,
			    is_ours ? "Outside mail comes in here."
				    : "Without policyd-spf.");
	}
}

void
merge_policy(struct merge *m)
{
	bool had_policyd = false;

	/* There is nothing to merge the sample with, and that is said. */
	if (m->site->source == SITE_NONE)
		return;
	if (!site_has_version(m->site, 3, 0))
		plan_refuse(m->plan,
		    "Postfix %.*s has no policy services with settings of "
		    "their own; 3.0 or later has them",
		    PLAN_TEXT(m->site->version));
	merge_main(m, &had_policyd);
	for (size_t i = 0; i < m->site->service_count; i++)
		if (mf_text_eq(m->site->services[i].command, MF_TEXT("smtpd")))
			merge_service(m, &m->site->services[i], &had_policyd);
	if (had_policyd)
		plan_warn(m->plan,
		    "policyd-spf is no longer asked: take its service out of "
		    "master.cf once mail passes; mailfrom convert reads its "
		    "policyd-spf.conf");
}
