/* SPDX-License-Identifier: ISC */
/*
 * check/: what [spf] may say, the file of records, when a checker is the same,
 * and checks that need no DNS.
 */
#include "tests/unit/support.h"

#include <time.h>

#include "spfcheck/checker.h"
#include "spfcheck/records.h"

#define D60 "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.0.1.2.3."
#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

struct made {
	struct check_settings settings;
	struct conf *conf;
	struct checker *checker;
};

/* --- helpers --- */

static bool
load(struct made *m, const char *lines, struct report *report)
{
	struct conf_section section = check_section(&m->settings);
	char text[4096], input[4096];
	struct ini ini;
	bool ok;

	*m = (struct made){.conf = NULL};
	snprintf(text, sizeof(text), "[spf]\n%s", lines);
	replace(text, "DIR", scratch_dir, input, sizeof(input));
	ok = ini_parse(&ini, "t.conf", mf_text_of(input), INI_OURS, report) &&
	    conf_load(&m->conf, &ini, &section, 1, report);
	ini_free(&ini);
	return ok;
}

static void
unmake(struct made *m)
{
	checker_release(m->checker);
	conf_free(m->conf);
}

/* A checker that nobody answers, made from these lines and old. */
static void
make_well(struct made *m, const char *lines, struct checker *old)
{
	struct heard heard;
	struct report report = report_to(&heard);

	if (load(m, lines, &report))
		m->checker =
		    checker_new(&m->settings, m->conf, "t.conf", old, &report);
	expect_str(lines, "said", heard.text, "");
	assert_non_null(m->checker);
}

static struct check
check_of(const char *ip, const char *sender)
{
	struct check check = {.request = {.sender = mf_text_of(sender),
				  .helo = MF_TEXT("helo.example")}};

	assert_true(spf_ip_parse(mf_text_of(ip), &check.request.ip));
	return check;
}

static uint64_t
in_ms(uint64_t ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 +
	    ms;
}

/* --- settings --- */

#define E(line, key) "error: t.conf:" #line ": " key ": "

