/* SPDX-License-Identifier: ISC */
/*
 * spf-engine: policyd-spf.conf of its policy service, and pyspf-milter.conf of
 * its filter, which has the same keys and some of its own.  What is rejected is
 * in convert_spf_engine_policy.c.
 */
#include "tools/mailfrom/convert_spf_engine.h"

#include <mailfrom/spf_resolver.h>

static const char *const policyd_steps[] = {
    "Write the two files, this one and the access file.",
    "Check them: spfmilter -n -c /etc/mailfrom/mailfrom.conf",
    "Start spfmilter, and put it in the place of policyd-spf:\n"
    "mailfrom setup spf-policy --postconf prints the command.",
    "For more than a policy service can do, connect it as a filter instead\n"
    "(mailfrom setup postfix-spfmilter); spfmilter(8) compares the two.",
    NULL};
static const char *const milter_steps[] = {
    "Write the two files, this one and the access file.",
    "Check them: spfmilter -n -c /etc/mailfrom/mailfrom.conf",
    "Stop pyspf-milter and start spfmilter, which listens on the same socket.",
    NULL};

/* --- rules --- */

static void
test_only(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool is_test = mf_text_eq(e->value, MF_TEXT("0"));

	(void)rule;
	convert_tell(c, e, CONVERT_SAME, "spfmilter", "%s",
	    is_test ? "nothing is rejected" : "mail is rejected");
	convert_set(c, "spfmilter", "mode",
	    is_test ? MF_TEXT("report") : MF_TEXT("enforce"), e->line);
}

