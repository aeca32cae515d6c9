/* SPDX-License-Identifier: ISC */
/*
 * rewrite/gate.h: what the settings may say, that nothing but a pass for every
 * address keeps a sender, and queries that are given up.
 *
 * Records come from a file, and nobody is at the name server's port: what isn't
 * in the file is a temporary error.
 */
#include "rewrite/gate.h"
#include "tests/unit/support.h"

#include <pthread.h>
#include <time.h>

/* --- settings --- */

static bool
load(const char *lines, struct gate **gate, struct report *report)
{
	struct rewrite_settings settings = {.max_age = 0};
	struct conf_section section = rewrite_section(&settings);
	struct conf *conf = NULL;
	char text[1024];
	struct ini ini;
	bool ok;

	*gate = NULL;
	snprintf(text, sizeof(text), "[srs]\n%s", lines);
	ok = ini_parse(&ini, "t.conf", mf_text_of(text), INI_OURS, report) &&
	    conf_load(&conf, &ini, &section, 1, report) &&
	    gate_new(&settings, conf, "t.conf", gate, report);
	ini_free(&ini);
	conf_free(conf);
	return ok;
}

#define ON "skip_if_spf_passes = yes\n"
#define A8                                                          \
	"192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 2001:db8::1, " \
	"2001:db8::2, 2001:db8::3, ::ffff:192.0.2.5"

static const struct {
	const char *lines, *said; /* said: "" if all is well */
	bool made;
} rows[] = {
    {"", "", false},
    {"outbound_addresses = 192.0.2.1\n", "", false},
    {ON "outbound_addresses = 192.0.2.1\n", "", true},
    {ON "outbound_addresses = " A8 ", " A8 "\n", "", true},
    {ON "outbound_addresses = 192.0.2.1\nhelo_name = mail.example.com\n", "",
	true},
    {ON,
	"error: t.conf:2: skip_if_spf_passes: requires outbound_addresses: all addresses that mail leaves from\n",
	false},
    {ON "outbound_addresses =\n",
	"error: t.conf:2: skip_if_spf_passes: requires outbound_addresses: all addresses that mail leaves from\n",
	false},
    {ON "outbound_addresses = " A8 ", " A8 ", 192.0.2.1\n",
	"error: t.conf:3: outbound_addresses: more than 16\n", false},
    {ON "outbound_addresses = 192.0.2.1, mail.example.com\n",
	"error: t.conf:3: outbound_addresses: not an IP address (192.0.2.1): "
	"\"mail.example.com\"\n",
	false},
    {ON "\noutbound_addresses = 192.0.2.0/24\n",
	"error: t.conf:4: outbound_addresses: not an IP address (192.0.2.1): "
	"\"192.0.2.0/24\"; each address is an item of its own\n",
	false},
    /* A mistake is one before the gate is opened, too. */
    {"outbound_addresses = 192.0.2.256\n",
	"error: t.conf:2: outbound_addresses: not an IP address (192.0.2.1): "
	"\"192.0.2.256\"\n",
	false},
    {ON "outbound_addresses = 192.0.2.1\nhelo_name = not one\n",
	"error: t.conf:4: helo_name: not a domain (example.com): "
	"\"not one\"; a domain has letters, digits, \"-\", \"_\" and dots "
	"only\n",
	false},
    {ON "outbound_addresses = 192.0.2.1\nhelo_name = mail\n",
	"error: t.conf:4: helo_name: not a domain (example.com): "
	"\"mail\"; it has no dot\n",
	false},
};

static void
settings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard heard;
		struct report report = report_to(&heard);
		struct gate *gate;

		bool ok = load(rows[i].lines, &gate, &report);
		expect_str(rows[i].lines, "said", heard.text, rows[i].said);
		expect_int(rows[i].lines, "ok", ok, rows[i].said[0] == '\0');
		expect_int(rows[i].lines, "gate", gate != NULL, rows[i].made);
		gate_free(gate);
	}
}

