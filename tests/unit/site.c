/* SPDX-License-Identifier: ISC */
/* tools/mailfrom/site.h: main.cf, master.cf, postconf's output, $names. */
#include "tests/unit/support.h"

#include "tools/mailfrom/site.h"

static void
check_value(const char *what, struct mf_text got, const char *expect)
{
	if (mf_text_eq(got, mf_text_of(expect)))
		return;
	print_error("%s: got \"%.*s\", expected \"%s\"\n", what, (int)got.len,
	    got.p, expect);
	fail();
}

static void
reads_main_cf(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	site_add_main(&site,
	    mf_text_of("# a comment\n"
		       "relayhost = first\n"
		       "empty =\n"
		       "list = a,\n"
		       "\n"
		       "# amid it\n"
		       "\tb, { c,\n"
		       "   d }\n"
		       "relayhost = [second]:25\n"
		       " # at its end\n"
		       "no setting\n"));
	check_value("later", site_raw(&site, "relayhost"), "[second]:25");
	check_value("lines", site_raw(&site, "list"), "a, b, { c, d }");
	check_value("default", site_raw(&site, "default_transport"), "smtp");
	check_value("none", site_raw(&site, "nosuch"), "");
	assert_true(site_is_set(&site, "empty"));
	assert_false(site_is_set(&site, "default_transport"));
	site_free(&site);
}

static void
reads_master_cf(void **state)
{
	struct site site;
	const struct site_service *s;

	(void)state;
	site_init(&site);
	site_add_main(&site, mf_text_of("more = b\n"));
	site_add_master(&site,
	    mf_text_of("smtp inet n - n - - smtpd\n"
		       "smtp inet n - y - - smtpd\n"
		       "  -o a=1 -o { b = 2 $more }\n"
		       "# -o a=2\n"
		       "  -v -oc=3 -o a=4\n"
		       "old unix - - - - - smtp\n"
		       "broken unix -\n"
		       "mda unix - n n - - pipe\n"
		       "  flags=R argv=/bin/mda -o x=y ${user}\n"));
	s = site_service(&site, "smtp", "inet");
	assert_non_null(s);
	assert_true(site_is_chrooted(&site, s));
	check_value("last", site_value_for(&site, s, "a"), "4");
	check_value("braces", site_value_for(&site, s, "b"), "2 b");
	check_value("joined", site_value_for(&site, s, "c"), "3");
	check_value("main.cf", site_value_for(&site, s, "more"), "b");
	assert_null(site_override(s, "more"));
	assert_false(
	    site_is_chrooted(&site, site_service(&site, "old", "unix")));
	assert_null(site_service(&site, "broken", "unix"));
	assert_null(site_service(&site, "smtp", "unix"));
	site_free(&site);
}

static void
reads_saved_output(void **state)
{
	struct site site;
	const struct site_service *s;

	(void)state;
	site_init(&site);
	site_add_saved(&site,
	    mf_text_of(
		"/usr/sbin/postconf: warning: /etc/postfix/main.cf, line 3: "
		"overriding earlier entry: relayhost=a\n"
		"smtp/inet/smtpd_milters = inet:127.0.0.1:1\n"
		"127.0.0.1:26/inet/x = y = z\n"
		"relayhost = b\n"
		"smtp       inet  n - y - - smtpd -o syslog_name=x\n"
		"127.0.0.1:26 inet n - y - - smtpd\n"));
	check_value("main.cf", site_raw(&site, "relayhost"), "b");
	s = site_service(&site, "smtp", "inet");
	check_value("-P", site_value_for(&site, s, "smtpd_milters"),
	    "inet:127.0.0.1:1");
	s = site_service(&site, "127.0.0.1:26", "inet");
	check_value("-P, address", site_value_for(&site, s, "x"), "y = z");
	assert_int_equal(site.warning_count, 1);
	check_value("warning", site.warnings[0],
	    "/etc/postfix/main.cf, line 3: overriding earlier entry: "
	    "relayhost=a");
	site_free(&site);
}

