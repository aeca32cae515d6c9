/* SPDX-License-Identifier: ISC */
/* tools/mailfrom/merge.h: from a site to lines, without Postfix. */
#include "tests/unit/support.h"

#include "tools/mailfrom/merge.h"
#include "tools/mailfrom/unmerge.h"

#define BASE "mydestination = fwd.test, localhost\nmyorigin = fwd.test\n"

/* A table of the site: "key value" lines of it, by name. */
static const struct {
	const char *table, *key, *value;
} tables[] = {
    {"hash:/etc/transport", "*", "smtp:[relay.test]"},
    {"hash:/etc/catchall", "@fwd.test", "postmaster"},
    {"hash:/etc/domains", "fwd.test", "x"},
    {"hash:/etc/canonical", "@fwd.test", "@other.test"},
};

static enum site_found
look_up(struct site *site, struct mf_text table, struct mf_text key,
    struct mf_text *value)
{
	(void)site;
	if (mf_text_eq(table, MF_TEXT("mysql:/etc/unknown")))
		return SITE_UNKNOWN;
	for (size_t i = 0; i < COUNT(tables); i++) {
		if (!mf_text_eq(table, mf_text_of(tables[i].table)) ||
		    !mf_text_eq(key, mf_text_of(tables[i].key)))
			continue;
		*value = mf_text_of(tables[i].value);
		return SITE_FOUND;
	}
	return SITE_ABSENT;
}

static bool
is_10027_taken(unsigned port)
{
	return port != 10027;
}

struct fixture {
	struct site site;
	struct setup setup;
	struct plan plan;
	struct merge merge;
};

static struct mf_text domain[] = {{"fwd.test", 8}};
static struct mf_text own[] = {{"fwd.test", 8}, {"own.test", 8}};
static struct mf_text local[] = {{"fwd.test", 8}};

static void
set_up(struct fixture *f, const char *form, const char *main_cf,
    const char *master_cf)
{
	const char *why;

	memset(f, 0, sizeof(*f));
	site_init(&f->site);
	f->site.source = SITE_FILES;
	f->site.look_up = look_up;
	site_add_main(&f->site, mf_text_of(BASE));
	site_add_main(&f->site, mf_text_of(main_cf));
	site_add_master(&f->site, mf_text_of(master_cf));
	f->setup = (struct setup){.path = "mailfrom.conf",
	    .form = setup_form_find(form),
	    .listen_count = 1,
	    .domains = domain,
	    .domain_count = 1,
	    .own = own,
	    .own_count = COUNT(own),
	    .signed_domains = {domain, 1},
	    .srs = {.own_domains = {own, COUNT(own)}},
	    .local_domains = {local, COUNT(local)}};
	assert_true(sockaddr_parse(
	    MF_TEXT("inet:10007@127.0.0.1"), &f->setup.listens[0], &why));
	f->setup.listen = f->setup.listens[0];
	f->plan.arena = &f->site.arena;
	f->merge = (struct merge){
	    .plan = &f->plan, .site = &f->site, .setup = &f->setup};
}

static const char *
refusals(const struct fixture *f)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < f->plan.note_count; i++)
		if (f->plan.notes[i].is_refusal)
			snprintf(text + strlen(text),
			    sizeof(text) - strlen(text), "%.*s|",
			    PLAN_TEXT(f->plan.notes[i].text));
	return text;
}

static void
check_value(const char *what, struct plan_settings *settings, const char *name,
    const char *expect)
{
	const struct plan_setting *s = plan_find(settings, name);

	if (expect == NULL && s == NULL)
		return;
	if (s != NULL && expect != NULL &&
	    mf_text_eq(s->value, mf_text_of(expect)))
		return;
	print_error("%s: %s: got \"%.*s\", expected \"%s\"\n", what, name,
	    s != NULL ? (int)s->value.len : 6,
	    s != NULL ? s->value.p : "(none)",
	    expect != NULL ? expect : "(none)");
	fail();
}

