/* SPDX-License-Identifier: ISC */
#include "access/lookup.h"

/* --- keys --- */

/* What stands behind the tag, in the order of asking. */
enum lookup_form {
	FORM_ADDRESS,        /* user+detail@domain */
	FORM_STAR_ADDRESS,   /* user+*@domain */
	FORM_PLAIN_ADDRESS,  /* user@domain, if that is another one */
	FORM_DOMAIN,         /* domain */
	FORM_DOTTED_PARENTS, /* .parent, and so on */
	FORM_PARENTS,        /* parent, and so on */
	FORM_LOCAL,          /* user+detail@ */
	FORM_STAR_LOCAL,     /* user+*@ */
	FORM_PLAIN_LOCAL,    /* user@, if that is another one */
	FORM_USER,           /* user@ */
	FORM_COLON,          /* nothing */
	FORM_TAG,            /* nothing, not even a colon */
	FORM_END
};

static const unsigned char our_forms[] = {FORM_ADDRESS, FORM_PLAIN_ADDRESS,
    FORM_DOMAIN, FORM_DOTTED_PARENTS, FORM_USER, FORM_COLON, FORM_TAG,
    FORM_END};

/* sendmail's rulesets F, D and U, in the order in which check_rcpt has them. */
static const unsigned char spam_forms[] = {FORM_ADDRESS, FORM_STAR_ADDRESS,
    FORM_PLAIN_ADDRESS, FORM_DOMAIN, FORM_PARENTS, FORM_LOCAL, FORM_STAR_LOCAL,
    FORM_PLAIN_LOCAL, FORM_END};

static struct mf_text
without_detail(struct mf_text local)
{
	size_t plus = text_find(local, '+');

	if (local.len == 0 || local.p[0] == '"' || plus == 0)
		return local;
	return text_head(local, plus);
}

static void
begin(struct lookup_keys *keys, struct mf_text tag, struct mf_text local,
    struct mf_text domain)
{
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	keys->forms = our_forms;
	keys->tag = tag;
	keys->local = local;
	keys->user = without_detail(local);
	keys->domain = domain;
	keys->label = 0;
}

void
lookup_keys(
    struct lookup_keys *keys, struct mf_text tag, struct mf_text subject)
{
	size_t at = text_rfind(subject, '@');

	if (at == subject.len)
		begin(keys, tag, MF_TEXT(""), subject);
	else
		begin(keys, tag, text_head(subject, at),
		    text_from(subject, at + 1));
}

/* The next parent; an address literal has none. */
static bool
next_parent(struct lookup_keys *keys, struct mf_text *parent)
{
	struct mf_text rest = text_from(keys->domain, keys->label);
	size_t dot = text_find(rest, '.');

	if (dot == rest.len || keys->domain.p[0] == '[')
		return false;
	keys->label += dot + 1;
	*parent = text_from(keys->domain, keys->label);
	return true;
}

static bool
put_address(struct text_out *out, bool there, struct mf_text local,
    const char *detail, struct mf_text domain)
{
	if (!there || local.len == 0)
		return false;
	out_text(out, local);
	out_str(out, detail);
	out_char(out, '@');
	out_text(out, domain);
	return true;
}

static bool
put_domain(struct text_out *out, const char *dot, struct mf_text domain)
{
	if (domain.len == 0)
		return false;
	out_str(out, dot);
	out_text(out, domain);
	return true;
}