static const struct {
	const char *lines, *said; /* said: NULL if all is well */
} settings_rows[] = {
    {"", NULL},
    {"engine = native\nnameservers = 192.0.2.1, 192.0.2.2:53, "
     "[2001:db8::1]:5353, 2001:db8::2\ntimeout = 25\nprefetch = no\n"
     "max_voids = 10\ncache_size = 0\nbest_guess = v=spf1 a/24 mx/24 ptr\n"
     "delegate = spf.example.com\ntrusted_forwarder = a.example, B.Example.\n"
     "record_file =\nexplanation = %{i} is not a host of %{o}, 100%%\n"
     "helper = /nowhere\n",
	NULL},
    {"best_guess =\ndelegate =\nnameservers =\nexplanation =\n", NULL},
    {"best_guess = v=spf1 a\n  -all\n", NULL}, /* a blank for the line end */

    {"engine = both",
	E(2, "engine") "not one of native, libspf2, audit: "
		       "\"both\"\n"},
    {"timeout = 0", E(2, "timeout") "not a number from 1 to 25: \"0\"\n"},
    {"timeout = 26", E(2, "timeout") "not a number from 1 to 25: \"26\"\n"},
    {"max_voids = 1", E(2, "max_voids") "not a number from 2 to 10: \"1\"\n"},
    {"max_voids = 11", E(2, "max_voids") "not a number from 2 to 10: \"11\"\n"},
    {"cache_size = 64M",
	E(2, "cache_size") "not a number from 0 to 4294967295: \"64M\"\n"},
    {"records = x.example v=spf1",
	E(2, "spf") "unknown key in this section: "
		    "\"records\"\n"},

#define SERVER              \
	E(2, "nameservers") \
	"not a name server (IP, IP:PORT or [IP6]:PORT): "
    {"nameservers = ns.example.com", SERVER "\"ns.example.com\"\n"},
    {"nameservers = 192.0.2.1, 192.0.2.1:0", SERVER "\"192.0.2.1:0\"\n"},
    {"nameservers = 192.0.2.1:65536", SERVER "\"192.0.2.1:65536\"\n"},
    {"nameservers = [2001:db8::1]x", SERVER "\"[2001:db8::1]x\"\n"},
    {"nameservers = /etc/resolv.conf", SERVER "\"/etc/resolv.conf\"\n"},
    {"nameservers = 192.0.2.1 192.0.2.2", NULL},
    {"nameservers = 1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
     "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1",
	NULL},
    {"nameservers = 1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
     "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"
     "1.1.1.1",
	E(2, "nameservers") "more than 16\n"},

    {"best_guess = v=spf1 foo/24 -all",
	E(2, "best_guess") "\"foo/24\": unknown mechanism\n"},
    {"best_guess = a/24 mx/24",
	E(2, "best_guess") "*: a record must begin with \"v=spf1\"\n"},

#define DOMAIN "not a domain (example.com): "
    {"delegate = localhost",
	E(2, "delegate") DOMAIN "\"localhost\"; it has no dot\n"},
    {"delegate = .example.com", E(2, "delegate") DOMAIN "\".example.com\"*"},
    {"delegate = a..example", E(2, "delegate") DOMAIN "\"a..example\"*"},
    {"delegate = a b.example", E(2, "delegate") DOMAIN "\"a b.example\"*"},
    {"delegate = b\xc3\xbc"
     "cher.example",
	NULL},
    {"delegate = " L63 ".example", NULL},
    {"delegate = " L63 "x.example",
	E(2, "delegate") DOMAIN "\"" L63 "x.example\"*"},
    {"delegate = " D60 D60 D60 D60 "a.example.com", NULL},
    {"delegate = " D60 D60 D60 D60 "ab.example.com",
	E(2, "delegate") DOMAIN "*"},
    {"\ntrusted_forwarder = a.example, user@b.example",
	E(3, "trusted_forwarder") DOMAIN
	"\"user@b.example\"; it is an address\n"},

    {"explanation = 100% sure",
	E(2,
	    "explanation") "invalid macro or character; write \"%\" as \"%%\": \"100% sure\"\n"},
    {"explanation = %{z}", E(2, "explanation") "*\"%{z}\"\n"},
    {"explanation = caf\xc3\xa9", E(2, "explanation") "*"},

    {"helper = spf-libspf2",
	E(2, "helper") "not an absolute path: \"spf-libspf2\"\n"},
    {"engine = audit\nhelper = DIR/none",
	E(3, "helper") "DIR/none: No such file or directory\n"},
    {"engine = libspf2\nhelper = DIR/plain",
	E(3, "helper") "DIR/plain: Permission denied\n"},
    {"helper = DIR/none", NULL}, /* native needs none */

    {"record_file = records",
	E(2, "record_file") "not an absolute path: \"records\"\n"
			    "error: records: cannot read records: No such "
			    "file or directory\n"},
    {"record_file = DIR/none",
	"error: DIR/none: cannot read records: No such "
	"file or directory\n"},
    /* All mistakes are said at once. */
    {"timeout = 5\ndelegate = a\nnameservers = b\nexplanation = %",
	"error: t.conf:3: delegate: *\nerror: t.conf:4: nameservers: *\n"},
};

/* "*" in a pattern is anything. */
static bool
is_like(const char *have, const char *pattern)
{
	if (*pattern == '*')
		return is_like(have, pattern + 1) ||
		    (*have != '\0' && is_like(have + 1, pattern));
	if (*pattern != *have)
		return false;
	return *pattern == '\0' || is_like(have + 1, pattern + 1);
}

static void
expect_like(const char *row, const char *have, const char *pattern)
{
	if (!is_like(have, pattern))
		fail_msg("%s\nhave \"%s\"\nwant \"%s\"", row, have, pattern);
}

static void
settings(void **state)
{
	(void)state;
	scratch_write("plain", MF_TEXT("no program\n"), 0600);
	for (size_t i = 0; i < COUNT(settings_rows); i++) {
		const char *lines = settings_rows[i].lines;
		const char *said = settings_rows[i].said;
		struct heard heard;
		struct report report = report_to(&heard);
		struct made m;

		bool loaded = load(&m, lines, &report);
		bool ok = loaded &&
		    check_settings_ok(&m.settings, m.conf, "t.conf", &report);
		expect_like(lines, heard.text, said != NULL ? said : "");
		expect_int(lines, "ok", ok, said == NULL);
		if (loaded && !ok)
			assert_null(checker_new(
			    &m.settings, m.conf, "t.conf", NULL, &report));
		unmake(&m);
	}
}

