/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/session.h: what each step of SMTP is answered, in the orders in
 * which MTAs and clients send them; and what libmilter's callbacks do without a
 * session.
 */
#include "tests/unit/sessions.h"

#include <libmilter/mfapi.h>

#include "milter/callbacks.h"
#include "spfmilter/milter.h"

#define OUTSIDE   "c 192.0.2.1\nh pass.example\n"
#define STRANGER  "c 198.51.100.1\nh neutral.example\n"
#define MARKS     " +Received-SPF:fail +Authentication-Results:mx.example.net"
#define PASSED    " +Received-SPF:pass +Authentication-Results:mx.example.net"
#define AR(value) "H Authentication-Results " value "\n"
#define RELAY_UNREAD \
	"trusted_relay = 192.0.2.9\ntrusted_relay_unreadable = tempfail"
#define RELAYED(ip) "H Received from x ([" ip "]) by y; today\n"

static const struct {
	const char *name, *config, *access, *script, *expect;
} rows[] = {
    /* RFC 7208 8; refused at RCPT. */
    {"pass", "", "",
	"c 192.0.2.1\nh pass.example\nm <a@pass.example>\nr <b@x>\n.",
	" ok ok ok" PASSED},
    {"fail", "", "", "c 192.0.2.1\nh pass.example\nm <a@fail.example>\nr <b@x>",
	" ok 550/5.7.23"},
    {"an IPv4 client over IPv6", "", "",
	"c ::ffff:192.0.2.1\nh pass.example\nm <a@pass.example>\nr <b@x>",
	" ok ok"},
    {"an IPv6 client", "", "",
	"c 2001:db8::1\nh pass.example\nm <a@pass.example>\nr <b@x>", " ok ok"},
    {"not over a network", "", "",
	"c - localhost\nh fail.example\nm <a@fail.example>\nr <b@x>\n.",
	" ok ok ok"},
    {"over a unix socket", "", "",
	"c / x.example\nh fail.example\nm <a@fail.example>\nr <b@x>\n.",
	" ok ok ok"},

    /* "Infrastructure trouble never turns into a pass." */
    {"from who knows where", "", "",
	"c -\nh pass.example\nm <a@pass.example>\nr <b@x>\n"
	"m <>\nr <b@x>\nr <postmaster@x>",
	" ok 451/4.7.24 ok 451/4.7.24 ok"},
    {"the policy is that of temperror", "", "spf-temperror:pass.example OK\n",
	"c -\nh pass.example\nm <a@pass.example>\nr <b@x>\n.",
	" ok ok ok +Received-SPF:temperror "
	"+Authentication-Results:mx.example.net"},
    {"a name without an address is nobody's",
	"internal_connect = in.example, *\nexempt_clients = *.example\n"
	"trusted_relay = *.example",
	"", "c - in.example\nh pass.example\nm <a@pass.example>\nr <b@x>",
	" ok 451/4.7.24"},
    {"no trusted forwarder passes", "", "",
	"c -\nh fwd.example\nm <a@fwd.example>\nr <b@x>", " ok 451/4.7.24"},
    {"a user of whom nobody knows where he is", "", "",
	"c -\nm <a@fail.example> - bob\nr <b@x>\n.", " ok ok ok"},
    {"results in our name from there", "", "spf-temperror: OK\n",
	"c -\nh pass.example\nm <a@pass.example>\nr <b@x>\n" AR(
	    "mx.example.net; spf=pass") ".",
	" ok ok ok -1 +Received-SPF:temperror "
	"+Authentication-Results:mx.example.net"},
    {"reject_at = mail", "reject_at = mail", "",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\n"
	"r <postmaster@x>\nm <a@pass.example>\nr <b@x>",
	" 550/5.7.23 ok ok ok"},
    {"mode = report", "mode = report", "",
	STRANGER "m <a@fail.example>\nr <b@x>\n.",
	" ok ok ok" MARKS " +X-SPF-Policy:would"},

    /* RFC 7208 2.4. */
    {"the null sender", "", "", "c 192.0.2.1\nh fail.example\nm <>\nr <b@x>",
	" ok 550/5.7.23"},
    {"the null sender, otherwise", "", "",
	"c 192.0.2.1\nh fail.example\nm -\nr <b@x>\nm <\"\"> _\nr <b@x>\n"
	"m <> _\nr <b@x>",
	" ok 550/5.7.23 ok 553/5.1.7 ok 550/5.7.23"},
    {"a null sender in front of another one", "", "",
	STRANGER "m <>b@fail.example b@fail.example\nr <b@x>\n"
		 "m <<>b@fail.example> b@fail.example\nr <b@x>\n"
		 "m <>b@fail.example\nr <b@x>\n"
		 "m <> b@fail.example\nr <b@x>\n"
		 "m <a@soft.example> b@fail.example\nr <b@x>\n"
		 "m <a@soft.example> b@fail.example - a@soft.example\nr <b@x>",
	" ok 550/5.7.23 ok 550/5.7.23 ok 553/5.1.7 ok 553/5.1.7 ok 553/5.1.7"
	" ok ok"},
    {"the null sender without HELO", "", "null-none: REJECT\n",
	"c 192.0.2.1\nm <>\nr <b@x>", " ok 550/5.7.1"},
    {"HELO with a literal", "bad_helo = reject", "",
	"c 192.0.2.1\nh [192.0.2.1]\nm <a@pass.example>\nr <b@x>", " ok ok"},
    {"HELO with a bare address", "bad_helo = reject", "",
	"c 192.0.2.1\nh 192.0.2.1\nm <a@pass.example>\nr <b@x>",
	" ok 550/5.7.1"},
    {"no HELO", "bad_helo = reject", "",
	"c 192.0.2.1\nm <a@pass.example>\nr <b@x>", " ok 550/5.7.1"},
    {"HELO fails", "", "",
	"c 192.0.2.1\nh fail.example\nm <a@neutral.example>\nr <b@x>",
	" ok 550/5.7.23"},

    /* RFC 5321 4.1.1.5, 4.1.4; RFC 3207 4.2. */
    {"a HELO name doesn't outlive the next", "", "",
	"c 192.0.2.1\nh fail.example\nm <a@neutral.example>\nr <b@x>\na\n"
	"h pass.example\nm <a@neutral.example>\nr <b@x>\n.",
	" ok 550/5.7.23 ok ok ok +Received-SPF:neutral "
	"+Authentication-Results:mx.example.net"},
    {"HELO ends a message: what follows isn't accepted", "", "",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\nh pass.example\n"
	"r <b@x>\n.",
	" ok 451/4.3.0 451/4.3.0"},
    {"RCPT without MAIL", "", "", OUTSIDE "r <b@x>\n.", " 451/4.3.0 451/4.3.0"},
    {"RCPT after a message", "", "",
	OUTSIDE "m <a@pass.example>\nr <b@x>\n.\nr <b@x>",
	" ok ok ok" PASSED " 451/4.3.0"},
    {"another session over the connection", "", "",
	"c - localhost\nh fail.example\nm <a@fail.example>\nr <b@x>\na\n"
	"c 192.0.2.1\nm <a@neutral.example>\nr <b@x>\nm <>\nr <b@x>",
	" ok ok ok ok ok ok"},
    {"several messages", "", "",
	STRANGER
	"m <a@fail.example>\nr <b@x>\na\nm <a@soft.example>\nr <b@x>\n.\n"
	"m <a@fail.example>\nr <b@x>",
	" ok 550/5.7.23 ok ok ok +Received-SPF:softfail "
	"+Authentication-Results:mx.example.net ok 550/5.7.23"},

    /* Who has authenticated: RFC 4954. */
    {"a user with @", "",
	"smtp-auth:fail.example REJECT\n"
	"smtp-auth:ann@corp.example@fail.example OK\n",
	OUTSIDE "m <a@fail.example> - ann@corp.example\nr <b@x>\na\n"
		"m <a@fail.example> - bob@corp.example\nr <b@x>",
	" ok ok ok 550/5.7.1"},
    {"a user's null sender", "", "smtp-auth: REJECT\nsmtp-auth:ann@ OK\n",
	OUTSIDE "m <> - ann\nr <b@x>\na\nm <> - bob\nr <b@x>",
	" ok ok ok 550/5.7.1"},
    {"a user's sender that MTAs read otherwise", "",
	"smtp-auth:fail.example REJECT\n",
	OUTSIDE "m <a@fail.example(@pass.example)> - bob\nr <b@x>\na\n"
		"m <a@fail.example(x)> a@fail.example bob\nr <b@x>",
	" ok 553/5.1.7 ok 550/5.7.1"},

    {"an exempt sender in one that MTAs read otherwise",
	"exempt_senders = neutral.example", "",
	STRANGER "m <a@fail.example@neutral.example>\nr <b@x>\na\n"
		 "m <a@neutral.example>\nr <b@x>",
	" ok 553/5.1.7 ok ok"},

    /* Recipients, and what takes the whole message. */
    {"exempt recipients", "", "spf-to:c@x OK\n",
	STRANGER "m <a@fail.example>\nr <b@x>\nr <Postmaster@x>\n"
		 "r <postmaster>\nr <c@x>\nr <\"postmaster@x\"@y>\n.",
	" ok 550/5.7.23 ok ok ok 553/5.1.3 ok" MARKS},
    {"recipients that are exempt in one of two readings", "", "spf-to:c@x OK\n",
	STRANGER "m <a@fail.example>\nr <c@x>d@x\nr <c@x>_\nr <c%x@y>\n"
		 "r <x!c@y>\nr <d%x@y>\nr <po\xc5\xbftmaster@y>\nr <c@x>",
	" ok 553/5.1.3 553/5.1.3 553/5.1.3 553/5.1.3 550/5.7.23 553/5.1.3 ok"},
    {"the same in mail that passes", "", "spf-to:c@x OK\n",
	STRANGER "m <a@soft.example>\nr <c@x>d@x\nr <c%x@y>\nr <x!c@y>",
	" ok ok ok ok"},
    {"the same in a report", "mode = report", "spf-to:c@x OK\n",
	STRANGER "m <a@fail.example>\nr <c@x>d@x\nr <c%x@y>", " ok ok ok"},
    {"an exempt domain in which MTAs find another recipient",
	"exempt_recipients = open.example", "",
	STRANGER "m <a@fail.example>\nr <b@open.example>\n"
		 "r <b%x@open.example>\nr <x!b@open.example>\n"
		 "r <\"b@x\"@open.example>",
	" ok ok 553/5.1.3 553/5.1.3 553/5.1.3"},
    {"discarded", "", "spf-fail: DISCARD\n",
	STRANGER "m <a@fail.example>\nr <b@x>\n.", " ok ok discarded"},
    {"not discarded for who is exempt", "", "spf-fail: DISCARD\n",
	STRANGER "m <a@fail.example>\nr <b@x>\nr <abuse@x>\n.",
	" ok ok ok ok" MARKS},
    {"the next message is", "", "spf-fail: DISCARD\n",
	STRANGER "m <a@fail.example>\nr <abuse@x>\n.\n"
		 "m <a@fail.example>\nr <b@x>\n.",
	" ok ok ok" MARKS " ok ok discarded"},
    {"quarantined", "", "spf-fail: QUARANTINE\n",
	STRANGER "m <a@fail.example>\nr <b@x>\n.",
	" ok ok ok" MARKS " quarantine"},
    {"not quarantined for who is exempt", "", "spf-fail: HOLD\n",
	STRANGER "m <a@fail.example>\nr <abuse@x>\nr <b@x>\n.",
	" ok ok ok ok" MARKS},

    /* Relays. */
    {"behind a relay: marked", "trusted_relay = 192.0.2.9", "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n" RELAYED(
	    "198.51.100.1") "N\n.",
	" ok ok ok ok" MARKS},
    {"behind a relay: refused",
	"trusted_relay = 192.0.2.9\n"
	"trusted_relay_check = reject",
	"",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n" RELAYED(
	    "198.51.100.1") "N",
	" ok ok 550/5.7.23"},
    {"behind a relay: not for who is exempt",
	"trusted_relay = 192.0.2.9\n"
	"trusted_relay_check = reject",
	"",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <abuse@x>\n"
	"r <b@x>\n" RELAYED("198.51.100.1") "N\n.",
	" ok ok ok ok ok" MARKS},
    {"behind a relay: discarded",
	"trusted_relay = 192.0.2.9\n"
	"trusted_relay_check = reject",
	"spf-fail: DISCARD\n",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n" RELAYED(
	    "198.51.100.1") "N\n.",
	" ok ok ok discarded"},
    {"behind a relay: unreadable, by default", "trusted_relay = 192.0.2.9", "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n"
	"H Received by y; today\nN\n.",
	" ok ok ok ok"},
    {"behind a relay: unreadable, none, one that can be read", RELAY_UNREAD, "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n"
	"H Received by y; today\nN\na\n"
	"m <a@pass.example>\nr <b@x>\nH Subject x\nN\na\n"
	"m <a@pass.example>\nr <b@x>\n" RELAYED("192.0.2.1") "N\n.",
	" ok ok 451/4.7.24 ok ok 451/4.7.24 ok ok ok ok" PASSED},
    {"behind a relay: one hop too many, and the relay's own", RELAY_UNREAD, "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n" RELAYED(
	    "192.0.2.9")
	    RELAYED("192.0.2.9") "N\na\n"
				 "m <a@fail.example>\nr <b@x>\n" RELAYED(
				     "192.0.2.9") "N\n.",
	" ok ok 451/4.7.24 ok ok ok ok"},
    {"behind a relay: unreadable, an exempt recipient", RELAY_UNREAD, "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <abuse@x>\n"
	"r <b@x>\nH Received by y; today\nN\n.",
	" ok ok ok ok ok"},
    {"behind a relay: unreadable, mode = report",
	RELAY_UNREAD "\nmode = report", "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n"
	"H Received by y; today\nN\n.",
	" ok ok ok ok"},
    {"behind a relay: unreadable, and not looked at",
	RELAY_UNREAD "\ntrusted_relay_check = none", "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n"
	"H Received by y; today\nN\n.",
	" ok ok ok ok"},
    {"an outside client's unreadable field", RELAY_UNREAD, "",
	OUTSIDE "m <a@pass.example>\nr <b@x>\nH Received by y; today\nN\n.",
	" ok ok ok ok" PASSED},
    {"one message's client isn't the next one's", "trusted_relay = 192.0.2.9",
	"",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n" RELAYED(
	    "198.51.100.1") "N\n.\nm <a@fail.example>\nr <b@x>\nN\n.",
	" ok ok ok ok" MARKS " ok ok ok ok"},
    {"a client's own Received field", "", "",
	OUTSIDE "m <a@pass.example>\nr <b@x>\n" RELAYED("198.51.100.1") "N\n.",
	" ok ok ok ok" PASSED},

    /* RFC 8601 5. */
    {"forged results", "", "",
	OUTSIDE "m <a@pass.example>\nr <b@x>\n" AR("mx.example.net; spf=pass")
	    AR("other.example; spf=pass") AR("MX.example.net; none") "N\n.",
	" ok ok ok ok -1 -3" PASSED},
    {"indexes begin anew", "", "",
	OUTSIDE "m <a@pass.example>\nr <b@x>\n" AR(
	    "other.example; none") ".\n"
				   "m <a@pass.example>\nr <b@x>\n" AR(
				       "mx.example.net; none") ".",
	" ok ok ok" PASSED " ok ok ok -1" PASSED},

    {"forged by a user", "remove_ar = all", "",
	OUTSIDE "m <a@pass.example> - bob\nr <b@x>\n" AR("other.example; none")
	    AR("mx.example.net; dkim=pass") ".",
	" ok ok ok -2"},
    {"a relay that authenticates", "trusted_relay = 192.0.2.1", "",
	OUTSIDE "m <a@pass.example> - relay\nr <b@x>\n" AR(
	    "mx.example.net; dkim=pass") ".",
	" ok ok ok"},
    {"an internal host that does", "internal_connect = 192.0.2.1", "",
	OUTSIDE "m <a@pass.example> - web\nr <b@x>\n" AR(
	    "mx.example.net; dkim=pass") ".",
	" ok ok ok"},

    /* Names of clients. */
    {"exempt by name", "exempt_clients = .friend.example", "",
	"c 198.51.100.1 mx.friend.example\nh pass.example\n"
	"m <a@fail.example>\nr <b@x>",
	" ok ok"},
    {"internal by name", "internal_connect = in.example", "",
	"c 198.51.100.1 in.example\nh pass.example\nm <a@fail.example>\n"
	"r <b@x>\n.",
	" ok ok ok"},
    {"a trusted forwarder", "", "",
	"c 192.0.2.77\nh neutral.example\nm <a@fail.example>\nr <b@x>\n.",
	" ok ok ok" MARKS},
    {"an SRS address of ours", "", "srs-fail: OK\n",
	STRANGER "m <SRS0=hash=tt=x.example=a@srs.example>\nr <b@x>\na\n"
		 "m <a@srs.example>\nr <b@x>",
	" ok ok ok 550/5.7.23"},
};