/* Write what form asks for behind the tag; false: there is no such thing. */
static bool
put_form(struct lookup_keys *k, enum lookup_form form, struct text_out *out)
{
	bool detail = k->user.len != k->local.len;
	bool domain = k->domain.len != 0;
	struct mf_text none = MF_TEXT(""), parent = none;

	switch (form) {
	case FORM_ADDRESS:
		return put_address(out, domain, k->local, "", k->domain);
	case FORM_STAR_ADDRESS:
		return put_address(
		    out, domain && detail, k->user, "+*", k->domain);
	case FORM_PLAIN_ADDRESS:
		return put_address(
		    out, domain && detail, k->user, "", k->domain);
	case FORM_DOMAIN:
		return put_domain(out, "", k->domain);
	case FORM_DOTTED_PARENTS:
		return next_parent(k, &parent) && put_domain(out, ".", parent);
	case FORM_PARENTS:
		return next_parent(k, &parent) && put_domain(out, "", parent);
	case FORM_LOCAL:
		return put_address(out, true, k->local, "", none);
	case FORM_STAR_LOCAL:
		return put_address(out, detail, k->user, "+*", none);
	case FORM_PLAIN_LOCAL:
		return put_address(out, detail, k->user, "", none);
	case FORM_USER:
		return put_address(out, true, k->user, "", none);
	case FORM_COLON:
		return true;
	case FORM_TAG:
		out->len--;
		return true;
	case FORM_END:
		return false;
	}
	return false;
}

bool
lookup_next(struct lookup_keys *keys, struct mf_text *key)
{
	while (*keys->forms != FORM_END) {
		enum lookup_form form = (enum lookup_form) * keys->forms;
		struct text_out out = text_out(keys->key, sizeof(keys->key));
		bool parents =
		    form == FORM_PARENTS || form == FORM_DOTTED_PARENTS;

		out_text(&out, keys->tag);
		out_char(&out, ':');
		bool is_there = put_form(keys, form, &out);
		if (!is_there || !parents)
			keys->forms++;
		if (!is_there || out.full)
			continue;
		ascii_lower_all(keys->key, out.len);
		*key = out_view(&out);
		return true;
	}
	return false;
}

static const struct access_entry *
find(const struct access_table *table, struct lookup_keys *keys,
    const struct lookup_trace *trace)
{
	struct mf_text key;

	while (lookup_next(keys, &key)) {
		const struct access_entry *entry =
		    table != NULL ? access_table_find(table, key) : NULL;

		if (trace != NULL)
			trace->key(trace->arg, key, entry);
		if (entry != NULL)
			return entry;
	}
	return NULL;
}

/* --- senders --- */

/*
 * What is done without an entry, and the enhanced code if something is refused;
 * NULL: X.7.1.
 */
struct lookup_rule {
	enum action_verb verb;
	const char *reject, *tempfail;
	bool defers; /* REJECT without a code of its own is for now */
};

/* For LOOKUP_MAILFROM and its kin, and for LOOKUP_HELO.  Else OK. */
static const struct lookup_rule rules[][2][SPF_PERMERROR + 1] =
    {
	[LOOKUP_RFC] =
	    {
		{
		    [SPF_FAIL] = {ACTION_REJECT, "5.7.23", NULL, false},
		    [SPF_PERMERROR] = {ACTION_REJECT, "5.7.24", NULL, false},
		    [SPF_TEMPERROR] = {ACTION_TEMPFAIL, NULL, "4.7.24", false},
		},
		{
		    [SPF_FAIL] = {ACTION_REJECT, "5.7.23", NULL, false},
		    [SPF_PERMERROR] = {ACTION_OK, "5.7.24", NULL, false},
		    [SPF_TEMPERROR] = {ACTION_OK, NULL, "4.7.24", false},
		},
	    },
	[LOOKUP_PYMILTER] =
	    {
		{
		    [SPF_FAIL] = {ACTION_REJECT, NULL, NULL, false},
		    [SPF_PERMERROR] = {ACTION_REJECT, "5.5.2", NULL, false},
		    /* There REJECT is what that program does itself. */
		    [SPF_TEMPERROR] = {ACTION_TEMPFAIL, NULL, "4.3.0", true},
		},
		{
		    [SPF_FAIL] = {ACTION_REJECT, NULL, NULL, false},
		    [SPF_SOFTFAIL] = {ACTION_REJECT, NULL, NULL, false},
		    [SPF_NEUTRAL] = {ACTION_REJECT, NULL, NULL, false},
		},
	    },
};

static const struct lookup_rule auth_rule = {ACTION_OK, NULL, NULL, false};

