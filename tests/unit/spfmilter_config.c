/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/config.h: what is refused and how, and pymilter's spfmilter.cfg.
 */
#include "tests/unit/support.h"

#include "access/lookup.h"
#include "spfmilter/config.h"

static struct spfmilter_config *
load(const char *name, const char *text, struct heard *heard)
{
	static char path[128];
	struct report report = report_to(heard);

	snprintf(path, sizeof(path), "%s",
	    scratch_write(name, mf_text_of(text), 0600));
	return (struct spfmilter_config *)spfmilter_config_load(
	    path, SOURCE_DETECT, &report);
}

static const struct {
	const char *name, *text, *said;
} refused[] = {
    {"mode", "[spfmilter]\nmode = maybe\n",
	"error: DIR/mailfrom.conf:2: mode: not one of enforce, report: "
	"\"maybe\"\n"},
    {"unknown key", "[spfmilter]\nmodus = report\n",
	"error: DIR/mailfrom.conf:2: spfmilter: unknown key in this section: "
	"\"modus\"\n"},
    {"twice", "[spfmilter]\nmode = report\nmode = enforce\n",
	"error: DIR/mailfrom.conf:3: mode: already set in line 2: "
	"\"enforce\"\n"},
    {"unknown section", "[spf-milter]\nmode = report\n",
	"error: DIR/mailfrom.conf:2: unknown section [spf-milter]; did you "
	"mean [spfmilter]?\n"},
    {"hops", "[spfmilter]\ntrusted_relay_hops = 0\n",
	"error: DIR/mailfrom.conf:2: trusted_relay_hops: not a number from 1 "
	"to 10: \"0\"\n"},
    {"authserv_id", "[spfmilter]\nauthserv_id = a;b\n",
	"error: DIR/mailfrom.conf:2: authserv_id: \"a;b\": not a name such as "
	"mx.example.com\n"},
    {"metrics", "[spfmilter]\nmetrics = 9417\n", NULL},
    {"hosts", "[spfmilter]\ninternal_connect = 10.0.0.0/33\n", NULL},
    {"spf", "[spf]\ntimeout = 26\n", NULL},
    {"a list that isn't there", "[spfmilter]\nexempt_senders = /nonexistent\n",
	"error: DIR/mailfrom.conf:2: exempt_senders: No such file or "
	"directory: \"/nonexistent\"\n"},
};

static void
refusals(void **state)
{
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		if (load("mailfrom.conf", refused[i].text, &heard) != NULL)
			fail_msg("%s: was taken", refused[i].name);
		if (refused[i].said != NULL)
			expect_str(refused[i].name, "said", heard.text,
			    refused[i].said);
		else if (strstr(heard.text, "error: DIR/mailfrom.conf:2: ") ==
		    NULL)
			fail_msg("%s: said %s", refused[i].name, heard.text);
	}
}

static void
defaults(void **state)
{
	struct heard heard;
	struct spfmilter_config *c = load("mailfrom.conf", "", &heard);

	(void)state;
	assert_non_null(c);
	assert_string_equal(heard.text, "");
	assert_int_equal(c->spfmilter.mode, MODE_ENFORCE);
	assert_int_equal(c->spfmilter.reject_at, REJECT_AT_RCPT);
	assert_int_equal(c->spfmilter.filter.on_error, ON_ERROR_TEMPFAIL);
	assert_int_equal(c->spfmilter.remove_ar, REMOVE_AR_OWN);
	assert_int_equal(c->spfmilter.trusted_relay_check, RELAY_CHECK_MARK);
	assert_int_equal(c->spfmilter.defaults, LOOKUP_RFC);
	assert_true(list_has_address(
	    &c->exempt_recipients, MF_TEXT("PostMaster@example.com")));
	milter_config_release((struct milter_config *)c);
}

/* Mistakes in the sections of others keep nobody from starting. */
static void
other_sections_are_others(void **state)
{
	struct heard heard;
	struct spfmilter_config *c = load("mailfrom.conf",
	    "[srs]\nfwdomain = srs.example, a.example=b.example\n"
	    "nonsense = 1\nsecret_file = /nonexistent\n[srsd]\nx = y\n"
	    "[srsmilter]\nx = y\n",
	    &heard);

	(void)state;
	assert_non_null(c);
	assert_string_equal(heard.text,
	    "warning: DIR/mailfrom.conf:3: srs: unknown key in this section: "
	    "\"nonsense\"\n"
	    "warning: DIR/mailfrom.conf:6: srsd: unknown key in this section: "
	    "\"x\"\n"
	    "warning: DIR/mailfrom.conf:8: srsmilter: unknown key in this "
	    "section: \"x\"\n");
	assert_true(list_has_domain(&c->srs_domains, MF_TEXT("SRS.example")));
	assert_true(list_has_domain(&c->srs_domains, MF_TEXT("b.example")));
	assert_false(list_has_domain(&c->srs_domains, MF_TEXT("a.example")));
	milter_config_release((struct milter_config *)c);
}

static const char sample[] =
    "# pymilter's sample, with its two styles of comments\n"
    "[milter]\n"
    "datadir = DIR\n"
    "socketname = spfsock\n"
    "name = pyspffilter\n"
    "trusted_relay = 1.2.3.4\n"
    "internal_connect = 192.168.0.0/16,127.*\n"
    "untrapped_exception = TEMPFAIL\n"
    "umask = 0117\n"
    "[spf]\n"
    ";trusted_forwarder = careerbuilder.com\n"
    "trusted_forwarder: forwarder.test\n"
    "best_guess = v=spf1 a/24 mx/24 ptr\n"
    "delegate = example.org\n"
    "access_file = access.db\n"
    "access_file_nulls = True\n"
    "access_file_colon = False\n";

