/* SPDX-License-Identifier: ISC */
/*
 * spfpolicy: look up what the command line asks for.
 */
#include <stdio.h>

#include "tools/spfpolicy/answer.h"

/* An address, and what is put around it. */
#define ADDRESS_MAX (4 * LOOKUP_KEY_SIZE)

static const struct lookup_trace trace = {.key = answer_print_key};

/* spfmilter looks a domain up as the DNS has it. */
static void
put_mailfrom(struct mf_text sender, struct text_out *out)
{
	size_t at = text_rfind(sender, '@'), len;
	struct mf_text domain = text_from(sender, at + 1);
	char name[SPF_NAME_SIZE];

	if (!text_is_ascii(domain) && spf_name_to_ascii(domain, name, &len) &&
	    len != 0)
		domain = mf_text_at(name, len);
	out_text(out, text_head(sender, at + 1));
	out_text(out, domain);
}

/* What is looked up, in out; false: it is too long. */
static bool
put_subject(const struct spfpolicy_options *o, struct text_out *out)
{
	struct mf_text sender = text_without_brackets(mf_text_of(o->sender));

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
	answer_print(o, access, &answer);
	if (o->recipient != NULL)
		puts("recipient: not exempt");
	query->trace = &trace;
	if (o->trace)
		lookup_ask(access->table, query, &answer);
}

static int
ask_dkim(const struct spfpolicy_options *o, const struct access *access)
{
	struct mf_text d = mf_text_of(o->dkim);
	struct lookup_answer answer;
	enum lookup_dkim how =
	    lookup_dkim_pass(access->table, d, NULL, &answer);

	answer_print_dkim(access, how, &answer);
	if (o->trace)
		lookup_dkim_pass(access->table, d, &trace, &answer);
	return SPFPOLICY_OK;
}

/* An exemption comes before what is said of the sender. */
int
spfpolicy_ask(const struct spfpolicy_options *o, const struct access *access)
{
	char subject[ADDRESS_MAX];
	struct text_out room = text_out(subject, sizeof(subject));
	struct mf_text recipient =
	    text_without_brackets(mf_text_of(o->recipient));
	const struct access_entry *entry = NULL;
	struct lookup_query query;

	if (o->dkim != NULL)
		return ask_dkim(o, access);
	if (o->asks_sender && !make_query(o, &room, &query))
		return SPFPOLICY_USAGE;
	if (o->recipient != NULL &&
	    lookup_is_exempt(
		access->table, o->delay_checks, recipient, NULL, &entry))
		answer_print_exempt(access, entry);
	else if (o->asks_sender)
		ask_sender(o, access, &query);
	else
		answer_print_no_exemption(access, entry);
	if (o->trace && o->recipient != NULL)
		lookup_is_exempt(
		    access->table, o->delay_checks, recipient, &trace, &entry);
	return SPFPOLICY_OK;
}
