/* SPDX-License-Identifier: ISC */
#include "spfcheck/settings.h"

#include <stdlib.h>

#include <mailfrom/spf_resolver.h>

/* --- what makes sense --- */

struct judge {
	const struct conf *conf;
	const char *file;
	struct report *report;
};

static void
object(const struct judge *j, const char *key, const char *reason,
    struct mf_text what)
{
	report_error(j->report, j->file, conf_line(j->conf, "spf", key), key,
	    "%s: \"%.*s\"", reason, (int)text_head(what, 200).len, what.p);
}

static void
judge_best_guess(const struct judge *j, struct mf_text text)
{
	struct spf_record *record = spf_record_compile(text);
	const char *problem =
	    record != NULL ? spf_record_problem(record) : "out of memory";

	if (problem != NULL)
		report_error(j->report, j->file,
		    conf_line(j->conf, "spf", "best_guess"), "best_guess", "%s",
		    problem);
	spf_record_free(record);
}

/* Paths are read again after a daemon has changed its directory. */
static void
judge_path(const struct judge *j, const char *key, struct mf_text path)
{
	if (path.len != 0 && path.p[0] != '/')
		object(j, key, "not an absolute path", path);
}

bool
check_settings_sound(const struct check_settings *s, const struct conf *conf,
    const char *file, struct report *report)
{
	const struct judge j = {conf, file, report};
	unsigned errors = report->errors;

	if (s->nameservers.count > SPF_NAMESERVERS_MAX)
		report_error(report, file,
		    conf_line(conf, "spf", "nameservers"), "nameservers",
		    "more than %d", SPF_NAMESERVERS_MAX);
	if (s->best_guess.len != 0)
		judge_best_guess(&j, s->best_guess);
	if (!spf_explanation_ok(s->explanation))
		object(&j, "explanation",
		    "invalid macro or character; write \"%\" as \"%%\"",
		    s->explanation);
	judge_path(&j, "record_file", s->record_file);
	judge_path(&j, "helper", s->helper);
	return report->errors == errors;
}

/* --- copies --- */

/* Where the next items and the next octets of a copy go. */
struct place {
	struct mf_text *items;
	char *octets;
};

/* What a copy has of variable size; in the same order everywhere. */
#define TEXTS 5
#define LISTS 2

static void
find_parts(struct check_settings *s, struct mf_text *texts[],
    struct conf_list *lists[])
{
	texts[0] = &s->best_guess;
	texts[1] = &s->delegate;
	texts[2] = &s->record_file;
	texts[3] = &s->explanation;
	texts[4] = &s->helper;
	lists[0] = &s->nameservers;
	lists[1] = &s->trusted_forwarder;
}

static void
place_text(struct place *place, struct mf_text *t)
{
	char *to = place->octets;

	for (size_t i = 0; i < t->len; i++)
		to[i] = (char)(t->p[i] == '\n' ? ' ' : t->p[i]);
	to[t->len] = '\0';
	t->p = to;
	place->octets += t->len + 1;
}

static void
place_list(struct place *place, struct conf_list *list)
{
	struct mf_text *to = place->items;

	for (size_t i = 0; i < list->count; i++) {
		to[i] = list->items[i];
		place_text(place, &to[i]);
	}
	list->items = to;
	place->items += list->count;
}

struct check_settings *
check_settings_copy(const struct check_settings *settings)
{
	struct check_settings parts = *settings, *copy;
	struct mf_text *texts[TEXTS];
	struct conf_list *lists[LISTS];
	size_t items = 0, octets = 0;

	find_parts(&parts, texts, lists);
	for (size_t i = 0; i < TEXTS; i++)
		octets += texts[i]->len + 1;
	for (size_t i = 0; i < LISTS; i++) {
		items += lists[i]->count;
		for (size_t k = 0; k < lists[i]->count; k++)
			octets += lists[i]->items[k].len + 1;
	}
	copy = malloc(sizeof(*copy) + items * sizeof(struct mf_text) + octets);
	if (copy == NULL)
		return NULL;
	*copy = *settings;
	struct place place = {.items = (struct mf_text *)(copy + 1)};
	place.octets = (char *)(place.items + items);
	find_parts(copy, texts, lists);
	for (size_t i = 0; i < TEXTS; i++)
		place_text(&place, texts[i]);
	for (size_t i = 0; i < LISTS; i++)
		place_list(&place, lists[i]);
	return copy;
}

bool
check_settings_eq(
    const struct check_settings *a, const struct check_settings *b)
{
	return a->engine == b->engine &&
	    conf_list_eq(&a->nameservers, &b->nameservers) &&
	    a->timeout == b->timeout && a->prefetch == b->prefetch &&
	    a->max_voids == b->max_voids && a->cache_size == b->cache_size &&
	    mf_text_eq(a->best_guess, b->best_guess) &&
	    mf_text_eq(a->delegate, b->delegate) &&
	    conf_list_eq(&a->trusted_forwarder, &b->trusted_forwarder) &&
	    mf_text_eq(a->record_file, b->record_file) &&
	    mf_text_eq(a->explanation, b->explanation) &&
	    mf_text_eq(a->helper, b->helper);
}
