/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory while a configuration is read: the n-th allocation fails, for
 * every n.  Each time it must be said, nothing may leak, and the next attempt
 * must succeed.
 */
#include "rewrite/legacy.h"
#include "rewrite/rrs_rules.h"
#include "spfcheck/checker.h"
#include "srsd/config.h"
#include "tests/unit/rewriters.h"
#include "tests/unit/shortage.h"

/* --- what is tried --- */

static void
hear_something(void *arg, bool is_error, const char *line)
{
	(void)is_error;
	assert_true(line[0] != '\0');
	++*(unsigned *)arg;
}

static struct report
quiet_report(unsigned *heard)
{
	*heard = 0;
	return (struct report){.say = hear_something, .arg = heard};
}

static char ini_text[4096], list_path[128], config_path[128];
static char legacy_path[128], records_path[128];

static bool
parse_ini(struct report *report)
{
	struct ini ini;
	bool ok =
	    ini_parse(&ini, "t.conf", mf_text_of(ini_text), INI_OURS, report);

	if (ok)
		assert_int_equal(ini.count, 100);
	ini_free(&ini);
	return ok;
}

static bool
load_config(const char *path, enum source_format format, struct report *report)
{
	struct srsd_config *config = srsd_config_load(path, format, report);
	bool ok = config != NULL;

	srsd_config_release(config);
	return ok;
}

static bool
load_ours(struct report *report)
{
	return load_config(config_path, SOURCE_OURS, report);
}

static bool
load_legacy(struct report *report)
{
	return load_config(legacy_path, SOURCE_LEGACY, report);
}

/* As the daemons call it, without the file around it. */
static bool
make_rewriter(struct report *report)
{
	static const char lines[] =
	    "[srs]\nfwdomain=s.example, a.example=b.example\n"
	    "secret_file=secret\nown_domains=a.example, .a.example\n"
	    "ses=ses.example\nsign=sign.example\nnosrs=n.example\n"
	    "exclude_senders=x@\ninclude_senders=y.example\n"
	    "exclude_recipients=r.example\n";
	struct rewrite_settings settings = {.max_age = 0};
	struct conf_section section = rewrite_section(&settings);
	const struct mf_text secrets[] = {
	    MF_TEXT("a first secret"), MF_TEXT("a second secret")};
	struct rewriter_legacy legacy = {secrets, 2, 5, 22};
	struct rewriter *rewriter = NULL;
	struct conf *conf = NULL;
	struct ini ini;
	bool ok;

	ok = ini_parse(&ini, "t", mf_text_of(lines), INI_OURS, report) &&
	    conf_load(&conf, &ini, &section, 1, report) &&
	    rewriter_new(&settings, conf, "t", &legacy, &rewriter, report);
	assert_int_equal(ok, rewriter != NULL);
	rewriter_free(rewriter);
	conf_free(conf);
	ini_free(&ini);
	return ok;
}

static bool
make_rrs_rules(struct report *report)
{
	struct rewrite_settings settings = {.max_age = 0};
	struct conf_section section = rewrite_section(&settings);
	struct rrs_rules *rules = NULL;
	struct conf *conf = NULL;
	char lines[256];
	struct ini ini;
	bool ok;

	snprintf(lines, sizeof(lines),
	    "[srs]\nrrs_secret_file=%s/secret\nrrs_domains=a.example\n"
	    "rrs_revoked=aaaaaaaaaaaa\n",
	    scratch_dir);
	ok = ini_parse(&ini, "t", mf_text_of(lines), INI_OURS, report) &&
	    conf_load(&conf, &ini, &section, 1, report) &&
	    rrs_rules_new(&settings, &(struct conf_list){.count = 0}, conf, "t",
		&rules, report);
	assert_int_equal(ok, rules != NULL);
	rrs_rules_free(rules);
	conf_free(conf);
	ini_free(&ini);
	return ok;
}

static bool
make_checker(struct report *report)
{
	struct check_settings settings = {.engine = 0};
	struct conf_section section = check_section(&settings);
	struct checker *checker = NULL;
	struct conf *conf = NULL;
	char lines[512];
	struct ini ini;
	bool ok;

	snprintf(lines, sizeof(lines),
	    "[spf]\nnameservers=127.0.0.1:1, 127.0.0.1:2\n"
	    "best_guess=v=spf1 a ?all\ndelegate=d.example\n"
	    "trusted_forwarder=f.example\nexplanation=because of %%{i}\n"
	    "record_file=%s\n",
	    records_path);
	ok = ini_parse(&ini, "t", mf_text_of(lines), INI_OURS, report) &&
	    conf_load(&conf, &ini, &section, 1, report);
	if (ok)
		checker = checker_new(&settings, conf, "t", NULL, report);
	ok = checker != NULL;
	checker_release(checker);
	conf_free(conf);
	ini_free(&ini);
	return ok;
}