static void
defaults(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct made m;

	(void)state;
	assert_true(load(&m, "", &report));
	assert_int_equal(m.settings.engine, SPF_ENGINE_NATIVE);
	assert_int_equal(m.settings.timeout, 20);
	assert_true(m.settings.prefetch);
	assert_int_equal(m.settings.max_voids, 2);
	assert_int_equal(m.settings.cache_size, 64 * 1024 * 1024);
	assert_int_equal(m.settings.nameservers.count, 0);
	unmake(&m);
}

/* The order of choices is that of the enumeration. */
static void
engines_have_their_names(void **state)
{
	static const enum spf_engine engines[] = {
	    SPF_ENGINE_NATIVE, SPF_ENGINE_LIBSPF2, SPF_ENGINE_AUDIT};

	(void)state;
	for (size_t i = 0; i < COUNT(engines); i++) {
		const char *name = spf_engine_text(engines[i]);
		struct heard heard;
		struct report report = report_to(&heard);
		char line[64];
		struct made m;

		snprintf(line, sizeof(line), "engine = %s\n", name);
		assert_true(load(&m, line, &report));
		expect_int(name, "engine", m.settings.engine, engines[i]);
		unmake(&m);
	}
}

/* --- the file of records --- */

static const struct {
	const char *file, *said;
} record_rows[] = {
    {"", NULL},
    {"# nothing\n\n   \n", NULL},
    {"a.example v=spf1 -all", NULL},
    {"\ta.example.\t v=spf1 exists:%{i,}.b.example -all \r\n"
     "b.example v=spf1\n",
	NULL},
    {"a.example", "error: DIR/records:1: a.example: *\n"},
    {"# x\na.example v=spf2 -all\n", "error: DIR/records:2: a.example: *\n"},
    {"\na.example v=spf1 -al", "error: DIR/records:2: a.example: \"-al\": *\n"},
    {"example v=spf1 -all",
	"error: DIR/records:1: expected DOMAIN RECORD; not a domain: \"example\"\n"},
    {"v=spf1 -all",
	"error: DIR/records:1: expected DOMAIN RECORD; not a domain: \"v=spf1\"\n"},
    {"a.example v=spf1 -all\nb.example v=spf1\nA.EXAMPLE. v=spf1\n"
     "a.example v=spf1\n",
	"error: DIR/records:3: A.EXAMPLE: duplicate of line 1\n"
	"error: DIR/records:4: a.example: duplicate of line 3\n"},
    {"a.example v=spf1 -all\x01\n", "error: DIR/records:1: a.example: *\n"},
};

static void
records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(record_rows); i++) {
		const char *file = record_rows[i].file;
		const char *said = record_rows[i].said;
		struct heard heard;
		struct report report = report_to(&heard);
		struct records records;

		bool ok = records_read(
		    scratch_write("records", mf_text_of(file), 0600), &records,
		    &report);
		expect_like(file, heard.text, said != NULL ? said : "");
		expect_int(file, "ok", ok, said == NULL);
		records_free(&records);
	}
}

static void
records_are_what_they_say(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct records r;

	(void)state;
	assert_true(records_read(
	    scratch_write("records",
		MF_TEXT("# c\nb.example. v=spf1  include:x,y.example -all\n"
			"A.example v=spf1\n"),
		0600),
	    &r, &report));
	assert_int_equal(r.count, 2);
	expect_text("0", "domain", r.lines[0].domain, MF_TEXT("A.example"));
	expect_text("0", "record", r.lines[0].record, MF_TEXT("v=spf1"));
	expect_text("1", "domain", r.lines[1].domain, MF_TEXT("b.example"));
	expect_text("1", "record", r.lines[1].record,
	    MF_TEXT("v=spf1  include:x,y.example -all"));
	expect_int("1", "line", r.lines[1].line, 2);
	records_free(&r);
}

