/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/config.h: what is refused and how, defaults, and pysrs.cfg.
 */
#include "tests/unit/srsmilters.h"

#include "srsmilter/replay.h"

static struct srsmilter_config *
load(const char *name, const char *text, struct heard *heard)
{
	static char path[128];
	struct report report = report_to(heard);

	snprintf(path, sizeof(path), "%s",
	    scratch_write(name, mf_text_of(text), 0600));
	return (struct srsmilter_config *)srsmilter_config_load(
	    path, SOURCE_DETECT, &report);
}

/* Line 1 is "[srs]", line 2 names the secret. */
static struct srsmilter_config *
load_ours(const char *lines, struct heard *heard)
{
	struct report report = report_to(heard);

	return config_from(lines, &report);
}

#define D   "fwdomain=srs.example\n"
#define ALL "@\nrewrite=all\n" /* lines 4 and 5 behind D */

static const struct {
	const char *name, *lines, *said;
} refused[] = {
    {"no local domains", D,
	"error: DIR/mailfrom.conf: local_domains: required by rewrite = remote_domain (the domains delivered here); if only forwarded mail passes through, set rewrite = all\n"},
    {"no local domains, said so", D "@\nrewrite=remote_domain\n",
	"error: DIR/mailfrom.conf:5: local_domains: required by rewrite = remote_domain (the domains delivered here); if only forwarded mail passes through, set rewrite = all\n"},
    {"mode", D "@\nrewrite=some\n",
	"error: DIR/mailfrom.conf:5: rewrite: not one of remote_domain, "
	"remote_mailer, all, none: \"some\"\n"},
    {"unknown key", D ALL "x=y\n",
	"error: DIR/mailfrom.conf:6: srsmilter: unknown key in this section: "
	"\"x\"\n"},
    {"twice", D ALL "rewrite=all\n",
	"error: DIR/mailfrom.conf:6: rewrite: already set in line 5: "
	"\"all\"\n"},
    {"mixed_recipients", D ALL "mixed_recipients=tempfail\n",
	"error: DIR/mailfrom.conf:6: mixed_recipients: not one of rewrite, "
	"keep: \"tempfail\"\n"},
    {"replays", D ALL "ses_replays=1001\n",
	"error: DIR/mailfrom.conf:6: ses_replays: not a number from 0 to "
	"1000: \"1001\"\n"},
    {"replay_size", D ALL "replay_size=0\n",
	"error: DIR/mailfrom.conf:6: replay_size: not a number from 1 to "
	"16777216: \"0\"\n"},
    {"hosts", D ALL "internal_connect=10.0.0.0/33\n", NULL},
    {"hosts of relays", D ALL "trusted_relay=10.0.0.0/33\n", NULL},
    {"metrics", D ALL "metrics=9418\n", NULL},
    {"a key of [srs]", D "nonsense=1\n" ALL,
	"error: DIR/mailfrom.conf:4: srs: unknown key in this section: "
	"\"nonsense\"\n"},
    {"the gate without addresses", D "skip_if_spf_passes=yes\n" ALL,
	"error: DIR/mailfrom.conf:4: skip_if_spf_passes: requires outbound_addresses: all addresses that mail leaves from\n"},
    {"[spf], which the gate needs",
	D "skip_if_spf_passes=yes\noutbound_addresses=192.0.2.1\n" ALL
	  "[spf]\ntimeout=26\n",
	"error: DIR/mailfrom.conf:9: timeout: not a number from 1 to 25: "
	"\"26\"\n"},
};

static void
refusals(void **state)
{
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		if (load_ours(refused[i].lines, &heard) != NULL)
			fail_msg("%s: was taken", refused[i].name);
		if (refused[i].said != NULL)
			expect_str(refused[i].name, "said", heard.text,
			    refused[i].said);
		else if (strstr(heard.text, "error: DIR/mailfrom.conf:6: ") ==
		    NULL)
			fail_msg("%s: said %s", refused[i].name, heard.text);
	}
}

static const struct {
	const char *name, *lines, *said;
} warned[] = {
    {"nothing to say", D ALL, ""},
    {"reject_spoofed without signatures", D ALL "reject_spoofed=yes\n",
	"warning: DIR/mailfrom.conf:6: reject_spoofed: has no effect without "
	"ses or sign in [srs]\n"},
    {"reject_spoofed with them",
	D "sign=a.example\n" ALL "reject_spoofed=yes\n", ""},
    {"RRS without its key", D "rrs_revoked=aaaaaaaaaaaa\n" ALL,
	"warning: DIR/mailfrom.conf:4: rrs_revoked: has no effect without "
	"rrs_secret_file: RRS addresses are not verified\n"},
    {"nobody to rewrite to", "\n" ALL,
	"warning: DIR/mailfrom.conf: fwdomain: not set: no sender will be "
	"rewritten\n"},
    {"[spf], which nobody asks", D ALL "[spf]\ntimeout=26\n",
	"warning: DIR/mailfrom.conf:7: timeout: not a number from 1 to 25: "
	"\"26\"\n"},
    {"sections of others",
	D ALL "[srsd]\nx=y\n[spfmilter]\nz=1\n[log]\nto=stderr\n",
	"warning: DIR/mailfrom.conf:7: srsd: unknown key in this section: "
	"\"x\"\n"
	"warning: DIR/mailfrom.conf:9: spfmilter: unknown key in this section: "
	"\"z\"\n"},
};

static void
warnings(void **state)
{
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(warned); i++) {
		struct srsmilter_config *c = load_ours(warned[i].lines, &heard);

		expect_str(warned[i].name, "said", heard.text, warned[i].said);
		assert_non_null(c);
		config_release(c);
	}
}

