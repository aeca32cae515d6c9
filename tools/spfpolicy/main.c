/* SPDX-License-Identifier: ISC */
/*
 * spfpolicy: what an access file says of an SPF result, and which key says so;
 * and what is wrong with the file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "access/access.h"
#include "access/lint.h"
#include "tools/spfpolicy/spfpolicy.h"

/* An address, and what is put around it. */
#define ADDRESS_MAX (4 * LOOKUP_KEY_SIZE)

static const char *const type_texts[] = {
    [ACCESS_TEXT] = "text",
    [ACCESS_TEXTHASH] = "texthash",
    [ACCESS_BERKELEY] = "Berkeley DB",
    [ACCESS_LMDB] = "LMDB",
    [ACCESS_CDB] = "CDB",
};

/* --- printing --- */

/*
 * Print what may come from anywhere: octets that aren't printable ASCII, and
 * backslashes, as escapes, so that nothing plays with the terminal.
 */
static void
put(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c == '\\')
			fputs("\\\\", stdout);
		else if (c < ' ' || c > '~')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
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

static void
print_key(void *arg, struct mf_text key, const struct access_entry *entry)
{
	(void)arg;
	printf("lookup: ");
	put(key);
	printf(" -> ");
	put(entry != NULL ? access_entry_value(entry) : MF_TEXT("not there"));
	putchar('\n');
}

static const struct lookup_trace trace = {.key = print_key};

/* --- senders --- */

/* <a@b> as a@b. */
static struct mf_text
without_brackets(const char *s)
{
	struct mf_text t = mf_text_of(s);

	if (t.len >= 2 && t.p[0] == '<' && t.p[t.len - 1] == '>')
		return mf_text_at(t.p + 1, t.len - 2);
	return t;
}

/* The first name that a check asks for: the domain in A-labels. */
static const struct spf_answer *
note_name(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct text_out *out = arg;

	(void)rr;
	if (out->len == 0)
		out_text(out, name);
	return NULL;
}

/* spfmilter looks a domain up as the DNS has it. */
static struct mf_text
domain_of(struct mf_text sender, char name[static SPF_NAME_SIZE])
{
	struct mf_text domain = text_from(sender, text_rfind(sender, '@') + 1);
	struct text_out out = text_out(name, SPF_NAME_SIZE);
	struct spf_source source = {note_name, &out};
	struct spf_request request = {.identity = SPF_HELO, .helo = domain};
	struct spf_verdict verdict;

	if (text_is_ascii(domain))
		return domain;
	spf_evaluate(&request, &source, &verdict);
	return out.len != 0 ? out_view(&out) : domain;
}

static void
put_mailfrom(struct mf_text sender, struct text_out *out)
{
	size_t at = text_rfind(sender, '@');
	char name[SPF_NAME_SIZE];

	if (at == sender.len) {
		out_text(out, sender);
		return;
	}
	out_text(out, text_head(sender, at + 1));
	out_text(out, domain_of(sender, name));
}

