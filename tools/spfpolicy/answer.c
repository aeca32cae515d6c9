/* SPDX-License-Identifier: ISC */
#include "tools/spfpolicy/answer.h"

#include <stdio.h>

#include "common/escape.h"
#include "settings/spfmilter.h"

static const char *const type_texts[] = {
    [ACCESS_TEXT] = "text",
    [ACCESS_TEXTHASH] = "texthash",
    [ACCESS_BERKELEY] = "Berkeley DB",
    [ACCESS_LMDB] = "LMDB",
    [ACCESS_CDB] = "CDB",
};

static void
put(struct mf_text t)
{
	escape_terminal(stdout, t);
}

static void
put_line(const char *name, struct mf_text value)
{
	printf("%s: ", name);
	put(value);
	putchar('\n');
}

/* What an entry says; SKIP if it can't be understood. */
static enum action_verb
verb_of(const struct access_entry *e)
{
	struct action action;

	return action_is_understood(access_entry_action(e, &action))
	    ? action.verb
	    : ACTION_SKIP;
}

static void
print_entry(const struct access *access, const struct access_entry *e)
{
	put_line("key", e != NULL ? access_entry_key(e) : MF_TEXT("none"));
	if (e == NULL)
		return;
	printf("where: ");
	put(mf_text_of(access->path));
	if (access_entry_line(e) != 0)
		printf(":%u\n", access_entry_line(e));
	else
		printf(" (%s)\n", type_texts[access->type]);
	put_line("value", access_entry_value(e));
}

void
answer_print_key(
    void *arg, struct mf_text key, const struct access_entry *entry)
{
	(void)arg;
	printf("lookup: ");
	put(key);
	printf(" -> ");
	put(entry != NULL ? access_entry_value(entry) : MF_TEXT("not there"));
	putchar('\n');
}

static const char *
happening(enum lookup_identity identity, enum action_verb verb)
{
	bool helo = identity == LOOKUP_HELO;

	switch (verb) {
	case ACTION_OK:
	case ACTION_SKIP:
		return helo ? "accepted, if the policy of MAIL FROM has "
			      "nothing against it"
			    : "accepted";
	case ACTION_WHITELIST:
		return identity == LOOKUP_AUTH
		    ? "accepted"
		    : "accepted, whatever the other identity's policy says";
	case ACTION_REJECT:
	case ACTION_ERROR:
		return helo ? "refused, unless MAIL FROM is pass or temperror"
			    : "refused";
	case ACTION_TEMPFAIL:
		return helo ? "refused for now, unless MAIL FROM is pass or "
			      "temperror"
			    : "refused for now";
	case ACTION_DISCARD:
		return "accepted, and thrown away";
	case ACTION_QUARANTINE:
		return "accepted, and kept in quarantine";
	}
	return "";
}

void
answer_print(const struct spfpolicy_options *o, const struct access *access,
    const struct lookup_answer *a)
{
	const struct access_entry *e = a->entry;
	struct mf_text value = e != NULL ? access_entry_value(e) : MF_TEXT("");
	struct action action;
	enum action_status status = action_parse(value, &action);

	puts(action_text(e != NULL ? verb_of(e) : a->verb));
	print_entry(access, e);
	if (e != NULL && status != ACTION_VALID)
		printf("problem: %s\n", action_problem(status, value));
	if (e == NULL || verb_of(e) == ACTION_SKIP)
		printf("default: %s (%s, %s)\n", action_text(a->verb),
		    o->identity == LOOKUP_AUTH ? "smtp-auth"
					       : spf_result_text(o->result),
		    lookup_defaults_names[o->defaults]);
	printf("happens: %s\n", happening(o->identity, a->verb));
	if (a->unless_dkim)
		puts("unless: a DKIM signature counts (dkim = verify)");
	if (a->code != 0) {
		printf("reply: %u %s%s", a->code, a->dsn,
		    a->text.len != 0 ? " " : "");
		put(a->text);
		putchar('\n');
	} else if (a->text.len != 0)
		put_line("reason", a->text);
}

void
answer_print_exempt(const struct access *access, const struct access_entry *e)
{
	enum action_verb verb = e != NULL ? verb_of(e) : ACTION_SKIP;

	/* sendmail's FRIEND is no action of ours. */
	puts(action_text(verb != ACTION_SKIP ? verb : ACTION_OK));
	print_entry(access, e);
	puts("happens: accepted for this recipient, whatever SPF says");
}

void
answer_print_no_exemption(
    const struct access *access, const struct access_entry *e)
{
	puts(action_text(ACTION_SKIP));
	print_entry(access, e);
	puts("happens: no exemption: the sender's policy decides");
}

void
answer_print_dkim(
    const struct access *access, enum lookup_dkim how, struct lookup_answer *a)
{
	static const char *const happens[] = {
	    [LOOKUP_DKIM_DEFAULT] =
		"its signatures lift UNLESS-DKIM for senders in it or below it",
	    [LOOKUP_DKIM_OK] = "its signatures lift UNLESS-DKIM for any sender",
	    [LOOKUP_DKIM_SKIP] = "its signatures don't lift anything",
	    [LOOKUP_DKIM_REFUSE] = "what it has signed is refused",
	};

	puts(action_text(a->entry != NULL ? verb_of(a->entry) : ACTION_SKIP));
	print_entry(access, a->entry);
	printf("happens: %s\n", happens[how]);
	if (a->code == 0)
		return;
	printf("reply: %u %s%s", a->code, a->dsn, a->text.len != 0 ? " " : "");
	put(a->text);
	putchar('\n');
}