static const struct lookup_rule *
rule_of(const struct lookup_query *q)
{
	if (q->identity == LOOKUP_AUTH)
		return &auth_rule;
	return &rules[q->defaults][q->identity == LOOKUP_HELO][q->result];
}

static const struct access_entry *
find_result(const struct access_table *table, const struct lookup_query *q,
    const char *prefix, enum spf_result result)
{
	char tag[32];
	struct text_out out = text_out(tag, sizeof(tag));
	struct lookup_keys keys;

	out_str(&out, prefix);
	out_str(&out, spf_result_text(result));
	lookup_keys(&keys, out_view(&out), q->subject);
	return find(table, &keys, q->trace);
}

static const struct access_entry *
find_sender(const struct access_table *table, const struct lookup_query *q)
{
	const struct access_entry *entry = NULL;
	struct lookup_keys keys;

	switch (q->identity) {
	case LOOKUP_AUTH:
		lookup_keys(&keys, MF_TEXT("smtp-auth"), q->subject);
		return find(table, &keys, q->trace);
	case LOOKUP_HELO:
		return find_result(table, q, "helo-", q->result);
	case LOOKUP_NULL:
		entry = find_result(table, q, "null-", q->result);
		break;
	case LOOKUP_SRS:
		entry = find_result(table, q, "srs-", q->result);
		break;
	case LOOKUP_MAILFROM:
		break;
	}
	if (entry == NULL)
		entry = find_result(table, q, "spf-", q->result);
	if (entry == NULL && q->result == SPF_NONE)
		entry = find_result(table, q, "spf-", SPF_NEUTRAL);
	return entry;
}

/* A refusal: what the entry leaves open is the rule's. */
static void
refuse(const struct lookup_rule *rule, const struct action *action,
    bool for_good, struct lookup_answer *out)
{
	const char *dsn = for_good ? rule->reject : rule->tempfail;
	struct text_out o = text_out(out->dsn, sizeof(out->dsn) - 1);

	out->verb = for_good ? ACTION_REJECT : ACTION_TEMPFAIL;
	out->code = action->code;
	if (action->code == 0)
		out->code = for_good ? 550 : 451;
	if (action->dsn.len != 0)
		out_text(&o, action->dsn);
	else if (dsn != NULL)
		out_str(&o, dsn);
	else
		out_str(&o, for_good ? "5.7.1" : "4.7.1");
	out->dsn[o.len] = '\0';
	out->text = action->text;
}

void
lookup_ask(const struct access_table *table, const struct lookup_query *query,
    struct lookup_answer *out)
{
	const struct lookup_rule *rule = rule_of(query);
	const struct access_entry *entry = find_sender(table, query);
	struct action action = {.verb = rule->verb}, written;

	*out = (struct lookup_answer){.entry = entry, .verb = rule->verb};
	if (entry != NULL &&
	    action_is_understood(access_entry_action(entry, &written))) {
		out->unless_dkim = written.unless_dkim &&
		    (query->identity == LOOKUP_MAILFROM ||
			query->identity == LOOKUP_SRS);
		if (written.verb != ACTION_SKIP)
			action = written;
	}
	switch (action.verb) {
	case ACTION_REJECT:
		refuse(
		    rule, &action, !rule->defers || action.dsn.len != 0, out);
		return;
	case ACTION_TEMPFAIL:
		refuse(rule, &action, false, out);
		return;
	case ACTION_ERROR:
		refuse(rule, &action, action.code >= 500, out);
		return;
	case ACTION_DISCARD:
	case ACTION_QUARANTINE:
		out->text = action.text;
		out->verb = action.verb;
		return;
	case ACTION_OK:
	case ACTION_WHITELIST:
	case ACTION_SKIP:
		out->verb = action.verb;
		out->unless_dkim = false;
		return;
	}
}

/* --- DKIM --- */

