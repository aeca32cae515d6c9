/* SPDX-License-Identifier: ISC */
/*
 * Drives a checker for the tests: a command a line on standard input, its
 * answer on standard output, lines ending with one that is "." alone.  The log
 * goes to standard error.  Linked as a daemon is.
 *
 *	driver CONFIG			what was said of it, then "made" or not
 *
 *	run MS N IP SENDER HELO		N checks side by side, MS for all; a
 *					line of each verdict, then the time it
 *					took
 *	threads T N MS IP SENDER HELO	T threads, N times 4 checks each; how
 *					many of each result
 *	repeat N K IP SENDER HELO	N times K checks: nanoseconds of a check
 *	abandon N IP SENDER HELO	N checks started, and the checker let go
 *					of; how many of each result
 *	reload CONFIG			what was said; "same", "other", "refused"
 *	stats
 *
 * {} in SENDER is replaced by a number that counts on.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "spfcheck/checker.h"

#define WORDS_MAX   8
#define RESULTS     (SPF_PERMERROR + 1)
#define SENDER_SIZE 512
#define AT_ONCE     4 /* checks of a thread */

static struct checker *checker;
static atomic_uint_fast64_t counter;
static atomic_uint results[RESULTS];

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t
deadline_in(unsigned long ms)
{
	return now_ns() / 1000000 + ms;
}

static _Noreturn void
fail(const char *why)
{
	printf("error %s\n.\n", why);
	exit(1);
}

/* --- configuration --- */

static void
say(void *arg, bool is_error, const char *line)
{
	(void)arg;
	printf("%s: %s\n", is_error ? "error" : "warning", line);
}

static struct checker *
load(const char *path, struct checker *old)
{
	struct report report = {.say = say};
	struct check_settings settings;
	struct conf_section section = check_section(&settings);
	struct checker *made = NULL;
	struct conf *conf = NULL;
	struct file file;
	struct ini ini;

	settings = (struct check_settings){.engine = 0};
	if (file_read(path, &file) != 0)
		fail("no such configuration");
	if (ini_parse(&ini, path, mf_text_at(file.data, file.len), INI_OURS,
		&report) &&
	    conf_load(&conf, &ini, &section, 1, &report) &&
	    check_settings_ok(&settings, conf, path, &report))
		made = checker_new(&settings, conf, path, old, &report);
	ini_free(&ini);
	conf_free(conf);
	file_free(&file);
	return made;
}

/* --- requests --- */

/* Copy text, with the number in place of {}. */
static struct mf_text
fill(const char *text, uint64_t number, char out[static SENDER_SIZE])
{
	struct text_out o = text_out(out, SENDER_SIZE);

	while (*text != '\0') {
		if (strncmp(text, "{}", 2) == 0) {
			out_uint(&o, number);
			text += 2;
		} else
			out_char(&o, *text++);
	}
	return out_view(&o);
}

static struct spf_request
request_of(char **words, char sender[static SENDER_SIZE])
{
	struct spf_request request = {.now_sec = (uint64_t)time(NULL)};

	if (words[0] == NULL || words[1] == NULL || words[2] == NULL)
		fail("too few words");
	if (!spf_ip_parse(mf_text_of(words[0]), &request.ip))
		fail("not an address");
	request.sender = fill(words[1], atomic_fetch_add(&counter, 1), sender);
	request.helo = mf_text_of(words[2]);
	return request;
}

static size_t
number(const char *word, size_t max)
{
	uint64_t n = 0;

	if (word == NULL || !text_uint(mf_text_of(word), max, &n) || n == 0)
		fail("not a number that is allowed");
	return (size_t)n;
}

static void
tally(const struct spf_verdict *verdict)
{
	atomic_fetch_add(&results[verdict->result], 1);
}

static void
print_tally(void)
{
	for (unsigned i = 0; i < RESULTS; i++)
		printf("%s%s=%u", i == 0 ? "" : " ",
		    spf_result_text((enum spf_result)i),
		    atomic_exchange(&results[i], 0));
	printf("\n");
}

/* --- commands --- */

static void
run_run(char **words)
{
	size_t ms = number(words[0], 60000), n = number(words[1], CHECKS_MAX);
	static char senders[CHECKS_MAX][SENDER_SIZE];
	static struct check checks[CHECKS_MAX];
	uint64_t begin = now_ns();

	for (size_t i = 0; i < n; i++)
		checks[i].request = request_of(words + 2, senders[i]);
	checker_run(checker, checks, n, deadline_in(ms));
	for (size_t i = 0; i < n; i++) {
		const struct spf_verdict *v = &checks[i].verdict;

		printf("%s\t%s\t%s%s\t%s\t%s\t%s\n", spf_result_text(v->result),
		    v->domain, v->guessed ? "guessed" : "",
		    v->delegated ? "delegated" : "", v->mechanism,
		    v->explanation, v->problem);
	}
	printf("%" PRIu64 "\n", (now_ns() - begin) / 1000000);
}

