/* SPDX-License-Identifier: ISC */
#include "tools/spfpolicy/answer.h"

#include <stdio.h>

#include "common/escape.h"

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

static void
print_entry(const struct access *access, const struct access_entry *e)
{
	put_line("key", e != NULL ? e->key : MF_TEXT("none"));
	if (e == NULL)
		return;
	printf("where: ");
	put(mf_text_of(access->path));
	if (e->line != 0)
		printf(":%u\n", e->line);
	else
		printf(" (%s)\n", type_texts[access->type]);
	put_line("value", e->value);
}

void
answer_print_key(
    void *arg, struct mf_text key, const struct access_entry *entry)
{
	(void)arg;
	printf("lookup: ");
	put(key);
	printf(" -> ");
	put(entry != NULL ? entry->value : MF_TEXT("not there"));
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
	bool is_default = e == NULL || !action_is_understood(e->status) ||
	    e->action.verb == ACTION_SKIP;

	if (e == NULL)
		puts(action_text(a->verb));
	else
		puts(
		    action_text(action_is_understood(e->status) ? e->action.verb
								: ACTION_SKIP));
	print_entry(access, e);
	if (e != NULL && e->status != ACTION_VALID)
		printf("problem: %s\n", action_problem(e->status, e->value));
	if (is_default)
		printf("default: %s (%s, %s)\n", action_text(a->verb),
		    o->identity == LOOKUP_AUTH ? "smtp-auth"
					       : spf_result_text(o->result),
		    lookup_defaults_names[o->defaults]);
	printf("happens: %s\n", happening(o->identity, a->verb));
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
	puts(action_text(e != NULL && action_is_understood(e->status)
		? e->action.verb
		: ACTION_OK));
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