static void
many_records(void **state)
{
	enum { MANY = 5000 };
	static char text[MANY * 40];
	struct text_out out = text_out(text, sizeof(text));
	struct heard heard;
	struct report report = report_to(&heard);
	struct records r;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		out_char(&out, 'd');
		out_uint(&out, i);
		out_str(&out, ".example v=spf1 -all\n");
	}
	assert_false(out.full);
	assert_true(records_read(
	    scratch_write("records", out_view(&out), 0600), &r, &report));
	assert_int_equal(r.count, MANY);
	records_free(&r);
}

/* --- checks without DNS --- */

#define RECORDS                                     \
	"a.example v=spf1 ip4:192.0.2.1 -all\n"     \
	"b.example v=spf1 include:a.example ?all\n" \
	"c.example v=spf1 redirect=a.example\n"

/* With a server that nobody is at: what asked would fail. */
#define OFFLINE "nameservers = 127.0.0.1:1\nrecord_file = DIR/records\n"

static void
checks_by_records(void **state)
{
	static const struct {
		const char *ip, *sender, *domain;
		enum spf_result result;
	} rows[] = {
	    {"192.0.2.1", "x@a.example", "a.example", SPF_PASS},
	    {"192.0.2.2", "x@A.Example", "a.example", SPF_FAIL},
	    {"192.0.2.1", "x@b.example", "b.example", SPF_PASS},
	    {"192.0.2.2", "x@b.example", "b.example", SPF_NEUTRAL},
	    {"192.0.2.2", "x@c.example", "c.example", SPF_FAIL},
	    {"192.0.2.2", "x@localhost", "localhost", SPF_NONE},
	};
	struct check checks[CHECKS_MAX];
	struct spf_resolver_stats stats;
	struct made m;
	size_t count = 0;

	(void)state;
	scratch_write("records", MF_TEXT(RECORDS), 0600);
	make_well(&m, OFFLINE "explanation = %{i} by %{d}", NULL);
	while (count < CHECKS_MAX) {
		size_t row = count % COUNT(rows);

		checks[count++] = check_of(rows[row].ip, rows[row].sender);
	}
	checker_run(m.checker, checks, count, checker_deadline(m.checker));
	for (size_t i = 0; i < count; i++) {
		const struct spf_verdict *v = &checks[i].verdict;
		size_t row = i % COUNT(rows);

		expect_int(
		    rows[row].sender, "result", v->result, rows[row].result);
		expect_str(
		    rows[row].sender, "domain", v->domain, rows[row].domain);
		expect_str(rows[row].sender, "explanation", v->explanation,
		    v->result == SPF_FAIL ? "192.0.2.2 by a.example" : "");
	}
	checker_stats(m.checker, &stats);
	assert_int_equal(stats.questions, 0);
	assert_int_equal(stats.checks_cached, count);
	/* None at all is fine, and so is a deadline that has passed. */
	checker_run(m.checker, checks, 0, 0);
	checker_run(m.checker, checks, 2, 0);
	assert_int_equal(checks[0].verdict.result, SPF_PASS);
	assert_int_equal(checks[1].verdict.result, SPF_FAIL);
	unmake(&m);
}

static void
no_time_is_a_temperror(void **state)
{
	struct check checks[CHECKS_MAX + 1];
	struct made m;

	(void)state;
	scratch_write("records", MF_TEXT(RECORDS), 0600);
	make_well(&m, OFFLINE, NULL);
	for (size_t i = 0; i < COUNT(checks); i++)
		checks[i] = check_of("192.0.2.1", "x@a.example");
	checks[1] = check_of("192.0.2.1",
	    "x@B\xc3\xbc"
	    "cher.example");
	/* The last is one too many. */
	checker_run(m.checker, checks, COUNT(checks), in_ms(0));
	for (size_t i = 0; i < COUNT(checks); i++) {
		const struct spf_verdict *v = &checks[i].verdict;
		bool late = i == 1 || i == CHECKS_MAX;

		expect_int("late", "result", v->result,
		    late ? SPF_TEMPERROR : SPF_PASS);
		expect_str("late", "domain", v->domain,
		    i == 1 ? "xn--bcher-kva.example" : "a.example");
		expect_int("late", "problem", v->problem[0] != '\0', late);
	}
	unmake(&m);
}

static void
on_verdict(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	(void)cost;
	*(enum spf_result *)arg = verdict->result;
}