static void *
run_many(void *arg)
{
	char **words = arg, senders[AT_ONCE][SENDER_SIZE];
	size_t n = number(words[1], 1000000), ms = number(words[2], 60000);
	struct check checks[AT_ONCE];

	while (n-- > 0) {
		for (size_t i = 0; i < AT_ONCE; i++)
			checks[i].request = request_of(words + 3, senders[i]);
		checker_run(checker, checks, AT_ONCE, deadline_in(ms));
		for (size_t i = 0; i < AT_ONCE; i++)
			tally(&checks[i].verdict);
	}
	return NULL;
}

static void
run_threads(char **words)
{
	enum { THREADS_MAX = 64 };
	size_t count = number(words[0], THREADS_MAX);
	pthread_t threads[THREADS_MAX];

	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, run_many, words) != 0)
			fail("no thread");
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	print_tally();
}

static void
run_repeat(char **words)
{
	size_t n = number(words[0], 10000000), k = number(words[1], CHECKS_MAX);
	static char senders[CHECKS_MAX][SENDER_SIZE];
	static struct check checks[CHECKS_MAX];
	uint64_t begin;

	for (size_t i = 0; i < k; i++)
		checks[i].request = request_of(words + 2, senders[i]);
	begin = now_ns();
	for (size_t i = 0; i < n; i++)
		checker_run(checker, checks, k, UINT64_MAX);
	printf("%s %" PRIu64 "\n", spf_result_text(checks[0].verdict.result),
	    (now_ns() - begin) / n / k);
}

static void
on_done(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	(void)arg;
	(void)cost;
	tally(verdict);
}

static void
run_abandon(char **words)
{
	for (size_t n = number(words[0], 100000); n > 0; n--) {
		char sender[SENDER_SIZE];
		struct spf_request request = request_of(words + 1, sender);

		checker_start(checker, &request, checker_timeout_ms(checker),
		    on_done, NULL);
	}
	checker_release(checker);
	checker = NULL;
	print_tally();
}

static void
run_reload(char **words)
{
	struct checker *made = load(words[0], checker);

	printf("%s\n",
	    made == NULL          ? "refused"
		: made == checker ? "same"
				  : "other");
	if (made == NULL)
		return;
	checker_release(checker);
	checker = made;
}

static void
run_stats(char **words)
{
	struct spf_resolver_stats s;
	struct spf_engine_stats e;

	(void)words;
	checker_stats(checker, &s);
	checker_engine_stats(checker, &e);
	printf("checks=%" PRIu64 " checks_cached=%" PRIu64 " questions=%" PRIu64
	       " in_flight=%zu differences=%" PRIu64 " helper_starts=%" PRIu64
	       " given=%" PRIu64 " died=%" PRIu64 " late=%" PRIu64
	       " unavailable=%" PRIu64 "\n",
	    s.checks, s.checks_cached, s.questions, s.in_flight, e.differences,
	    e.helper_starts, e.opinions[SPF_OPINION_GIVEN],
	    e.opinions[SPF_OPINION_DIED], e.opinions[SPF_OPINION_LATE],
	    e.opinions[SPF_OPINION_UNAVAILABLE]);
}

static const struct {
	const char *name;
	void (*run)(char **words);
} commands[] = {
    {"run", run_run},
    {"threads", run_threads},
    {"repeat", run_repeat},
    {"abandon", run_abandon},
    {"reload", run_reload},
    {"stats", run_stats},
};

static void
run(char *line)
{
	char *words[WORDS_MAX + 1] = {NULL}, *rest = line;
	size_t count = 0;

	while (count < WORDS_MAX && rest != NULL) {
		words[count++] = rest;
		rest = strchr(rest, ' ');
		if (rest != NULL)
			*rest++ = '\0';
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[0], commands[i].name) == 0) {
			commands[i].run(words + 1);
			return;
		}
	}
	fail("unknown command");
}

int
main(int argc, char **argv)
{
	char line[4096];

	if (argc != 2)
		fail("one argument, the configuration");
	log_open(&(struct log_options){.program = "driver",
	    .to = LOG_TO_STDERR,
	    .level = LEVEL_DEBUG,
	    .format = LOG_AS_TEXT});
	checker = load(argv[1], NULL);
	printf("%smade\n.\n", checker == NULL ? "not " : "");
	fflush(stdout);
	if (checker == NULL)
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		run(line);
		printf(".\n");
		fflush(stdout);
	}
	checker_release(checker);
	return 0;
}