#define INLINE                                                         \
	"inline:{\n\t{ @fwd.test = smtp: }\n\t{ @own.test = smtp: }\n" \
	"\t{ <> = smtp: } }"
#define FILTER                                                          \
	"{ inet:127.0.0.1:10007, protocol=6, default_action=tempfail, " \
	"command_timeout=30s }"
#define SRS \
	"regexp:{\n\t{ /^(\"?(SRS[01][-+=]|SES=).*@fwd\\.test)$$/ $$1 }\n\t}"

/* what main.cf has, a parameter of main.cf or of the second smtpd, its value */
static const struct {
	const char *main_cf, *name, *value;
} rows[] = {
    {"", "default_transport", "srsout:[127.0.0.1]:10027"},
    {"", "sender_dependent_default_transport_maps", INLINE},
    {"", "address_verify_default_transport", "smtp"},
    {"", "content_filter", "smtp:"},
    {"", "virtual_alias_maps", SRS},
    {"", "smtpd_milters", FILTER},
    {"", "internal_mail_filter_classes", "bounce"},
    {"", "mydestination", NULL},
    {"", "transport_maps", NULL},
    {"", "recipient_canonical_maps", NULL},
    {"", "recipient_canonical_classes", NULL},
    {"", "default_filter_nexthop", NULL},
    {"", "milter_default_action", NULL},
    /* rule 1 */
    {"relayhost = [r.test]:587\n", "content_filter", "smtp:[r.test]:587"},
    {"relayhost = [r.test]\ndefault_transport = slow\n", "content_filter",
	"slow:[r.test]"},
    {"default_transport = smtp:[d.test]\nrelayhost = r.test\n",
	"content_filter", "smtp:[d.test]"},
    {"default_transport = smtp:[d.test]\n", "address_verify_default_transport",
	"smtp:[d.test]"},
    {"address_verify_default_transport = probe\n",
	"address_verify_default_transport", NULL},
    {"default_filter_nexthop = [f.test]\n", "default_filter_nexthop", ""},
    {"default_filter_nexthop = [f.test]\nrelayhost = r.test\n",
	"default_filter_nexthop", NULL},
    /* rule 2 */
    {"transport_maps = hash:/etc/transport\n", "content_filter",
	"smtp:[relay.test]"},
    {"transport_maps = hash:/etc/t\n", "transport_maps",
	"pipemap:{ inline:{ { fwd.test = fwd.test } { localhost = localhost } "
	"{ own.test = own.test } }, hash:/etc/t },\n\t"
	"pipemap:{ hash:/etc/t, regexp:{ { /^((smtp|relay)(:.*)?|:.+)$$/ "
	"srsout:[127.0.0.1]:10027 } } },\n\thash:/etc/t"},
    {"transport_maps = hash:/etc/transport\n", "transport_maps",
	"pipemap:{ inline:{ { fwd.test = fwd.test } { localhost = localhost } "
	"{ own.test = own.test } }, hash:/etc/transport },\n\t"
	"pipemap:{ inline:{ { fwd.test = * } { localhost = * } "
	"{ own.test = * } }, hash:/etc/transport },\n\t"
	"pipemap:{ hash:/etc/transport, regexp:{ "
	"{ /^((smtp|relay)(:.*)?|:.+)$$/ srsout:[127.0.0.1]:10027 } } },\n\t"
	"hash:/etc/transport"},
    {"transport_maps = hash:/etc/t\n", "address_verify_transport_maps",
	"hash:/etc/t"},
    {"transport_maps = hash:/etc/t\n", "srsout_destination_recipient_limit",
	"1"},
    {"transport_maps = hash:/etc/t\n", "parent_domain_matches_subdomains", ""},
    {"transport_maps = hash:/etc/t\n"
     "parent_domain_matches_subdomains = transport_maps\n",
	"parent_domain_matches_subdomains", "smtpd_access_maps"},
    {"transport_maps = regexp:{ { /x$$/ y } }\n",
	"address_verify_transport_maps", "regexp:{ { /x$$/ y } }"},
    /* rule 3 */
    {"sender_dependent_relayhost_maps = hash:/etc/s\n",
	"smtpd_sender_restrictions",
	"check_sender_access pipemap:{ regexp:{ { /^.*(@[^@]+)$$/ $$1 } }, "
	"hash:/etc/s, regexp:{ { /^DUNNO$$/ DUNNO } { /^(.+)$$/ FILTER "
	"smtp:$$1 } } }, check_sender_access pipemap:{ hash:/etc/s, regexp:{ "
	"{ /^DUNNO$$/ DUNNO } { /^(.+)$$/ FILTER smtp:$$1 } } }"},
    {"sender_dependent_relayhost_maps = hash:/etc/s\n"
     "default_transport = smtp:[d.test]\n",
	"smtpd_sender_restrictions", ""},
    {"", "virtual_alias_domains", ""},
    {"virtual_alias_maps = hash:/etc/v\n", "virtual_alias_domains",
	"hash:/etc/v"},
    {"virtual_alias_domains = a.test\n", "virtual_alias_domains", NULL},
    {"virtual_alias_domains =\n", "virtual_alias_domains", NULL},
    /* rule 4 */
    {"virtual_alias_maps = hash:/etc/v, $more\n", "virtual_alias_maps",
	SRS ",\n\thash:/etc/v, $more"},
    /* rule 5 */
    {"smtpd_milters = inet:127.0.0.1:11332\n", "smtpd_milters",
	"inet:127.0.0.1:11332,\n\t" FILTER},
    {"non_smtpd_milters = $smtpd_milters\nsmtpd_milters = unix:x\n",
	"non_smtpd_milters", "$smtpd_milters,\n\t" FILTER},
    {"internal_mail_filter_classes = notify\n", "internal_mail_filter_classes",
	"notify, bounce"},
    {"internal_mail_filter_classes = bounce notify\n",
	"internal_mail_filter_classes", NULL},
    /* rule 6 */
    {"sender_dependent_default_transport_maps = hash:/etc/s\n",
	"sender_dependent_default_transport_maps",
	"regexp:{ { !/^<>$$|@(fwd\\.test|own\\.test)$$/ "
	"srsout:[127.0.0.1]:10027 } },\n\thash:/etc/s,\n\t" INLINE},
    /* rule 8 */
    {"mydestination = localhost\n", "mydestination", "localhost, fwd.test"},
    {"mydestination =\n", "mydestination", "fwd.test"},
    {"mydestination = localhost\nvirtual_mailbox_domains = hash:/etc/domains\n",
	"mydestination", NULL},
    {"mydestination = localhost\nvirtual_alias_domains = FWD.test\n",
	"mydestination", NULL},
    {"mydestination = localhost\nrelay_domains = fwd.test\n", "mydestination",
	NULL},
    /* others */
    {"inet_protocols = ipv6\n", "default_transport", "srsout:[::1]:10027"},
    {"inet_protocols = ipv6\n", "mynetworks", "[::1]/128"},
    {"smtpd_recipient_restrictions = reject_unverified_recipient\n",
	"smtpd_recipient_restrictions",
	"check_recipient_access regexp:{ "
	"{ /^\"?(SRS[01][-+=]|SES=).*@fwd\\.test$$/ OK } },\n\t"
	"reject_unverified_recipient"},
};