/* What is looked up, in out; false: it is too long. */
static bool
put_subject(const struct spfpolicy_options *o, struct text_out *out)
{
	struct mf_text sender = without_brackets(o->sender);

	switch (o->identity) {
	case LOOKUP_MAILFROM:
	case LOOKUP_SRS:
		put_mailfrom(sender, out);
		break;
	case LOOKUP_NULL:
		/* RFC 7208 2.4 */
		out_str(out, "postmaster@");
		out_text(out, mf_text_of(o->helo));
		break;
	case LOOKUP_HELO:
		out_text(out, mf_text_of(o->helo));
		break;
	case LOOKUP_AUTH:
		out_text(out, mf_text_of(o->auth));
		out_char(out, '@');
		out_text(out, text_from(sender, text_rfind(sender, '@') + 1));
		break;
	}
	return !out->full;
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

static void
print_answer(const struct spfpolicy_options *o, const struct access *access,
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
	if (a->code != 0) {
		printf("reply: %u %s%s", a->code, a->dsn,
		    a->text.len != 0 ? " " : "");
		put(a->text);
		putchar('\n');
	} else if (a->text.len != 0)
		put_line("reason", a->text);
}

/* --- recipients --- */

static void
print_exempt(const struct access *access, const struct access_entry *e)
{
	enum action_verb verb = e != NULL ? verb_of(e) : ACTION_SKIP;

	/* sendmail's FRIEND is no action of ours. */
	puts(action_text(verb != ACTION_SKIP ? verb : ACTION_OK));
	print_entry(access, e);
	puts("happens: accepted for this recipient, whatever SPF says");
}

static void
print_no_exemption(const struct access *access, const struct access_entry *e)
{
	puts(action_text(ACTION_SKIP));
	print_entry(access, e);
	puts("happens: no exemption: the sender's policy decides");
}

/* --- asking --- */

static bool
make_query(const struct spfpolicy_options *o, struct text_out *room,
    struct lookup_query *out)
{
	if (!put_subject(o, room)) {
		fputs("spfpolicy: the address is too long\n", stderr);
		return false;
	}
	*out = (struct lookup_query){.identity = o->identity,
	    .result = o->result,
	    .subject = out_view(room),
	    .defaults = o->defaults};
	return true;
}

static void
ask_sender(const struct spfpolicy_options *o, const struct access *access,
    struct lookup_query *query)
{
	struct lookup_answer answer;

	lookup_ask(access->table, query, &answer);
	print_answer(o, access, &answer);
	if (o->recipient != NULL)
		puts("recipient: not exempt");
	query->trace = &trace;
	if (o->trace)
		lookup_ask(access->table, query, &answer);
}

/* An exemption comes before what is said of the sender. */
static int
ask(const struct spfpolicy_options *o, const struct access *access)
{
	char subject[ADDRESS_MAX];
	struct text_out room = text_out(subject, sizeof(subject));
	struct mf_text recipient = without_brackets(o->recipient);
	const struct access_entry *entry = NULL;
	struct lookup_query query;

	if (o->asks_sender && !make_query(o, &room, &query))
		return SPFPOLICY_USAGE;
	if (o->recipient != NULL &&
	    lookup_is_exempt(
		access->table, o->delay_checks, recipient, NULL, &entry))
		print_exempt(access, entry);
	else if (o->asks_sender)
		ask_sender(o, access, &query);
	else
		print_no_exemption(access, entry);
	if (o->trace && o->recipient != NULL)
		lookup_is_exempt(
		    access->table, o->delay_checks, recipient, &trace, &entry);
	return SPFPOLICY_OK;
}

/* --- lint --- */

static void
say_finding(void *arg, bool is_error, const char *line)
{
	(void)arg;
	put(mf_text_of(line));
	puts(is_error ? " [error]" : " [warning]");
}

static int
lint(const struct spfpolicy_options *o)
{
	struct report report = report_to_stderr();
	struct report findings = {.say = say_finding};
	struct access *access;

	if (access_examine(mf_text_of(o->access), &access, &report,
		&findings) != ACCESS_OK)
		return SPFPOLICY_USAGE;
	size_t count = access_table_count(access->table);
	bool ok = access_lint(access->table, access->path, &findings);
	access_free(access);
	printf("%zu %s, %u %s, %u %s\n", count,
	    count == 1 ? "entry" : "entries", findings.errors,
	    findings.errors == 1 ? "error" : "errors", findings.warnings,
	    findings.warnings == 1 ? "warning" : "warnings");
	if (!ok)
		return SPFPOLICY_USAGE;
	return findings.errors != 0 ? SPFPOLICY_FAILED : SPFPOLICY_OK;
}

static int
run(const struct spfpolicy_options *o)
{
	struct report report = report_to_stderr();
	struct access *access;
	int rc;

	if (o->lint)
		return lint(o);
	if (access_load(mf_text_of(o->access), true, &access, &report) !=
	    ACCESS_OK)
		return SPFPOLICY_USAGE;
	rc = ask(o, access);
	access_free(access);
	return rc;
}

int
main(int argc, char **argv)
{
	struct spfpolicy_options o;
	bool done;
	int rc = spfpolicy_options(argc, argv, &o, &done);

	if (rc == SPFPOLICY_OK && !done)
		rc = run(&o);
	if (fflush(stdout) != 0) {
		perror("spfpolicy: stdout");
		return SPFPOLICY_USAGE;
	}
	return rc;
}