/* --- decisions --- */

#define RECORDS                                                            \
	"all.example v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\n"          \
	"one.example v=spf1 ip4:192.0.2.1 -all\n"                          \
	"soft.example v=spf1 ip4:192.0.2.1 ~all\n"                         \
	"neutral.example v=spf1 ip4:192.0.2.1 ?ip6:2001:db8::1 -all\n"     \
	"helo.example v=spf1 exists:%{h}.helo.example include:%{h} -all\n" \
	"mail.example v=spf1 +all\n"                                       \
	"user.example v=spf1 include:%{l}.example ~all\n"                  \
	"asks.example v=spf1 ip4:192.0.2.1 a:nobody.example -all\n"        \
	"last.example v=spf1 ip6:2001:db8::1 a:nobody.example -all\n"

static const struct {
	const char *sender;
	bool passes;
	bool waits; /* for an answer that is a temporary error */
} senders[] = {
    {"bob@all.example", true, false}, {"\"b b\"@ALL.example", true, false},
    {"bob@one.example", false, false}, {"bob@soft.example", false, false},
    {"bob@neutral.example", false, false},
    {"all@user.example", true, false}, /* the whole sender is checked */
    {"one@user.example", false, false}, {"bob@asks.example", false, true},
    {"bob@last.example", false, true}, {"bob@nobody.example", false, true},
    {"bob@localhost", false, false}, {"bob@[192.0.2.1]", false, false},
    {"bob", false, false}, {"", false, true}, /* postmaster of the HELO name */
};

struct world {
	struct conf *conf;
	struct checker *checker;
	struct gate *gate;
};

static void
begin(struct world *w, const char *addresses)
{
	struct check_settings settings = {.engine = 0};
	struct conf_section section = check_section(&settings);
	struct heard heard;
	struct report report = report_to(&heard);
	char text[512];
	struct ini ini;

	*w = (struct world){.conf = NULL};
	snprintf(text, sizeof(text),
	    "[spf]\nnameservers = 127.0.0.1:1\nrecord_file = %s\n",
	    scratch_write("records", MF_TEXT(RECORDS), 0600));
	if (ini_parse(&ini, "t.conf", mf_text_of(text), INI_OURS, &report) &&
	    conf_load(&w->conf, &ini, &section, 1, &report))
		w->checker =
		    checker_new(&settings, w->conf, "t.conf", NULL, &report);
	ini_free(&ini);
	snprintf(text, sizeof(text),
	    ON "outbound_addresses = %s\nhelo_name = nobody.example\n",
	    addresses);
	load(text, &w->gate, &report);
	expect_str("begin", "said", heard.text, "");
	assert_non_null(w->checker);
	assert_non_null(w->gate);
}

static void
end(struct world *w)
{
	gate_free(w->gate);
	checker_release(w->checker);
	conf_free(w->conf);
}

/* Nobody listens at the name server's port. */
static void
expect_cause(size_t i, enum spf_cause cause)
{
	expect_str(senders[i].sender, "cause", spf_cause_text(cause),
	    senders[i].waits ? "connection refused" : "");
}

static void
waiting(void **state)
{
	enum spf_cause cause;
	struct world w;

	(void)state;
	begin(&w, "192.0.2.1, 2001:db8::1");
	for (size_t i = 0; i < COUNT(senders); i++) {
		expect_int(senders[i].sender, "passes",
		    gate_passes(w.gate, w.checker,
			mf_text_of(senders[i].sender), NOW,
			checker_deadline(w.checker), &cause),
		    senders[i].passes);
		expect_cause(i, cause);
	}
	/* With no time left, what is known is known. */
	assert_true(gate_passes(
	    w.gate, w.checker, MF_TEXT("bob@all.example"), NOW, 0, &cause));
	assert_int_equal(cause, SPF_CAUSE_NONE);
	assert_false(gate_passes(
	    w.gate, w.checker, MF_TEXT("bob@asks.example"), NOW, 0, &cause));
	assert_int_not_equal(cause, SPF_CAUSE_NONE);
	end(&w);
}