static void
merges(void **state)
{
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		set_up(&f, "postfix-milter", rows[i].main_cf, "");
		merge(&f.merge);
		struct plan_settings *where = &f.plan.main;
		if (plan_find(where, rows[i].name) == NULL)
			where = plan_second(&f.plan);
		/* These are its own anyway, and not main.cf's. */
		if (rows[i].value == NULL)
			where = &f.plan.main;
		check_value(
		    rows[i].main_cf, where, rows[i].name, rows[i].value);
		if (refusals(&f)[0] != '\0') {
			print_error("%s: %s\n", rows[i].main_cf, refusals(&f));
			fail();
		}
		site_free(&f.site);
	}
}

static const struct {
	const char *form, *main_cf, *master_cf, *refusal;
} refused[] = {
    {"postfix-milter", "receive_override_options = no_milters\n", "",
	"receive_override_options = no_milters in main.cf"},
    {"postfix-cleanup", "receive_override_options = no_milters\n", "", ""},
    {"postfix-milter", "milter_macro_defaults = auth_authen=x\n", "",
	"milter_macro_defaults"},
    {"postfix-milter", "milter_macro_defaults = foo=x\n", "", ""},
    {"postfix-milter", "virtual_mailbox_domains = other.test\n", "",
	"other.test is in virtual_mailbox_domains, but not in local_domains"},
    {"postfix-milter", "virtual_alias_domains = other.test\n", "", ""},
    {"postfix-cleanup", "virtual_mailbox_domains = other.test\n", "", ""},
    {"postfix-cleanup", "relay_domains = $mydestination\n", "", ""},
    {"postfix-milter", "virtual_alias_domains = fwd.test\n", "",
	"fwd.test is in mydestination and in virtual_alias_domains"},
    {"postfix-cleanup",
	"mydestination = x\nvirtual_mailbox_domains = mysql:/etc/unknown\n", "",
	"virtual_mailbox_domains couldn't be looked up here"},
    {"postfix-cleanup", "canonical_maps = hash:/etc/canonical\n", "",
	"canonical_maps has an entry for @fwd.test"},
    {"postfix-cleanup",
	"default_filter_nexthop = x\ncontent_filter = amavis:\n", "",
	"content_filter = amavis: needs default_filter_nexthop"},
    {"postfix-milter", "smtpd_proxy_filter = 127.0.0.1:10\n",
	"smtp inet n - y - - smtpd\n127.0.0.1:11 inet n - y - - smtpd\n"
	"  -o smtpd_proxy_filter=\n  -o receive_override_options=no_milters\n",
	"smtpd_proxy_filter: the smtpd that takes mail back"},
    {"postfix-milter", "smtpd_proxy_filter = 127.0.0.1:10\n",
	"smtp inet n - y - - smtpd\n127.0.0.1:11 inet n - y - - smtpd\n"
	"  -o smtpd_proxy_filter=\n",
	""},
    {"postfix-milter", "",
	"smtp inet n - y - - smtpd\n"
	"  -o receive_override_options=no_milters\n",
	"smtp/inet has receive_override_options with no_milters"},
    {"postfix-cleanup",
	"header_checks = regexp:{ { /^X/ FILTER smtp:[r.test] } }\n", "",
	"header_checks: regexp:{ { /^X/ FILTER smtp:[r.test] } } has FILTER"},
    {"postfix-cleanup",
	"header_checks = regexp:{ { /^X/ FILTER smtp:[127.0.0.1]:10024 } }\n",
	"", ""},
    {"postfix-milter",
	"smtpd_recipient_restrictions = permit_mynetworks, "
	"check_recipient_access inline:{ { a.test = FILTER smtp:[r.test] } }\n",
	"", "smtpd_recipient_restrictions: inline:{"},
    {"postfix-milter",
	"smtp_generic_maps = inline:{ { bob@fwd.test=x@fwd.test } "
	"{ @own.test=y@fwd.test } { bob = z@fwd.test } { @mx = @fwd.test } }\n",
	"", ""},
    {"postfix-milter",
	"smtp_generic_maps = regexp:{ { /^(.*)@in\\.fwd\\.test$/ "
	"$1@fwd.test } }, mysql:/etc/unknown\n",
	"", ""},
    {"postfix-milter",
	"smtp_generic_maps = inline:{ a@fwd.test=b@fwd.test, "
	"bob@sender.test=c@fwd.test }\n",
	"",
	"smtp_generic_maps: inline:{ a@fwd.test=b@fwd.test, "
	"bob@sender.test=c@fwd.test } has an entry for foreign senders, "
	"bob@sender.test,"},
    {"postfix-cleanup",
	"smtp_generic_maps = regexp:{ { /^bob@(.*)$/ c@$1 } }\n", "",
	"smtp_generic_maps: regexp:{ { /^bob@(.*)$/ c@$1 } } has an entry for "
	"foreign senders, /^bob@(.*)$/,"},
    {"postfix-simple", "sender_canonical_maps = hash:/x\n", "",
	"sender_canonical_maps of this site rewrite headers"},
    {"postfix-simple", "recipient_canonical_classes = header_recipient\n", "",
	"recipient_canonical_classes doesn't have envelope_recipient"},
};