static void
scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct milter_service *service =
		    service_of(rows[i].config, "fwd.example", rows[i].access);
		struct session *s = session_new(&spfmilter_filter, service);
		char have[2048];
		struct text_out out = text_out(have, sizeof(have) - 1);

		assert_non_null(s);
		session_run(s, rows[i].script, &out);
		have[out.len] = '\0';
		expect_str(rows[i].name, "answers", have, rows[i].expect);
		session_free(s);
		spfmilter_free(service);
	}
}

/* Those in our name, and others', which don't count. */
static void
flood_of_results(void **state)
{
	struct milter_service *service = service_of("", "fwd.example", "");
	struct session *s = session_new(&spfmilter_filter, service);

	(void)state;
	for (size_t count = 499; count <= 502; count++) {
		char have[8192];
		struct text_out out = text_out(have, sizeof(have) - 1);

		session_run(s, OUTSIDE "m <a@pass.example>\nr <b@x>", &out);
		for (size_t i = 0; i < count; i++)
			session_run(s,
			    AR("other.example; none") AR("mx.example.net"),
			    &out);
		session_run(s, ".", &out);
		have[out.len] = '\0';
		assert_false(out.full);
		if (count > 500)
			assert_string_equal(have, " ok ok 550/5.7.1");
		else
			assert_memory_equal(have, " ok ok ok -2 -4 ", 16);
	}
	session_free(s);
	spfmilter_free(service);
}