static void
defaults(void **state)
{
	struct srsmilter_config *c =
	    config_well(D "@\nlocal_domains=a.example, .b.example\n");
	const struct srsmilter_settings *s = &c->srsmilter;

	(void)state;
	assert_int_equal(s->rewrite, REWRITE_REMOTE_DOMAIN);
	assert_int_equal(s->mixed_recipients, MIXED_REWRITE);
	assert_int_equal(s->reverse, REVERSE_BOUNCES);
	assert_int_equal(s->filter.on_error, ON_ERROR_TEMPFAIL);
	assert_int_equal(s->ses_replays, 3);
	assert_int_equal(s->replay_size, 100000);
	assert_false(s->reject_spoofed);
	assert_int_equal(s->banned_users.count, 0);
	assert_true(list_has_domain(&c->local_domains, MF_TEXT("A.example")));
	assert_true(list_has_domain(&c->local_domains, MF_TEXT("x.b.example")));
	assert_true(list_has_address(
	    &c->exempt_recipients, MF_TEXT("PostMaster@example.com")));
	assert_null(c->gate);
	config_release(c);
}

/* What is watched: secrets and lists, and records if they are of use. */
static void
watched(void **state)
{
	struct srsmilter_config *c;

	(void)state;
	scratch_write("local", MF_TEXT("a.example\n"), 0600);
	scratch_write("records", MF_TEXT("a.example v=spf1 -all\n"), 0600);
	c = config_well(D "skip_if_spf_passes=yes\n"
			  "outbound_addresses=192.0.2.1\n@\n"
			  "local_domains=DIR/local\n"
			  "[spf]\nrecord_file=DIR/records\n");
	assert_non_null(c->gate);
	assert_int_equal(c->base.watch.count, 3);
	assert_false(watch_is_stale(&c->base.watch));
	scratch_write("local", MF_TEXT("a.example\nb.example\n"), 0600);
	assert_true(watch_is_stale(&c->base.watch));
	watch_mark_seen(&c->base.watch);
	assert_false(watch_is_stale(&c->base.watch));
	scratch_write("records", MF_TEXT("a.example v=spf1 ~all\n"), 0600);
	assert_true(watch_is_stale(&c->base.watch));
	config_release(c);
}

/* --- pysrs.cfg --- */

static const char pysrs[] = "[srs]\n"
			    "secret = " SECRET "\n"
			    "ses = ses.example\n"
			    "sign = sign.example\n"
			    "fwdomain = srs.example\n"
			    "srs = old.example\n"
			    "nosrs = hub.example\n"
			    "banned_users = mailer-daemon, clamav, postmaster\n"
			    "[srsmilter]\n"
			    "datadir = /var/lib/milter\n"
			    "socketname = srssock\n"
			    "miltername = pysrsfilter\n"
			    "reject_spoofed = true\n"
			    "trusted_relay = 192.0.2.4\n"
			    "internal_connect = 192.168.*.*,127.0.0.1,::1\n"
			    "miltersrs = true\n";

static void
pysrs_cfg(void **state)
{
	struct heard heard;
	struct srsmilter_config *c = load("pysrs.cfg", pysrs, &heard);
	const struct srsmilter_settings *s;

	(void)state;
	assert_string_equal(heard.text, "");
	assert_non_null(c);
	s = &c->srsmilter;
	assert_string_equal(s->filter.listen.p, "/var/lib/milter/srssock");
	assert_int_equal(s->rewrite, REWRITE_ALL);
	assert_int_equal(s->reverse, REVERSE_ALL);
	assert_true(s->reject_spoofed);
	assert_int_equal(s->banned_users.count, 3);
	assert_int_equal(c->base.internal_connect.count, 3);
	assert_int_equal(c->base.trusted_relay.count, 1);
	/* Domains to decode are those that are written, and srs. */
	assert_true(
	    list_has_domain(&c->rewriter->srs_domains, MF_TEXT("old.example")));
	assert_true(
	    list_has_domain(&c->rewriter->srs_domains, MF_TEXT("srs.example")));
	assert_true(
	    list_has_domain(&c->rewriter->srs_domains, MF_TEXT("ses.example")));
	assert_true(list_has_domain(
	    &c->rewriter->srs_domains, MF_TEXT("sign.example")));
	config_release(c);
}

/* Where it is silent: its socket, and the ruleset rewrites. */
static void
pysrs_cfg_of_the_daemon(void **state)
{
	struct heard heard;
	struct srsmilter_config *c = load("pysrs.cfg",
	    "[srs]\nsecret = " SECRET "\nfwdomain = srs.example\n", &heard);

	(void)state;
	assert_string_equal(heard.text, "");
	assert_non_null(c);
	assert_string_equal(
	    c->srsmilter.filter.listen.p, "/var/run/milter/srsmilter");
	assert_int_equal(c->srsmilter.rewrite, REWRITE_NONE);
	assert_false(c->srsmilter.reject_spoofed);
	config_release(c);
}

static void
readable_secrets(void **state)
{
	struct report report;
	struct heard heard;
	struct srsmilter_config *c;

	(void)state;
	report = report_to(&heard);
	c = (struct srsmilter_config *)srsmilter_config_load(
	    scratch_write("pysrs.cfg", mf_text_of(pysrs), 0644), SOURCE_DETECT,
	    &report);
	assert_non_null(
	    strstr(heard.text, "the secret is accessible to all users"));
	assert_non_null(c);
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(warnings),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(watched),
	    cmocka_unit_test(pysrs_cfg),
	    cmocka_unit_test(pysrs_cfg_of_the_daemon),
	    cmocka_unit_test(readable_secrets),
	};

	return cmocka_run_group_tests_name(
	    "srsmilter_config", tests, scratch_setup, scratch_teardown);
}