/* --- and fails --- */

/* Try it with the n-th allocation failing; true if it worked. */
static bool
try_with_failure(bool (*attempt)(struct report *), long n)
{
	unsigned heard;
	struct report report = quiet_report(&heard);
	bool ok;

	shortage_begin(n);
	ok = attempt(&report);
	shortage_end();
	if (held != 0)
		fail_msg("allocation %ld: %ld not freed", n, held);
	if (ok != (report.errors == 0))
		fail_msg("allocation %ld: %s, %u errors", n,
		    ok ? "worked" : "failed", report.errors);
	if (heard != report.errors + report.warnings)
		fail_msg("allocation %ld: heard of %u", n, heard);
	return ok;
}

static void
fail_each(bool (*attempt)(struct report *), long at_least)
{
	long total;

	assert_true(try_with_failure(attempt, 0));
	total = allocations;
	assert_true(total >= at_least);
	for (long n = 1; n <= total; n++)
		if (try_with_failure(attempt, n))
			fail_msg(
			    "allocation %ld of %ld was not needed", n, total);
	assert_true(try_with_failure(attempt, 0));
}

static int
setup(void **state)
{
	struct text_out out = text_out(ini_text, sizeof(ini_text) - 1);
	char text[1024];

	if (scratch_setup(state) != 0)
		return -1;
	out_str(&out, "[s]\n");
	for (unsigned i = 0; i < 100; i++) {
		out_str(&out, "key = value\n");
	}
	assert_false(out.full);
	ini_text[out.len] = '\0';
	snprintf(list_path, sizeof(list_path), "%s",
	    scratch_write("list",
		MF_TEXT("a.example\nb.example\nc.example\nd.example\n"
			"e.example\nf.example\ng.example\nh.example\n"
			"i.example\nj.example\nk.example\nl.example\n"
			"m.example\nn.example\no.example\np.example\n"
			"q.example\nr.example\n"),
		0644));
	snprintf(text, sizeof(text),
	    "[srs]\nsecret_file=%s/secret\nfwdomain=s.example\n"
	    "own_domains=%s\nexclude_senders=%s\ninclude_senders=%s\n"
	    "exclude_recipients=%s\nnosrs=%s\n"
	    "[srsd]\nlisten=inet:1@h\nworkers=1\nuser=u\n",
	    scratch_dir, list_path, list_path, list_path, list_path, list_path);
	scratch_write("secret", MF_TEXT(SECRET "\n" SECRET "2\n"), 0640);
	snprintf(config_path, sizeof(config_path), "%s",
	    scratch_write("mailfrom.conf", mf_text_of(text), 0644));
	snprintf(records_path, sizeof(records_path), "%s",
	    scratch_write("records",
		MF_TEXT("a.example v=spf1 a -all\nb.example v=spf1 -all\n"),
		0644));
	snprintf(legacy_path, sizeof(legacy_path), "%s",
	    scratch_write("pysrs.cfg",
		MF_TEXT("[srs]\nsecret=" SECRET "\nsecret.0=" SECRET "3\n"
			"fwdomain=s.example\nses=a.example\n"
			"socket=inet:10003@127.0.0.1\n"),
		0640));
	return 0;
}

static void
ini(void **state)
{
	(void)state;
	fail_each(parse_ini, 3);
}

static void
rewriter(void **state)
{
	(void)state;
	fail_each(make_rewriter, 40);
}

static void
rrs_rules(void **state)
{
	(void)state;
	fail_each(make_rrs_rules, 10);
}

static void
our_file(void **state)
{
	(void)state;
	fail_each(load_ours, 60);
}

static void
legacy_file(void **state)
{
	(void)state;
	fail_each(load_legacy, 30);
}

static void
checker(void **state)
{
	(void)state;
	fail_each(make_checker, 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ini),
	    cmocka_unit_test(rewriter),
	    cmocka_unit_test(rrs_rules),
	    cmocka_unit_test(our_file),
	    cmocka_unit_test(legacy_file),
	    cmocka_unit_test(checker),
	};

	return cmocka_run_group_tests_name(
	    "memory", tests, setup, scratch_teardown);
}
