/* SPDX-License-Identifier: ISC */
/*
 * What the rules of merging share.
 */
#include "tools/mailfrom/merge.h"

static bool
is_one_of(struct mf_text t, const char *const *words)
{
	for (; *words != NULL; words++)
		if (mf_text_eq(t, mf_text_of(*words)))
			return true;
	return false;
}

/* Submission has clients of its own; filters give mail back on loopback. */
bool
merge_is_public(const struct merge *merge, const struct site_service *s)
{
	static const char *const types[] = {"inet", "pass", NULL};
	static const char *const submission[] = {
	    "submission", "submissions", "smtps", "587", "465", NULL};
	size_t colon = text_rfind(s->name, ':');
	struct mf_text host = MF_TEXT(""), port = s->name;

	(void)merge;
	if (colon < s->name.len) {
		host = text_head(s->name, colon);
		port = text_from(s->name, colon + 1);
	}
	return mf_text_eq(s->command, MF_TEXT("smtpd")) &&
	    is_one_of(s->type, types) && !is_one_of(port, submission) &&
	    !text_starts(host, MF_TEXT("127.")) &&
	    !text_starts(host, MF_TEXT("[127.")) &&
	    !mf_text_eq(host, MF_TEXT("[::1]")) &&
	    !mf_text_eq(host, MF_TEXT("localhost"));
}

struct mf_text
merge_list(struct merge *merge, struct mf_text first, struct mf_text second)
{
	if (first.len == 0 || second.len == 0)
		return first.len == 0 ? second : first;
	return arena_printf(merge->plan->arena, "%.*s,\n\t%.*s",
	    PLAN_TEXT(first), PLAN_TEXT(second));
}

static void
add_alternative(
    struct merge *merge, struct mf_text *pattern, struct mf_text domain)
{
	struct mf_text one = fill_pattern(merge->plan->arena, domain);

	*pattern = pattern->len == 0
	    ? one
	    : arena_printf(merge->plan->arena, "%.*s|%.*s", PLAN_TEXT(*pattern),
		  PLAN_TEXT(one));
}

struct mf_text
merge_own_pattern(struct merge *merge)
{
	struct mf_text pattern = MF_TEXT("");
	const struct conf_list *own = &merge->setup->srs.own_domains;

	for (size_t i = 0; i < merge->setup->own_count; i++)
		add_alternative(merge, &pattern, merge->setup->own[i]);
	for (size_t i = 0; i < own->count; i++)
		if (own->items[i].p[0] == '.')
			add_alternative(merge, &pattern, own->items[i]);
	return pattern;
}