static void
debug_level(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t n = 0;

	(void)rule;
	if (!text_uint(e->value, 100, &n) &&
	    !mf_text_eq(e->value, MF_TEXT("-1"))) {
		convert_fail(c, e, "not a number: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, CONVERT_OTHER, "log", "by level");
	convert_set(c, "log", "level",
	    n == 0       ? MF_TEXT("error")
		: n == 1 ? MF_TEXT("info")
			 : MF_TEXT("debug"),
	    e->line);
}

static void
whitelist(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	convert_rule_list(c, rule, e);
	if (e->value.len != 0)
		convert_set(
		    c, "spfmilter", "trusted_relay_check", MF_TEXT("none"), 0);
}

/* Each name, and those below it. */
static void
ptr_whitelist(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text rest = e->value, item;

	convert_tell(c, e, CONVERT_OTHER, rule->section, "%s", rule->why);
	while (convert_next_item(&rest, ", \t", &item)) {
		if (item.p[0] != '.')
			convert_set(
			    c, rule->section, rule->ours, item, e->line);
		convert_set(c, rule->section, rule->ours,
		    arena_printf(c->file->arena, "%s%.*s",
			item.p[0] == '.' ? "" : ".", (int)item.len, item.p),
		    e->line);
	}
}

static bool
is_policy_service(const struct conversion *c)
{
	return c->software->kind == FOREIGN_CONF_POLICYD_SPF;
}

/* One field there, and here. */
static void
policy_header(struct conversion *c, const struct convert_entry *e)
{
	convert_same(c, e, "spfmilter");
	convert_set(c, "spfmilter", "policy_header",
	    mf_text_eq(e->value, MF_TEXT("SPF")) ? MF_TEXT("received_spf")
		: mf_text_eq(e->value, MF_TEXT("AR"))
		? MF_TEXT("authentication_"
			  "results")
		: MF_TEXT("none"),
	    e->line);
}

static void
header_type(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool is_spf = mf_text_eq(e->value, MF_TEXT("SPF"));
	bool is_ar = mf_text_eq(e->value, MF_TEXT("AR"));

	(void)rule;
	if (!is_spf && !is_ar && !mf_text_eq(e->value, MF_TEXT("None"))) {
		convert_fail(c, e, "none of SPF, AR and None: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	if (is_policy_service(c)) {
		policy_header(c, e);
		return;
	}
	convert_tell(c, e, is_ar ? CONVERT_SAME : CONVERT_OTHER, "spfmilter",
	    "%s",
	    is_ar ? ""
		  : "Authentication-Results is always added, so that later "
		    "filters find it");
	convert_set(c, "spfmilter", "received_spf",
	    is_spf ? MF_TEXT("mailfrom") : MF_TEXT("none"), e->line);
}

static void
authserv_id(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (e->value.len == 0 || mf_text_eq(e->value, MF_TEXT("HOSTNAME"))) {
		convert_tell(c, e,
		    is_policy_service(c) ? CONVERT_SAME : CONVERT_OTHER, NULL,
		    "the name of %s, which is the default of authserv_id",
		    is_policy_service(c) ? "this host" : "the mail server");
		return;
	}
	convert_same(c, e, "spfmilter");
	convert_set(c, "spfmilter", "authserv_id", e->value, e->line);
}

static void
lookup_time(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t most = SPF_TIMEOUT_MS_MAX / 1000, n;

	(void)rule;
	if (!text_uint(e->value, UINT32_MAX, &n) || n == 0) {
		convert_fail(c, e, "not a number of seconds: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, CONVERT_OTHER, "spf",
	    "one limit for all checks of a message%s",
	    n > most ? "; mail servers don't wait for longer than this" : "");
	convert_set(c, "spf", "timeout",
	    n > most ? arena_printf(c->file->arena, "%u", (unsigned)most)
		     : e->value,
	    e->line);
}

static void
void_limit(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t n;

	(void)rule;
	if (!text_uint(e->value, UINT32_MAX, &n)) {
		convert_fail(c, e, "not a number: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	if (n >= SPF_VOIDS_MAX && n <= SPF_TERMS_MAX) {
		convert_same(c, e, "spf");
		convert_set(c, "spf", "max_voids", e->value, e->line);
		return;
	}
	convert_tell(c, e, CONVERT_CANNOT, "spf",
	    "max_voids of [spf] is %d (RFC 7208 4.6.4) to %d", SPF_VOIDS_MAX,
	    SPF_TERMS_MAX);
	convert_set(c, "spf", "max_voids",
	    n < SPF_VOIDS_MAX
		? arena_printf(c->file->arena, "%d", SPF_VOIDS_MAX)
		: arena_printf(c->file->arena, "%d", SPF_TERMS_MAX),
	    e->line);
}

static void
mock(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	convert_tell(c, e, CONVERT_NOT_NEEDED, NULL,
	    "later filters see the fields%s",
	    e->value.len != 0
		? "; note that any value, False too, turned all checks off"
		: "");
}

/* --- of the filter alone --- */

static void
socket_of(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text address = e->value;

	(void)rule;
	if (text_starts(address, MF_TEXT("inet")) &&
	    text_find(address, '@') == address.len)
		address = arena_printf(c->file->arena, "%.*s@%s",
		    (int)address.len, address.p,
		    text_starts(address, MF_TEXT("inet6")) ? "::" : "0.0.0.0");
	convert_same(c, e, "spfmilter");
	convert_set(c, "spfmilter", "listen", address, e->line);
}

/* The mask is decimal there, whatever its look. */
static void
umask_of(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t mask;

	(void)rule;
	if (!text_uint(e->value, 0777, &mask)) {
		convert_fail(c, e, "not a mask from 0 to 511: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, CONVERT_OTHER, "spfmilter",
	    "the mode that it leaves; it was read as a decimal number");
	convert_set(c, "spfmilter", "socket_mode",
	    arena_printf(c->file->arena, "%04o", 0777 & ~(unsigned)mask),
	    e->line);
}

/* "csl:" and "file:" before a data set. */
static void
internal_hosts(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text value = e->value;

	if (text_starts(value, MF_TEXT("csl:")))
		value = text_from(value, 4);
	else if (text_starts(value, MF_TEXT("file:")))
		value = text_from(value, 5);
	if (text_find(value, '!') != value.len ||
	    text_starts(value, MF_TEXT("refile:"))) {
		convert_fail(c, e,
		    "exceptions (\"!\") and patterns can't be "
		    "in internal_connect: list the hosts");
		return;
	}
	value = convert_items(c, value, ", \t");
	convert_same(c, e, rule->section);
	if (value.len != 0)
		convert_set(c, rule->section, rule->ours, value, e->line);
}

#define CANNOT(key, says)                                       \
	{                                                       \
		(key), .outcome = CONVERT_CANNOT, .why = (says) \
	}
#define NOT_NEEDED(key, says)                                       \
	{                                                           \
		(key), .outcome = CONVERT_NOT_NEEDED, .why = (says) \
	}

/* Those of both, and then those of the filter alone. */
static const struct convert_rule rules[] = {
    {"debugLevel", .apply = debug_level},
    {"TestOnly", .apply = test_only},
    {"defaultSeedOnly", .apply = test_only},
    {"HELO_reject", .apply = convert_engine_reject},
    {"Mail_From_reject", .apply = convert_engine_reject},
    {"PermError_reject", .apply = convert_engine_switch},
    {"TempError_Defer", .apply = convert_engine_switch},
    {"No_Mail", .apply = convert_engine_no_mail},
    {"Reject_Not_Pass_Domains", .outcome = CONVERT_SAME,
	.why = "entries of the access file"},
    {"SPF_Enhanced_Status_Codes", .outcome = CONVERT_SAME,
	.why = "the codes in the access file"},
    {"Reason_Message", .apply = convert_engine_reason},
    CANNOT("Reason_URL", "replies name the reason, and no URL"),
    CANNOT("HELO_pass_restriction",
	"no result starts another restriction of Postfix; its own "
	"check_sender_access and the like can"),
    CANNOT("Mail_From_pass_restriction",
	"no result starts another restriction of Postfix; its own "
	"check_sender_access and the like can"),
    CANNOT("Prospective",
	"senders of our own are checked by spfquery --ip ADDRESS instead"),
    CANNOT("Per_User",
	"the policy is the same for all recipients, but for those with "
	"spf-to: entries in the access file and exempt_recipients"),
    {"skip_addresses", .apply = convert_rule_list, .outcome = CONVERT_SAME,
	.section = "spfmilter", .ours = "internal_connect"},
    {"Whitelist", .apply = whitelist, .outcome = CONVERT_SAME,
	.section = "spfmilter", .ours = "trusted_relay",
	.why =
	    "not checked; trusted_relay_check = mark would check the client behind "
	    "a relay"},
    {"HELO_Whitelist", .apply = convert_rule_list, .outcome = CONVERT_OTHER,
	.section = "spfmilter", .ours = "exempt_helo",
	.why =
	    "the name has to pass SPF; where it has no record, write NAME v=spf1 a "
	    "-all into record_file of [spf]"},
    {"Domain_Whitelist", .apply = convert_rule_list, .outcome = CONVERT_SAME,
	.section = "spf", .ours = "trusted_forwarder"},
    {"Domain_Whitelist_PTR", .apply = ptr_whitelist, .outcome = CONVERT_OTHER,
	.section = "spfmilter", .ours = "exempt_clients",
	.why =
	    "the mail server verifies the name; checked and marked, never rejected"},
    {"Header_Type", .apply = header_type},
    NOT_NEEDED("Hide_Receiver", "no field or reply names a recipient"),
    {"Authserv_Id", .apply = authserv_id},
    {"Lookup_Time", .apply = lookup_time},
    NOT_NEEDED("Whitelist_Lookup_Time", "timeout of [spf] covers all lookups"),
    {"Void_Limit", .apply = void_limit},
    {"Mock", .apply = mock},
    NOT_NEEDED("QueueID", "each line of the log has the queue ID"),
    {"Socket", .apply = socket_of},
    NOT_NEEDED("PidFile",
	"systemd knows the process; else see pid_file in [spfmilter]"),
    NOT_NEEDED("UserID",
	"spfmilter runs as the user mailfrom-spf; see user in [spfmilter]"),
    {"UMask", .apply = umask_of},
    {"InternalHosts", .apply = internal_hosts, .outcome = CONVERT_SAME,
	.section = "spfmilter", .ours = "internal_connect"},
    NOT_NEEDED("IntHosts", "it is no setting, but a variable of the program"),
    CANNOT("MacroList",
	"internal clients are told by address (internal_connect); "
	"authenticated ones are never checked"),
};
#define RULES     (sizeof(rules) / sizeof(rules[0]))
#define OF_FILTER 7 /* at the end */

/* --- what the file leaves open --- */

static void
finish(struct conversion *c)
{
	if (convert_find(c, "skip_addresses") == NULL) {
		convert_note(
		    c, "spfmilter", "skip_addresses isn't set: its default");
		convert_set(c, "spfmilter", "internal_connect",
		    MF_TEXT("127.0.0.0/8, ::1"), 0);
	}
	convert_note(c, "spfmilter",
	    "Mail to postmaster and abuse is never rejected "
	    "(exempt_recipients); there it was");
	convert_engine_policy(c);
}

static void
finish_policyd(struct conversion *c)
{
	finish(c);
	convert_note(c, "spfmilter",
	    "Postfix started policyd-spf itself; this is where it finds "
	    "spfmilter");
	convert_set(c, "spfmilter", "policy_listen",
	    MF_TEXT("inet:10008@127.0.0.1"), 0);
	convert_set(c, "spfmilter", "listen", MF_TEXT("none"), 0);
}

static void
finish_milter(struct conversion *c)
{
	finish(c);
	if (convert_find(c, "Socket") != NULL)
		return;
	convert_note(c, "spfmilter", "Socket isn't set: its default");
	convert_set(c, "spfmilter", "listen",
	    MF_TEXT("unix:/run/pyspf-milter/pyspf-milter.sock"), 0);
}

const struct convert_software convert_policyd_spf = {
    .kind = FOREIGN_CONF_POLICYD_SPF,
    .parse = convert_parse_assignments,
    .rules = rules,
    .rule_count = RULES - OF_FILTER,
    .finish = finish_policyd,
    .steps = policyd_steps};

const struct convert_software convert_pyspf_milter = {
    .kind = FOREIGN_CONF_PYSPF_MILTER,
    .parse = convert_parse_assignments,
    .rules = rules,
    .rule_count = RULES,
    .finish = finish_milter,
    .steps = milter_steps};
