/* SPDX-License-Identifier: ISC */
/*
 * smf-spf: smf-spf.conf of 2.0.2 and of the two that go on from there (2.1 and
 * 2.5).  A switch that was once turned from its default stays turned.
 */
#include "tools/mailfrom/convert_policy.h"

#include "common/conf.h"

static const char *const steps[] = {
    "Write the two files, this one and the access file.",
    "Check them: spfmilter -n -c /etc/mailfrom/mailfrom.conf",
    "Stop smf-spf and start spfmilter, which listens on the same socket.",
    NULL};

/* Whether any line of the key says so. */
static bool
is_turned(const struct conversion *c, const char *key, bool on)
{
	for (size_t i = 0; i < c->entries.count; i++) {
		const struct convert_entry *e = &c->entries.items[i];
		bool value;

		if (text_eq_fold(e->key, mf_text_of(key)) &&
		    conf_bool(e->value, &value) && value == on)
			return true;
	}
	return false;
}

/* --- rules --- */

static void
policy_switch(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	if (conf_bool(e->value, &on))
		convert_tell(c, e, rule->outcome, NULL, "%s", rule->why);
	else
		convert_fail(c, e, "neither on nor off: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
}

static void
item(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	convert_tell(c, e, rule->outcome, rule->section, "%s",
	    rule->why != NULL ? rule->why : "");
	convert_set(c, rule->section, rule->ours, e->value, e->line);
}

/* The end of a name there; whole labels here. */
static void
client_name(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	item(c, rule, e);
	if (e->value.p[0] != '.')
		convert_set(c, rule->section, rule->ours,
		    arena_printf(
			c->file->arena, ".%.*s", (int)e->value.len, e->value.p),
		    e->line);
}

/* A part of the address there: what isn't a user or a domain can't be said. */
static void
address_part(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text value = e->value;

	if (text_find(value, '@') == value.len || value.len == 1) {
		convert_fail(c, e,
		    "a part of an address; write a user (name@), a domain "
		    "(@example.com) or an address into %s",
		    rule->ours);
		return;
	}
	if (value.p[0] == '@')
		value = text_from(value, 1);
	convert_tell(c, e, CONVERT_OTHER, rule->section,
	    "whole users, domains and addresses");
	convert_set(c, rule->section, rule->ours, value, e->line);
}

static void
recipient_part(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	/* Its default, which the first item would replace. */
	if (convert_setting(c, rule->section, rule->ours).len == 0)
		convert_set(c, rule->section, rule->ours,
		    MF_TEXT("postmaster@, abuse@"), 0);
	address_part(c, rule, e);
}

static void
socket_of(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	convert_same(c, e, "spfmilter");
	convert_set(c, "spfmilter", "listen", e->value, e->line);
}

static void
add_header(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on = true;

	(void)rule;
	conf_bool(e->value, &on);
	convert_tell(c, e, CONVERT_OTHER, "spfmilter",
	    "Authentication-Results is always added, so that later filters "
	    "find it");
	convert_set(c, "spfmilter", "received_spf",
	    on ? MF_TEXT("mailfrom") : MF_TEXT("none"), e->line);
}

static void
best_guess(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on = false;

	(void)rule;
	if (!conf_bool(e->value, &on) || !on) {
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "there is no guess by default");
		return;
	}
	convert_same(c, e, "spf");
	convert_set(c, "spf", "best_guess",
	    MF_TEXT("v=spf1 a/24 mx/24 ptr ?all"), e->line);
}

static void
reject_reason(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (text_find(e->value, '%') == e->value.len)
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "the text in the access file");
	else
		convert_tell(c, e, CONVERT_CANNOT, NULL,
		    "a text of the access file has no variables; the reply "
		    "names result, domain and client");
}

#define CANNOT(key, says)                                       \
	{                                                       \
		(key), .outcome = CONVERT_CANNOT, .why = (says) \
	}
#define NOT_NEEDED(key, says)                                       \
	{                                                           \
		(key), .outcome = CONVERT_NOT_NEEDED, .why = (says) \
	}
#define POLICY(key)                                                         \
	{                                                                   \
		(key), .apply = policy_switch, .outcome = CONVERT_SAME,     \
		       .why = "entries of the access file", .repeats = true \
	}