static void
refuses(void **state)
{
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		set_up(&f, refused[i].form, refused[i].main_cf,
		    refused[i].master_cf);
		merge(&f.merge);
		const char *said = refusals(&f);
		if (refused[i].refusal[0] == '\0'
			? said[0] != '\0'
			: strncmp(said, refused[i].refusal,
			      strlen(refused[i].refusal)) != 0) {
			print_error("%s, %s%s: %s\n", refused[i].form,
			    refused[i].main_cf, refused[i].master_cf, said);
			fail();
		}
		site_free(&f.site);
	}
}

/* In the cleanup form nothing else keeps forged addresses out there. */
static void
guards_where_unknown_users_are_accepted(void **state)
{
	static const struct {
		const char *main_cf, *master_cf;
		bool expect;
	} guarded[] = {
	    {"", "", false},
	    {"smtpd_reject_unlisted_recipient = no\n", "", true},
	    {"local_recipient_maps =\n", "", true},
	    {"mydestination = x\nvirtual_mailbox_domains = fwd.test\n", "",
		true},
	    {"mydestination = x\nvirtual_mailbox_domains = fwd.test\n"
	     "virtual_mailbox_maps = hash:/etc/boxes\n",
		"", false},
	    {"mydestination = x\nrelay_domains = fwd.test\n", "", true},
	    {"mydestination = x\nrelay_domains = fwd.test\n"
	     "relay_recipient_maps = hash:/etc/boxes\n",
		"", false},
	    {"virtual_alias_maps = hash:/etc/catchall\n", "", true},
	    {"",
		"smtp inet n - y - - smtpd\n"
		"  -o smtpd_reject_unlisted_recipient=no\n",
		true},
	    {"",
		"submission inet n - y - - smtpd\n"
		"  -o smtpd_reject_unlisted_recipient=no\n",
		false},
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < COUNT(guarded); i++) {
		set_up(&f, "postfix-cleanup", guarded[i].main_cf,
		    guarded[i].master_cf);
		merge(&f.merge);
		assert_int_equal(plan_find(&f.plan.main,
				     "smtpd_recipient_restrictions") != NULL,
		    guarded[i].expect);
		site_free(&f.site);
	}
}

