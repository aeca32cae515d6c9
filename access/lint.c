/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/lint_key.h"
#include "access/lookup.h"
#include "common/reply.h"
#include "common/similar.h"

#define SHOWN_MAX   256 /* octets of a key or value in a finding */
#define REASON_SIZE 512

struct lint_run {
	const struct access_table *table;
	const char *file;
	struct report *report;
	/* Tags that have a key user@: it comes before pfx: and pfx. */
	bool has_user[LINT_TAGS];
};

/* An entry, its key taken apart. */
struct lint_item {
	const struct access_entry *entry;
	size_t number; /* in the table's order */
	unsigned line;
	struct lint_key key;
	const struct access_entry
	    *first; /* of those with the same key, or NULL */
};

static void say(const struct lint_run *l, const struct lint_item *item,
    bool is_error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void
say(const struct lint_run *l, const struct lint_item *item, bool is_error,
    const char *format, ...)
{
	char key[SHOWN_MAX + 1], reason[REASON_SIZE];
	struct mf_text shown =
	    text_head(access_entry_key(item->entry), SHOWN_MAX);
	va_list args;

	for (size_t i = 0; i < shown.len; i++)
		key[i] = (char)(shown.p[i] != '\0' ? shown.p[i] : '?');
	key[shown.len] = '\0';
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	/* What is wrong with sendmail's own tag may be right for sendmail. */
	if (is_error && item->key.kind != LINT_SPAM)
		report_error(l->report, l->file, item->line, key, "%s", reason);
	else
		report_warning(
		    l->report, l->file, item->line, key, "%s", reason);
}

/* For %.*s */
#define SHOW(t) (int)text_head(t, SHOWN_MAX).len, (t).p

/* --- keys --- */

static void
check_tag(const struct lint_run *l, const struct lint_item *item)
{
	const char *word = similar_word(item->key.tag, lint_tags_);

	if (word != NULL)
		say(l, item, true, "there is no tag \"%.*s\"; is \"%s\" meant?",
		    SHOW(item->key.tag), word);
	else
		say(l, item, true, "there is no tag \"%.*s\"",
		    SHOW(item->key.tag));
}

static void
check_key(const struct lint_run *l, const struct lint_item *item)
{
	const char *problem = lint_key_problem_(&item->key);
	const char *doubt = lint_key_doubt_(&item->key);

	if (problem != NULL)
		say(l, item, true, "never looked up: %s", problem);
	else if (doubt != NULL)
		say(l, item, false, "%s", doubt);
}

static void
check_duplicate(const struct lint_run *l, const struct lint_item *item)
{
	struct mf_text value;
	unsigned line;

	if (item->first == NULL)
		return;
	value = access_entry_value(item->first);
	line = access_entry_line(item->first);
	if (line != 0)
		say(l, item, true,
		    "never used: line %u has the same key (\"%.*s\")", line,
		    SHOW(value));
	else
		say(l, item, true,
		    "never used: the same key stands before it (\"%.*s\")",
		    SHOW(value));
}

/* --- values --- */

/* What others call our words. */
static const char *
find_synonym(struct mf_text word)
{
	static const char *const synonyms[][2] = {{"ACCEPT", "OK"},
	    {"ALLOW", "OK"}, {"PASS", "OK"}, {"PERMIT", "OK"},
	    {"BLOCK", "REJECT"}, {"DENY", "REJECT"}, {"FAIL", "REJECT"},
	    {"REFUSE", "REJECT"}, {"GREYLIST", "TEMPFAIL"}, {"DROP", "DISCARD"},
	    {"IGNORE", "SKIP"}, {"NONE", "SKIP"}};

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (text_eq_fold(word, mf_text_of(synonyms[i][0])))
			return synonyms[i][1];
	return similar_word(word, action_words);
}

static void
check_unknown(const struct lint_run *l, const struct lint_item *item)
{
	struct mf_text value = text_trim(access_entry_value(item->entry)),
		       rest = value, word;
	const char *meant;

	if (!text_cut(&rest, ' ', &word))
		word = value;
	meant = find_synonym(word);
	if (meant != NULL)
		say(l, item, true,
		    "there is no action \"%.*s\"; is \"%s\" meant?", SHOW(word),
		    meant);
	else if (lookup_is_friend(value) || lookup_is_hater(value))
		say(l, item, true, "\"%.*s\" is for the tag Spam: alone",
		    SHOW(value));
	else if (item->key.subject.len == 0 &&
	    (text_find(word, '.') != word.len ||
		text_find(word, '@') != word.len))
		say(l, item, true,
		    "there is no action \"%.*s\"; if it belongs to the key, "
		    "write it as %.*s:%.*s",
		    SHOW(word), SHOW(item->key.tag), SHOW(word));
	else
		say(l, item, true, "there is no action \"%.*s\"", SHOW(value));
}

/* Text that isn't sent as it is written, or not at all. */
static void
check_text(const struct lint_run *l, const struct lint_item *item,
    const struct action *a)
{
	switch (a->verb) {
	case ACTION_OK:
	case ACTION_WHITELIST:
	case ACTION_SKIP:
		if (a->text.len != 0)
			say(l, item, false,
			    "what stands behind %s has no meaning; a comment "
			    "is a line that begins with \"#\"",
			    action_text(a->verb));
		return;
	case ACTION_REJECT:
	case ACTION_TEMPFAIL:
	case ACTION_ERROR:
	case ACTION_DISCARD:
	case ACTION_QUARANTINE:
		if (!text_is_printable(a->text))
			say(l, item, false,
			    "the text isn't printable ASCII; other octets are "
			    "replaced");
		if (a->text.len >= REPLY_SIZE)
			say(l, item, false, "the text is cut at %d octets",
			    REPLY_SIZE - 1);
		return;
	}
}

/* What dkim-pass can't be told, or shouldn't. */
static void
check_dkim(const struct lint_run *l, const struct lint_item *item,
    const struct action *a)
{
	if (a->verb == ACTION_DISCARD || a->verb == ACTION_QUARANTINE)
		say(l, item, true,
		    "%s has no meaning for a signature: OK, SKIP or REJECT",
		    action_text(a->verb));
	if (item->key.subject.len == 0 &&
	    (a->verb == ACTION_OK || a->verb == ACTION_WHITELIST))
		say(l, item, true,
		    "the signature of any domain would count: senders of spam "
		    "sign with their own");
}

/* Values that are fine, but not here. */
static void
check_effect(const struct lint_run *l, const struct lint_item *item,
    const struct action *a)
{
	if (item->key.kind == LINT_RCPT && a->verb != ACTION_OK &&
	    a->verb != ACTION_WHITELIST && a->verb != ACTION_SKIP)
		say(l, item, false,
		    "%s does nothing to a recipient but what SKIP does: no "
		    "exemption",
		    action_text(a->verb));
	if (a->unless_dkim && item->key.kind != LINT_SENDER)
		say(l, item, true,
		    "UNLESS-DKIM is for the tags spf- and srs- alone: a "
		    "signature can't stand for %s",
		    item->key.kind == LINT_NULL ? "the null sender"
			: item->key.kind == LINT_HELO
			? "a HELO name"
			: "what this tag is about");
	if (item->key.kind == LINT_DKIM)
		check_dkim(l, item, a);
	if (a->verb == ACTION_ERROR && a->code == 421)
		say(l, item, false,
		    "421 ends the whole connection in sendmail and Postfix");
}

static void
check_value(const struct lint_run *l, const struct lint_item *item)
{
	struct mf_text value = access_entry_value(item->entry);
	struct action action;
	enum action_status status;

	if (item->key.kind == LINT_SPAM) {
		if (!lookup_is_friend(value) && !lookup_is_hater(value))
			say(l, item, false,
			    "only FRIEND and HATER have a meaning for Spam:");
		return;
	}
	status = action_parse(value, &action);
	switch (status) {
	case ACTION_UNKNOWN:
		check_unknown(l, item);
		return;
	case ACTION_UNSUPPORTED:
	case ACTION_BAD_UNLESS:
	case ACTION_BAD_CODE:
		say(l, item, true, "%s", action_problem(status, value));
		return;
	case ACTION_CORRECTED:
		say(l, item, true, "%s", action_problem(status, value));
		break;
	case ACTION_VALID:
		break;
	}
	check_text(l, item, &action);
	check_effect(l, item, &action);
}

/* --- entries and those that would decide without them --- */

static bool
is_same(const struct action *a, const struct access_entry *entry)
{
	struct action other, *b = &other;

	return action_is_understood(access_entry_action(entry, b)) &&
	    a->verb == b->verb && a->code == b->code &&
	    a->unless_dkim == b->unless_dkim && mf_text_eq(a->dsn, b->dsn) &&
	    mf_text_eq(a->text, b->text);
}

/* The entry that decides where item's would, were that not there. */
static const struct access_entry *
find_wider(const struct lint_run *l, const struct lint_item *item)
{
	char child[LOOKUP_KEY_SIZE];
	struct text_out out = text_out(child, sizeof(child));
	struct mf_text subject = item->key.subject, key;
	struct lookup_keys keys;
	bool is_behind = false;

	/* A parent is met on the way from something below it. */
	if (text_starts(subject, MF_TEXT("."))) {
		out_char(&out, 'x');
		out_text(&out, subject);
		subject = out_view(&out);
	}
	lookup_keys(&keys, item->key.tag, subject);
	while (lookup_next(&keys, &key)) {
		const struct access_entry *e =
		    is_behind ? access_table_find(l->table, key) : NULL;

		if (e != NULL)
			return e;
		if (mf_text_eq(key, access_entry_key(item->entry)))
			is_behind = true;
	}
	return NULL;
}

/*
 * Whether a key user@ comes between: then what decides for a domain depends on
 * the local part.
 */
static bool
is_split(const struct lint_run *l, const struct lint_item *item,
    const struct access_entry *wider)
{
	struct lint_key key;

	if (!l->has_user[item->key.number] || item->key.subject.len == 0 ||
	    text_find(item->key.subject, '@') != item->key.subject.len)
		return false;
	if (wider == NULL)
		return true;
	lint_key_parse_(access_entry_key(wider), &key);
	return key.subject.len == 0;
}

/* Whether no other tag is looked up behind this one. */
static bool
is_last_tag(const struct lint_key *key)
{
	return (text_starts(key->tag, MF_TEXT("spf-")) &&
		   !mf_text_eq(key->tag, MF_TEXT("spf-none")) &&
		   key->kind == LINT_SENDER) ||
	    key->kind == LINT_HELO || key->kind == LINT_AUTH ||
	    key->kind == LINT_DKIM;
}

static void
check_wider(const struct lint_run *l, const struct lint_item *item)
{
	const struct access_entry *wider;
	struct action action;
	struct mf_text key;

	if (item->key.kind == LINT_SPAM ||
	    !action_is_understood(access_entry_action(item->entry, &action)))
		return;
	if (!item->key.has_colon) {
		/* The other spelling comes before it, and always fits. */
		char other[32];
		struct text_out out = text_out(other, sizeof(other));

		out_text(&out, item->key.tag);
		out_char(&out, ':');
		wider = access_table_find(l->table, out_view(&out));
		if (wider != NULL)
			say(l, item, !is_same(&action, wider),
			    "never looked up: \"%s:\" comes before it, and "
			    "fits everything",
			    lint_tags_[item->key.number]);
		return;
	}
	wider = find_wider(l, item);
	if (is_split(l, item, wider))
		return;
	if (wider == NULL) {
		if (action.verb == ACTION_SKIP && !action.unless_dkim &&
		    item->key.kind != LINT_DKIM && is_last_tag(&item->key))
			say(l, item, false,
			    "%s does nothing: no wider key would decide",
			    action_text(action.verb));
		return;
	}
	key = access_entry_key(wider);
	if (is_same(&action, wider))
		say(l, item, false, "redundant: \"%.*s\" would decide the same",
		    SHOW(key));
}

/* --- all entries --- */

static void
check(const struct lint_run *l, const struct lint_item *item)
{
	if (item->key.number == LINT_TAGS) {
		check_tag(l, item);
		return;
	}
	check_duplicate(l, item);
	check_key(l, item);
	check_value(l, item);
	if (item->first == NULL && lint_key_problem_(&item->key) == NULL)
		check_wider(l, item);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct lint_item *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void
fill(struct lint_run *l, struct lint_item *items, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		struct lint_item *item = &items[n];

		item->entry = access_table_at(l->table, n);
		item->first = NULL;
		item->number = n;
		item->line = access_entry_line(item->entry);
		if (n != 0 &&
		    mf_text_eq(access_entry_key(item->entry),
			access_entry_key(item[-1].entry)))
			item->first = item[-1].first != NULL ? item[-1].first
							     : item[-1].entry;
		if (lint_key_parse_(
			access_entry_key(item->entry), &item->key) &&
		    text_ends_fold(item->key.subject, MF_TEXT("@")))
			l->has_user[item->key.number] = true;
	}
}

bool
access_lint(
    const struct access_table *table, const char *file, struct report *report)
{
	struct lint_run run = {.table = table, .file = file, .report = report};
	size_t count = access_table_count(table);
	struct lint_item *items = calloc(count + 1, sizeof(*items));

	if (items == NULL) {
		report_error(report, file, 0, NULL, "out of memory");
		return false;
	}
	if (count == 0)
		report_warning(report, file, 0, NULL,
		    "has no entry for SPF results: each gets its default "
		    "action");
	fill(&run, items, count);
	qsort(items, count, sizeof(*items), compare_lines);
	for (size_t n = 0; n < count; n++)
		check(&run, &items[n]);
	free(items);
	return true;
}