static const struct convert_rule rules[] = {
    {"WhitelistIP", .apply = item, .outcome = CONVERT_SAME,
	.section = "spfmilter", .ours = "internal_connect",
	.why = "not checked", .repeats = true},
    {"WhitelistIP6", .apply = item, .outcome = CONVERT_SAME,
	.section = "spfmilter", .ours = "internal_connect",
	.why = "not checked", .repeats = true},
    {"WhitelistPTR", .apply = client_name, .outcome = CONVERT_OTHER,
	.section = "spfmilter", .ours = "exempt_clients",
	.why = "checked and marked, never rejected", .repeats = true},
    {"WhitelistFrom", .apply = address_part, .outcome = CONVERT_OTHER,
	.section = "spfmilter", .ours = "exempt_senders", .repeats = true},
    {"WhitelistTo", .apply = recipient_part, .outcome = CONVERT_OTHER,
	.section = "spfmilter", .ours = "exempt_recipients", .repeats = true},
    POLICY("RefuseFail"),
    POLICY("SoftFail"),
    POLICY("AcceptTempError"),
    POLICY("RejectTempError"),
    POLICY("RejectPermError"),
    POLICY("RefuseSPFNone"),
    POLICY("RefuseSPFNoneHELO"),
    POLICY("SkipNDR"),
    {"Quarantine", .apply = policy_switch, .outcome = CONVERT_OTHER,
	.repeats = true,
	.why = "QUARANTINE in the access file: the mail server keeps the "
	       "message"},
    {"QuarantineBox", .outcome = CONVERT_OTHER,
	.why = "the quarantine or hold queue of the mail server"},
    CANNOT("TagSubject",
	"the Subject is signed by DKIM, and never changed; "
	"sort by Authentication-Results"),
    CANNOT("Tag", "the Subject is never changed"),
    {"RejectReason", .apply = reject_reason},
    {"AddHeader", .apply = add_header},
    {"AddReceivedHeader", .outcome = CONVERT_OTHER, .why = "received_spf"},
    {"AddAuthResultHeader", .outcome = CONVERT_OTHER,
	.why = "it is always added"},
    NOT_NEEDED("AddSignatureHeader", "no field names the program"),
    NOT_NEEDED("WrapHeader", "fields are always folded"),
    NOT_NEEDED("HeaderWidth", "fields are folded at 78 columns or less"),
    {"DelayChecks", .outcome = CONVERT_OTHER,
	.why = "mail is rejected at RCPT unless reject_at is mail"},
    NOT_NEEDED("SkipAuth", "authenticated clients are never checked"),
    CANNOT("FixedClientIP",
	"a filter checks the client that the mail server reports"),
    CANNOT("ClientIPNAT",
	"a filter checks the client that the mail server reports"),
    NOT_NEEDED("RelaxedLocalPart", "the mail server limits local parts"),
    {"SPFBestGuess", .apply = best_guess},
    NOT_NEEDED("TTL", "answers are kept for as long as the DNS says"),
    NOT_NEEDED("User",
	"spfmilter runs as the user mailfrom-spf; see user in [spfmilter]"),
    {"Socket", .apply = socket_of},
    NOT_NEEDED("Syslog", "the facility is mail; see to in [log]"),
    NOT_NEEDED("LogTo", "the log goes to syslog; see to in [log]"),
    {"Daemonize", .outcome = CONVERT_OTHER,
	.why = "spfmilter goes into the background unless it is started "
	       "with -f"},
};

/* --- the policy --- */

static const char *
reply(struct conversion *c, const char *value)
{
	struct mf_text text = convert_value(c, "RejectReason", MF_TEXT("%"));

	if (text_find(text, '%') != text.len)
		return value;
	text = text_head(text, 300);
	return arena_printf(
	    c->file->arena, "%s %.*s", value, (int)text.len, text.p)
	    .p;
}

static struct convert_policy
policy(struct conversion *c)
{
	struct convert_policy p = {.fail = NULL};
	bool quarantines = is_turned(c, "Quarantine", true);

	if (!is_turned(c, "RefuseFail", false))
		p.fail = reply(c,
		    is_turned(c, "SoftFail", true) ? "TEMPFAIL 4.7.23"
						   : "REJECT 5.7.23");
	else if (quarantines)
		p.fail = "QUARANTINE";
	if (quarantines)
		p.softfail = "QUARANTINE";
	if (is_turned(c, "RefuseSPFNone", true))
		p.none = reply(c, "REJECT 5.7.23");
	if (is_turned(c, "RejectPermError", true))
		p.permerror = reply(c, "REJECT 5.7.24");
	if (is_turned(c, "AcceptTempError", false) ||
	    is_turned(c, "RejectTempError", true))
		p.temperror = reply(c, "TEMPFAIL 4.7.24");
	return p;
}

static void
finish(struct conversion *c)
{
	struct convert_policy spf = policy(c), null = spf;
	const struct convert_policy nothing = {.fail = NULL};

	if (is_turned(c, "RefuseSPFNoneHELO", true))
		null.none = reply(c, "REJECT 5.7.23");
	if (is_turned(c, "SkipNDR", true))
		null = nothing;
	convert_allow_policy(c, "spf", &spf);
	convert_allow_policy(c, "null", &null);
	/* It checks the HELO name of bounces alone. */
	convert_allow_policy(c, "helo", &nothing);
	convert_set_access(c);
	if (convert_find(c, "Socket") == NULL) {
		convert_note(c, "spfmilter", "Socket isn't set: its default");
		convert_set(c, "spfmilter", "listen",
		    MF_TEXT("unix:/var/run/smfs/smf-spf.sock"), 0);
	}
	if (convert_find(c, "TagSubject") == NULL)
		convert_note(c, NULL,
		    "TagSubject isn't set, and on by default: can't: the "
		    "Subject is never changed; sort by Authentication-Results");
}

const struct convert_software convert_smf_spf = {.kind = FOREIGN_CONF_SMF_SPF,
    .parse = convert_parse_words,
    .folds_case = true,
    .rules = rules,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
    .finish = finish,
    .steps = steps};