static void
edits_services_with_filters_of_their_own(void **state)
{
	const char *master_cf = "smtp inet n - y - - smtpd\n"
				"  -o smtpd_milters=inet:a:1\n"
				"submission inet n - y - - smtpd\n"
				"  -o smtpd_milters=\n"
				"127.0.0.1:10025 inet n - y - - smtpd\n"
				"  -o smtpd_milters=\n";
	struct fixture f;

	(void)state;
	set_up(&f, "postfix-milter", "", master_cf);
	merge(&f.merge);
	assert_int_equal(f.plan.edit_count, 1);
	assert_true(mf_text_eq(f.plan.edits[0].service, MF_TEXT("smtp/inet")));
	assert_true(mf_text_eq(
	    f.plan.edits[0].setting.value, mf_text_of("inet:a:1,\n\t" FILTER)));
	site_free(&f.site);
	set_up(&f, "postfix-spfmilter", "smtpd_milters = inet:b:2\n",
	    "smtp inet n - y - - smtpd\n"
	    "submission inet n - y - - smtpd\n");
	merge(&f.merge);
	check_value(
	    "spfmilter", &f.plan.main, "smtpd_milters", FILTER ",\n\tinet:b:2");
	assert_int_equal(f.plan.edit_count, 1);
	assert_false(f.plan.edits[0].is_needed);
	site_free(&f.site);
}