enum lookup_dkim
lookup_dkim_pass(const struct access_table *table, struct mf_text d,
    const struct lookup_trace *trace, struct lookup_answer *out)
{
	static const struct lookup_rule rule = {ACTION_OK, NULL, NULL, false};
	struct action action = {.verb = ACTION_SKIP};
	struct lookup_keys keys;

	lookup_keys(&keys, MF_TEXT("dkim-pass"), d);
	*out = (struct lookup_answer){
	    .entry = find(table, &keys, trace), .verb = ACTION_SKIP};
	if (out->entry == NULL)
		return LOOKUP_DKIM_DEFAULT;
	if (!action_is_understood(access_entry_action(out->entry, &action)))
		return LOOKUP_DKIM_SKIP;
	out->verb = action.verb;
	switch (action.verb) {
	case ACTION_OK:
	case ACTION_WHITELIST:
		return LOOKUP_DKIM_OK;
	case ACTION_REJECT:
	case ACTION_TEMPFAIL:
	case ACTION_ERROR:
		refuse(&rule, &action,
		    action.verb == ACTION_REJECT || action.code >= 500, out);
		return LOOKUP_DKIM_REFUSE;
	case ACTION_SKIP:
	case ACTION_DISCARD:
	case ACTION_QUARANTINE:
		return LOOKUP_DKIM_SKIP;
	}
	return LOOKUP_DKIM_SKIP;
}

static bool
is_deferring(struct mf_text key, const struct access_entry *e)
{
	struct action action = {.unless_dkim = false};

	return (text_starts(key, MF_TEXT("spf-")) ||
		   text_starts(key, MF_TEXT("srs-"))) &&
	    !text_starts(key, MF_TEXT("spf-to")) &&
	    action_is_understood(access_entry_action(e, &action)) &&
	    action.unless_dkim;
}

struct lookup_dkim_uses
lookup_dkim_uses(const struct access_table *table)
{
	struct lookup_dkim_uses uses = {.unless_dkim = false};

	for (size_t i = 0; i < access_table_count(table); i++) {
		const struct access_entry *e = access_table_at(table, i);
		struct mf_text key = access_entry_key(e);

		uses.unless_dkim = uses.unless_dkim || is_deferring(key, e);
		uses.dkim_pass =
		    uses.dkim_pass || text_starts(key, MF_TEXT("dkim-pass"));
	}
	return uses;
}

/* --- recipients --- */

bool
lookup_is_friend(struct mf_text value)
{
	return text_eq_fold(text_trim(value), MF_TEXT("FRIEND"));
}

bool
lookup_is_hater(struct mf_text value)
{
	return text_eq_fold(text_trim(value), MF_TEXT("HATER"));
}

/* A recipient without a domain is a local part (RFC 5321 4.1.1.3). */
static void
begin_recipient(
    struct lookup_keys *keys, struct mf_text tag, struct mf_text rcpt)
{
	if (text_find(rcpt, '@') == rcpt.len)
		begin(keys, tag, rcpt, MF_TEXT(""));
	else
		lookup_keys(keys, tag, rcpt);
}

bool
lookup_is_exempt(const struct access_table *table, enum lookup_recipients how,
    struct mf_text recipient, const struct lookup_trace *trace,
    const struct access_entry **entry)
{
	struct lookup_keys keys;
	struct action action;

	begin_recipient(&keys, MF_TEXT("spf-to"), recipient);
	*entry = find(table, &keys, trace);
	if (*entry != NULL)
		return action_is_understood(
			   access_entry_action(*entry, &action)) &&
		    (action.verb == ACTION_OK ||
			action.verb == ACTION_WHITELIST);
	if (how == LOOKUP_RCPT_TO)
		return false;
	begin_recipient(&keys, MF_TEXT("spam"), recipient);
	keys.forms = spam_forms;
	*entry = find(table, &keys, trace);
	if (how == LOOKUP_RCPT_FRIEND)
		return *entry != NULL &&
		    lookup_is_friend(access_entry_value(*entry));
	return *entry == NULL || !lookup_is_hater(access_entry_value(*entry));
}