static void
legacy(void **state)
{
	struct heard heard;
	char text[1024], path[128];
	struct spfmilter_config *c;
	struct spf_ip ip;

	(void)state;
	replace(sample, "DIR", scratch_dir, text, sizeof(text));
	c = load("spfmilter.cfg", text, &heard);
	if (c == NULL)
		fail_msg("said %s", heard.text);
	assert_string_equal(heard.text, "");
	snprintf(path, sizeof(path), "%s", scratch("spfsock"));
	expect_str("legacy", "listen", c->spfmilter.filter.listen.p, path);
	snprintf(path, sizeof(path), "%s", scratch("access.db"));
	expect_str("legacy", "access", c->spfmilter.access.p, path);
	assert_int_equal(c->spfmilter.filter.socket_mode, 0660);
	assert_int_equal(c->spfmilter.defaults, LOOKUP_PYMILTER);
	assert_int_equal(c->spfmilter.reject_at, REJECT_AT_MAIL);
	assert_int_equal(c->spfmilter.filter.on_error, ON_ERROR_TEMPFAIL);
	assert_int_equal(c->spfmilter.trusted_relay_check, RELAY_CHECK_NONE);
	assert_int_equal(c->spfmilter.bad_helo, BAD_HELO_REJECT);
	assert_true(c->spfmilter.x_hello_spf);
	assert_true(spf_ip_parse(MF_TEXT("127.0.0.9"), &ip));
	assert_true(hosts_has(&c->base.internal_connect, &ip, MF_TEXT("")));
	assert_int_equal(c->spf.trusted_forwarder.count, 1);
	assert_string_equal(c->spf.best_guess.p, "v=spf1 a/24 mx/24 ptr");
	assert_string_equal(c->spf.delegate.p, "example.org");
	milter_config_release((struct milter_config *)c);
}

/*
 * The sample file of sdgathman/milter has best_guess and delegate in [milter];
 * pymilter's, and the code, know of none.
 */
static const struct {
	const char *name, *text, *best_guess, *said;
} guesses[] = {
    {"of the sample", "[milter]\nbest_guess = v=spf1 a mx ptr ?all\n",
	"v=spf1 a mx ptr ?all", ""},
    {"in both",
	"[milter]\nbest_guess = v=spf1 a\n[spf]\n"
	"best_guess = v=spf1 mx\n",
	"v=spf1 mx",
	"warning: DIR/spfmilter.cfg:2: [milter] best_guess: already set in "
	"line 4; ignored\n"},
    {"for all sections", "[DEFAULT]\nbest_guess = v=spf1 a\n", "v=spf1 a", ""},
};

static void
legacy_guesses(void **state)
{
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(guesses); i++) {
		struct spfmilter_config *c =
		    load("spfmilter.cfg", guesses[i].text, &heard);

		if (c == NULL)
			fail_msg("%s: said %s", guesses[i].name, heard.text);
		expect_str(guesses[i].name, "best_guess", c->spf.best_guess.p,
		    guesses[i].best_guess);
		expect_str(
		    guesses[i].name, "said", heard.text, guesses[i].said);
		milter_config_release((struct milter_config *)c);
	}
}

static const struct {
	const char *name, *text, *said; /* NULL: it is taken */
} legacy_rows[] = {
    {"empty", "[milter]\n[spf]\n", NULL},
    {"unknown key", "[milter]\nnonsense = 1\n", NULL},
    {"umask", "[milter]\numask = 0888\n", "umask: not an octal mask"},
    {"umask of Python 3", "[milter]\numask = 0o177\n", NULL},
    {"exception", "[milter]\nuntrapped_exception = IGNORE\n",
	"untrapped_exception: expected CONTINUE, TEMPFAIL or REJECT"},
    {"best_guess", "[spf]\nbest_guess = v=spf1 foo\n", "best_guess: "},
};

static void
legacy_refusals(void **state)
{
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(legacy_rows); i++) {
		struct spfmilter_config *c =
		    load("spfmilter.cfg", legacy_rows[i].text, &heard);

		if ((c == NULL) != (legacy_rows[i].said != NULL) ||
		    (c == NULL &&
			strstr(heard.text, legacy_rows[i].said) == NULL))
			fail_msg(
			    "%s: said %s", legacy_rows[i].name, heard.text);
		milter_config_release((struct milter_config *)c);
	}
}

/* Told by a section or a key that only pymilter has. */
static void
detection(void **state)
{
	struct heard heard;
	struct spfmilter_config *c = load(
	    "other.conf", "[spf]\naccess_file = /etc/mail/access\n", &heard);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->spfmilter.defaults, LOOKUP_PYMILTER);
	milter_config_release((struct milter_config *)c);
	c = load("mailfrom.conf", "[milter]\nname = x\n", &heard);
	assert_non_null(c);
	assert_int_equal(c->spfmilter.defaults, LOOKUP_RFC);
	expect_str("mailfrom.conf", "said", heard.text,
	    "warning: DIR/mailfrom.conf:2: unknown section [milter]; "
	    "ignored\n");
	milter_config_release((struct milter_config *)c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refusals),
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(other_sections_are_others),
	    cmocka_unit_test(legacy),
	    cmocka_unit_test(legacy_guesses),
	    cmocka_unit_test(legacy_refusals),
	    cmocka_unit_test(detection),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