/* --- the policy service --- */

#define POLICY                                                         \
	"check_policy_service { inet:127.0.0.1:10007, timeout=30s, { " \
	"default_action = 451 4.3.0 SPF check temporarily unavailable } }"
#define RELAY   "permit_mynetworks, permit_sasl_authenticated, "
#define SPAWNED "check_policy_service unix:private/spfcheck"
#define SPAWN                                                              \
	"spfcheck unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-" \
	"spf\n"

static void
puts_the_policy_service_behind_relaying(void **state)
{
	static const struct {
		const char *name, *before, *after; /* NULL: refused */
	} lists[] = {
	    {"none", "", RELAY "defer_unauth_destination,\n\t" POLICY},
	    {"at the end",
		"permit_mynetworks, reject_unauth_destination, "
		"check_client_access hash:/x, reject_rbl_client y",
		"permit_mynetworks, reject_unauth_destination, "
		"check_client_access hash:/x, reject_rbl_client y,\n\t" POLICY},
	    {"before a last permit",
		"permit_mynetworks reject_unauth_destination permit",
		"permit_mynetworks reject_unauth_destination,\n\t" POLICY
		", permit"},
	    {"in the place of policyd-spf",
		"permit_mynetworks, reject_unauth_destination, " SPAWNED
		", reject_rbl_client y",
		"permit_mynetworks, reject_unauth_destination,\n\t" POLICY
		", reject_rbl_client y"},
	    {"policyd-spf too early", SPAWNED ", reject_unauth_destination",
		"reject_unauth_destination,\n\t" POLICY},
	    {"policyd-spf in braces",
		"reject_unauth_destination, check_policy_service { "
		"unix:private/spfcheck, timeout=5s } ",
		"reject_unauth_destination,\n\t" POLICY},
	    {"another's policy service stays",
		"reject_unauth_destination, check_policy_service inet:[::1]:9",
		"reject_unauth_destination, check_policy_service "
		"inet:[::1]:9,\n\t" POLICY},
	    {"relaying is elsewhere", "check_recipient_access hash:/x, permit",
		"check_recipient_access hash:/x, " RELAY
		"defer_unauth_destination,\n\t" POLICY ", permit"},
	    {"nobody else is let in", "check_recipient_access hash:/x, reject",
		NULL},
	};
	struct fixture f;
	char main_cf[1024];

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		snprintf(main_cf, sizeof(main_cf),
		    "compatibility_level = 3.6\n"
		    "smtpd_recipient_restrictions = %s\n",
		    lists[i].before);
		set_up(&f, "spf-policy", main_cf,
		    "smtp inet n - y - - smtpd\n" SPAWN);
		merge(&f.merge);
		assert_int_equal(
		    refusals(&f)[0] != '\0', lists[i].after == NULL);
		if (lists[i].after != NULL)
			check_value(lists[i].name, &f.plan.main,
			    "smtpd_recipient_restrictions", lists[i].after);
		site_free(&f.site);
	}
}

static void
leaves_the_sample_without_a_site(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "spf-policy", "", "");
	f.site.source = SITE_NONE;
	merge(&f.merge);
	assert_string_equal(refusals(&f), "");
	check_value("main.cf", &f.plan.main, "smtpd_recipient_restrictions",
	    RELAY "defer_unauth_destination,\n\t" POLICY);
	site_free(&f.site);
}