static void
checks_without_waiting(void **state)
{
	struct check check = check_of("192.0.2.1", "x@a.example");
	enum spf_result result = SPF_NONE;
	struct spf_engine_stats engine;
	struct made m;

	(void)state;
	scratch_write("records", MF_TEXT(RECORDS), 0600);
	make_well(&m, OFFLINE "timeout = 3", NULL);
	assert_int_equal(
	    checker_start(m.checker, &check.request, 1000, on_verdict, &result),
	    0);
	assert_int_equal(result, SPF_PASS);
	assert_false(checker_cancel(m.checker, 0));
	assert_int_equal(checker_timeout_ms(m.checker), 3000);
	assert_false(checker_engine_stats(m.checker, &engine));
	unmake(&m);
}

/* --- again --- */

static void
same_settings_keep_the_checker(void **state)
{
	static const char *const others[] = {
	    "engine = native\n", /* the default: still the same */
	    "timeout = 19\n", "prefetch = no\n", "max_voids = 3\n",
	    "cache_size = 1000000\n", "best_guess = v=spf1 a\n",
	    "delegate = d.example\n", "trusted_forwarder = f.example\n",
	    "explanation = no\n", "helper = /x\n"};
	struct made m, again;

	(void)state;
	scratch_write("records", MF_TEXT(RECORDS), 0600);
	make_well(&m, OFFLINE, NULL);
	for (size_t i = 0; i < COUNT(others); i++) {
		char lines[256];

		snprintf(lines, sizeof(lines), "%s%s", OFFLINE, others[i]);
		make_well(&again, lines, m.checker);
		expect_int(
		    others[i], "same", again.checker == m.checker, i == 0);
		unmake(&again);
	}
	make_well(&again,
	    "nameservers = 127.0.0.1:2\n"
	    "record_file = DIR/records\n",
	    m.checker);
	assert_ptr_not_equal(again.checker, m.checker);
	unmake(&again);
	make_well(&again, "nameservers = 127.0.0.1:1\n", m.checker);
	assert_ptr_not_equal(again.checker, m.checker);
	unmake(&again);
	/* The same path, with something else in it. */
	scratch_write("records", MF_TEXT("a.example v=spf1 ?all\n"), 0600);
	make_well(&again, OFFLINE, m.checker);
	assert_ptr_not_equal(again.checker, m.checker);

	struct check check = check_of("192.0.2.1", "x@a.example");
	checker_run(again.checker, &check, 1, in_ms(1000));
	assert_int_equal(check.verdict.result, SPF_NEUTRAL);
	checker_run(m.checker, &check, 1, in_ms(1000));
	assert_int_equal(check.verdict.result, SPF_PASS);
	unmake(&again);
	unmake(&m);
}

/* What it needs of the configuration it has copied. */
static void
checkers_outlive_their_configuration(void **state)
{
	struct check check = check_of("192.0.2.9", "x@a.example");
	struct checker *checker;
	struct made m;

	(void)state;
	scratch_write("records", MF_TEXT(RECORDS), 0600);
	make_well(&m,
	    OFFLINE "trusted_forwarder = f.example, g.example\n"
		    "explanation = a reason\n  for %{d}\n",
	    NULL);
	checker = checker_hold(m.checker);
	unmake(&m);
	const struct conf_list *forwarders = checker_forwarders(checker);
	assert_int_equal(forwarders->count, 2);
	expect_text(
	    "1", "forwarder", forwarders->items[1], MF_TEXT("g.example"));
	checker_run(checker, &check, 1, checker_deadline(checker));
	expect_str("fail", "explanation", check.verdict.explanation,
	    "a reason for a.example");
	checker_release(checker);
	checker_release(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(engines_have_their_names),
	    cmocka_unit_test(settings),
	    cmocka_unit_test(records),
	    cmocka_unit_test(records_are_what_they_say),
	    cmocka_unit_test(many_records),
	    cmocka_unit_test(checks_by_records),
	    cmocka_unit_test(no_time_is_a_temperror),
	    cmocka_unit_test(checks_without_waiting),
	    cmocka_unit_test(same_settings_keep_the_checker),
	    cmocka_unit_test(checkers_outlive_their_configuration),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