/* Others' that are hard to read: 50 are read, the 51st goes. */
static void
flood_of_disguises(void **state)
{
	struct milter_service *service = service_of("", "fwd.example", "");
	struct session *s = session_new(&spfmilter_filter, service);

	(void)state;
	for (size_t count = 50; count <= 52; count++) {
		char have[8192], expect[64];
		struct text_out out = text_out(have, sizeof(have) - 1);

		session_run(s, OUTSIDE "m <a@pass.example>\nr <b@x>", &out);
		session_run(s, AR("other.example; x=%20?"), &out);
		for (size_t i = 0; i < count; i++)
			session_run(s, AR("=?utf-8?q?other?=; none"), &out);
		session_run(s, ".", &out);
		have[out.len] = '\0';
		assert_false(out.full);
		snprintf(expect, sizeof(expect), " ok ok ok%s%s ",
		    count > 50 ? " -52" : "", count > 51 ? " -53" : "");
		if (strstr(have, expect) != have)
			fail_msg("%zu: %.60s", count, have);
	}
	session_free(s);
	spfmilter_free(service);
}

/*
 * Without memory for a second session over a connection nothing was answered to
 * that, with SMFIP_NR_CONN: each step has to cope.
 */
static void
lost_connection(void **state)
{
	struct milter_service *service = service_of("", "fwd.example", "");
	const struct smfiDesc *filter =
	    milter_describe(&spfmilter_filter, service);
	char word[] = "<a@pass.example>", *args[] = {word, NULL};

	(void)state;
	assert_int_equal(filter->xxfi_helo(NULL, word), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_envfrom(NULL, args), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_envrcpt(NULL, args), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_header(NULL, word, word), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_eoh(NULL), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_eom(NULL), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_abort(NULL), SMFIS_CONTINUE);
	assert_int_equal(filter->xxfi_close(NULL), SMFIS_CONTINUE);
	assert_int_equal(milter_busy(), 0);
	spfmilter_free(service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scripts),
	    cmocka_unit_test(flood_of_results),
	    cmocka_unit_test(flood_of_disguises),
	    cmocka_unit_test(lost_connection),
	};

	return cmocka_run_group_tests_name(
	    "session", tests, scratch_setup, scratch_teardown);
}