static void
expands_names(void **state)
{
	static const struct {
		const char *text, *expect;
	} rows[] = {
	    {"plain", "plain"},
	    {"$a", "1"},
	    {"${a} $(a)x", "1 1x"},
	    {"$nested", "1 2"},
	    {"$nosuch.", "."},
	    {"$$a", "$a"},
	    {"regexp:{ { /^(x)$$/ $$1 } }", "regexp:{ { /^(x)$/ $1 } }"},
	    {"/^(x)$/ $1 ${2}", "/^(x)$/ $1 ${2}"},
	    {"${a?yes}${e?yes}", "yes"},
	    {"${a:no}${e:no}", "no"},
	    {"${a?{x y}:{z}} ${e?{x}:{z}}", "x y z"},
	    {"${{$a} == {1} ? {same} : {other}}", "same"},
	    {"${{$a} != {1} ? {other} : {same}}", "same"},
	    {"${{$level} <level {3.10} ? {below} : {above}}", "below"},
	    {"${{$level} >= {3.6} ? {y} : {n}}", "y"},
	    {"${{$level} < {3.6} ? {y}}", ""},
	    {"$loop", ""},
	    {"${", ""},
	    {"$", "$"},
	};
	struct site site;

	(void)state;
	site_init(&site);
	site_add_main(&site,
	    mf_text_of("a = 1\nb = 2\nnested = $a $b\ne =\nlevel = 3.6\n"
		       "loop = $pool\npool = $loop\n"));
	for (size_t i = 0; i < COUNT(rows); i++)
		check_value(rows[i].text,
		    site_expand(&site, NULL, mf_text_of(rows[i].text)),
		    rows[i].expect);
	site_free(&site);
}

/* Names that name each other over and over must not fill the memory. */
static void
expands_within_bounds(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	site_add_main(&site,
	    mf_text_of("a = $b$b$b$b$b$b$b$b\nb = $c$c$c$c$c$c$c$c\n"
		       "c = $d$d$d$d$d$d$d$d\nd = $e$e$e$e$e$e$e$e\n"
		       "e = $f$f$f$f$f$f$f$f\nf = $g$g$g$g$g$g$g$g\n"
		       "g = xxxxxxxxxxxxxxxx\n"));
	assert_true(site_value(&site, "a").len <= 1024 * 1024);
	site_free(&site);
}

static void
knows_versions(void **state)
{
	static const struct {
		const char *version;
		bool has_3_7, has_3_10;
	} rows[] = {{"3.7.11", true, false}, {"3.10.5", true, true},
	    {"3.5.25", false, false}, {"", true, false},
	    {"3.11-20250101", true, true}, {"4.0", true, true}};
	struct site site;

	(void)state;
	site_init(&site);
	for (size_t i = 0; i < COUNT(rows); i++) {
		site.version = mf_text_of(rows[i].version);
		assert_int_equal(
		    site_has_version(&site, 3, 7), rows[i].has_3_7);
		assert_int_equal(
		    site_has_version(&site, 3, 10), rows[i].has_3_10);
	}
	site_free(&site);
}

static void
derives_the_domain(void **state)
{
	struct site site;

	(void)state;
	site_init(&site);
	site_set_host(&site, MF_TEXT("mx.example.org"));
	check_value("host", site_value(&site, "mydestination"),
	    "mx.example.org, localhost.example.org, localhost");
	site_add_main(&site, mf_text_of("myhostname = a.fwd.test\n"));
	site_set_host(&site, MF_TEXT(""));
	check_value("main.cf", site_value(&site, "mydomain"), "fwd.test");
	site_free(&site);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_main_cf),
	    cmocka_unit_test(reads_master_cf),
	    cmocka_unit_test(reads_saved_output),
	    cmocka_unit_test(expands_names),
	    cmocka_unit_test(expands_within_bounds),
	    cmocka_unit_test(knows_versions),
	    cmocka_unit_test(derives_the_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