static void
takes_policyd_out(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "spf-policy",
	    "compatibility_level = 3.6\n"
	    "smtpd_sender_restrictions = a, " SPAWNED ", b\n",
	    "smtp inet n - y - - smtpd\n"
	    "  -o { smtpd_recipient_restrictions = reject_unauth_destination, "
	    "c }\n"
	    "submission inet n - y - - smtpd\n"
	    "  -o { smtpd_relay_restrictions = permit_sasl_authenticated, "
	    "reject }\n" SPAWN);
	merge(&f.merge);
	assert_string_equal(refusals(&f), "");
	check_value(
	    "main.cf", &f.plan.main, "smtpd_sender_restrictions", "a, b");
	assert_int_equal(f.plan.edit_count, 1);
	assert_true(mf_text_eq(f.plan.edits[0].service, MF_TEXT("smtp/inet")));
	assert_true(mf_text_eq(f.plan.edits[0].setting.value,
	    mf_text_of("reject_unauth_destination, c,\n\t" POLICY)));
	assert_int_equal(f.plan.note_count, 1);
	site_free(&f.site);
}

static void
chooses_a_port(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, "postfix-cleanup", "",
	    "10027 inet n - y - - smtpd\n[::1]:10028 inet n - y - - smtpd\n");
	merge(&f.merge);
	assert_int_equal(f.plan.port, 10029);
	check_value("master.cf", &f.plan.main, "default_transport",
	    "srsout:[127.0.0.1]:10029");
	assert_non_null(plan_options(&f.plan, "127.0.0.1:10029 "));
	site_free(&f.site);
	set_up(&f, "postfix-cleanup", "", "");
	f.merge.port_is_free = is_10027_taken;
	merge(&f.merge);
	assert_int_equal(f.plan.port, 10028);
	site_free(&f.site);
}

/* What a value is before our lines, and after they have been taken out. */
static void
takes_itself_out(void **state)
{
	static const char *const names[] = {"default_transport",
	    "sender_dependent_default_transport_maps", "transport_maps",
	    "virtual_alias_maps", "smtpd_milters", "non_smtpd_milters",
	    "smtpd_recipient_restrictions"};
	const char *before = "default_transport = smtp:[d.test]\n"
			     "transport_maps = hash:/etc/t, regexp:/etc/r\n"
			     "sender_dependent_default_transport_maps = "
			     "hash:/etc/s, inline:{ { @x = y: } }\n"
			     "virtual_alias_maps = $v, hash:/etc/v\n"
			     "smtpd_milters = inet:a:1, { inet:b:2, x=y }\n"
			     "local_recipient_maps =\n"
			     "smtpd_recipient_restrictions = permit_mynetworks,"
			     " check_recipient_access hash:/a, permit\n";
	static const char *const forms[] = {
	    "postfix-milter", "postfix-cleanup"};
	struct unmerged unmerged;
	struct fixture f, old;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		set_up(&f, forms[i], before, "");
		merge(&f.merge);
		set_up(&old, forms[i], before, "");
		for (size_t j = 0; j < f.plan.main.count; j++) {
			struct plan_setting *s = &f.plan.main.items[j];
			struct mf_text name =
			    arena_copy(&f.site.arena, s->name);

			site_set(&f.site, name.p, s->value);
		}
		unmerge(&f.site, MF_TEXT("inet:127.0.0.1:10007"), &unmerged);
		assert_true(unmerged.is_installed);
		for (size_t j = 0; j < COUNT(names); j++) {
			struct mf_text got = site_raw(&f.site, names[j]);
			struct mf_text was = site_raw(&old.site, names[j]);

			if (mf_text_eq(got, was))
				continue;
			print_error("%s: %s: got \"%.*s\", was \"%.*s\"\n",
			    forms[i], names[j], PLAN_TEXT(got), PLAN_TEXT(was));
			fail();
		}
		site_free(&f.site);
		site_free(&old.site);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merges),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(guards_where_unknown_users_are_accepted),
	    cmocka_unit_test(edits_services_with_filters_of_their_own),
	    cmocka_unit_test(puts_the_policy_service_behind_relaying),
	    cmocka_unit_test(leaves_the_sample_without_a_site),
	    cmocka_unit_test(takes_policyd_out),
	    cmocka_unit_test(chooses_a_port),
	    cmocka_unit_test(takes_itself_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