/* Where an answer goes that had to be waited for. */
struct told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned times;
	bool passes;
	enum spf_cause cause;
};

static void
tell(void *arg, bool passes, enum spf_cause cause)
{
	struct told *told = arg;

	pthread_mutex_lock(&told->lock);
	told->times++;
	told->passes = passes;
	told->cause = cause;
	pthread_cond_signal(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

static void
hear_answer(struct told *told)
{
	pthread_mutex_lock(&told->lock);
	while (told->times == 0)
		pthread_cond_wait(&told->changed, &told->lock);
	pthread_mutex_unlock(&told->lock);
}

#define UNTOLD                                            \
	((struct told){.lock = PTHREAD_MUTEX_INITIALIZER, \
	    .changed = PTHREAD_COND_INITIALIZER})

static void
without_waiting(void **state)
{
	struct world w;

	(void)state;
	begin(&w, "192.0.2.1, 2001:db8::1");
	for (size_t i = 0; i < COUNT(senders); i++) {
		const char *sender = senders[i].sender;
		struct told told = UNTOLD;
		struct gate_query *query;
		enum spf_cause cause;
		enum gate_answer answer = gate_ask(w.gate, w.checker,
		    mf_text_of(sender), NOW, tell, &told, &query, &cause);

		if (answer == GATE_WAITS) {
			assert_non_null(query);
			hear_answer(&told);
			gate_forget(query);
			answer = told.passes ? GATE_PASSES : GATE_REWRITES;
			cause = told.cause;
		} else
			assert_null(query);
		expect_int(sender, "answer", answer,
		    senders[i].passes ? GATE_PASSES : GATE_REWRITES);
		expect_cause(i, cause);
		/* It may have come before it was asked for. */
		if (!senders[i].waits)
			expect_int(sender, "told", told.times, 0);
		assert_true(told.times <= 1);
	}
	end(&w);
}

/* What is given up is never told of, whenever that is. */
static void
forgetting(void **state)
{
	enum { MANY = 2000 };
	static struct told told[MANY];
	struct world w;

	(void)state;
	begin(&w, "2001:db8::2, 192.0.2.1, 2001:db8::1, 192.0.2.2, 192.0.2.3");
	for (unsigned i = 0; i < MANY; i++) {
		char sender[64];
		struct gate_query *query;
		enum spf_cause cause;
		unsigned before;

		told[i] = UNTOLD;
		snprintf(sender, sizeof(sender), "bob@d%u.example", i);
		if (gate_ask(w.gate, w.checker, mf_text_of(sender), NOW, tell,
			&told[i], &query, &cause) != GATE_WAITS)
			continue;
		if (i % 3 == 0)
			hear_answer(&told[i]);
		gate_forget(query);
		pthread_mutex_lock(&told[i].lock);
		before = told[i].times;
		told[i].times = 100;
		pthread_mutex_unlock(&told[i].lock);
		assert_true(before <= 1);
	}
	end(&w);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(told[i].times == 0 || told[i].times == 100);
}

/* The checker tells of all before it is gone. */
static void
the_checker_ends_first(void **state)
{
	struct told told = UNTOLD;
	struct gate_query *query;
	enum spf_cause cause;
	enum gate_answer answer;
	struct world w;

	(void)state;
	begin(&w, "192.0.2.1");
	answer = gate_ask(w.gate, w.checker, MF_TEXT("bob@nobody.example"), NOW,
	    tell, &told, &query, &cause);
	end(&w);
	if (answer == GATE_WAITS) {
		assert_int_equal(told.times, 1);
		assert_false(told.passes);
		gate_forget(query);
	} else
		assert_int_equal(answer, GATE_REWRITES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(settings),
	    cmocka_unit_test(waiting),
	    cmocka_unit_test(without_waiting),
	    cmocka_unit_test(forgetting),
	    cmocka_unit_test(the_checker_ends_first),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
