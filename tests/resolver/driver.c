/* SPDX-License-Identifier: ISC */
/*
 * Drives the resolver for the tests: a command a line on standard input, its
 * answer on standard output, lines ending with one that is "." alone.
 *
 *	driver [name=value...]		fields of struct spf_resolver_params
 *
 *	check IP SENDER HELO [MS]	result, then name=value of cost and
 *problem ask TYPE NAME			status, then what the answer holds start
 *N IP SENDER HELO [MS]	N checks without waiting; {} in SENDER and HELO is
 *replaced by a number that counts on
 *	wait				for all that were started: how many of
 *each result, questions, most rounds, elapsed time threads T N IP SENDER HELO
 *the same by T threads that wait, N each
 *	cancel				all that were started, from four
 *threads; none may call back after that override DOMAIN RECORD repeat N IP
 *SENDER HELO		nanoseconds of each of N checks stats
 *	skip SECONDS			let them pass at once, for the resolver
 *	free				end the resolver, whatever is in flight
 *	abandon T IP SENDER HELO	end it while T threads wait
 *
 * Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc: the resolver's
 * own allocations can fail, those of the libraries below it don't.  Its clock,
 * by --wrap=clock_gettime, can be put forward.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mailfrom/spf_resolver.h>

#include "common/text.h"

#define WORDS_MAX   8
#define RESULTS     (SPF_PERMERROR + 1)
#define STARTED_MAX 100000
#define CANCELLERS  4

/* Stands for a blank in a word. */
#define BLANK_IN_WORD '\x1f'

/* What became of many checks. */
struct tally {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t ended;
	unsigned results[RESULTS], rounds_max;
	uint64_t questions, elapsed_us_max;
};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

static atomic_llong skipped_sec;
static atomic_long allocations, fail_at;

static struct spf_resolver_params params;
static struct spf_resolver *resolver;
static struct tally tally = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static atomic_uint_fast64_t started[STARTED_MAX];
static size_t started_count;
static atomic_size_t next_to_cancel, cancelled;
static atomic_bool all_cancelled;
static atomic_uint_fast64_t counter;
static uint64_t begun_us;

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
fail(const char *why)
{
	printf("error %s\n.\n", why);
	exit(1);
}

/* --- memory --- */

static bool
refuse(void)
{
	return atomic_fetch_add(&allocations, 1) + 1 == atomic_load(&fail_at);
}

void *
__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return refuse() ? NULL : __real_realloc(old, size);
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int status = __real_clock_gettime(clock, out);

	out->tv_sec += (time_t)atomic_load(&skipped_sec);
	return status;
}

static long
set_memory(long n)
{
	atomic_store(&fail_at, n);
	return atomic_exchange(&allocations, 0);
}

/* --- requests --- */

struct texts {
	char sender[512], helo[512];
};

/* Copy text, with the number in place of {}. */
static struct mf_text
fill(const char *text, uint64_t number, char *out, size_t size)
{
	struct text_out o = text_out(out, size);

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
request_of(char **words, struct texts *texts)
{
	struct spf_request request = {.now_sec = (uint64_t)time(NULL)};
	uint64_t number = atomic_fetch_add(&counter, 1);

	if (words[0] == NULL || words[1] == NULL || words[2] == NULL)
		fail("too few words");
	if (!spf_ip_parse(mf_text_of(words[0]), &request.ip))
		fail("not an address");
	request.sender =
	    fill(words[1], number, texts->sender, sizeof(texts->sender));
	request.helo = fill(words[2], number, texts->helo, sizeof(texts->helo));
	return request;
}

static unsigned
timeout_of(char **words)
{
	return words[3] != NULL ? (unsigned)strtoul(words[3], NULL, 10)
				: SPF_TIMEOUT_MS_MAX;
}

/* --- tallies --- */

static void
tally_add(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	(void)arg;
	if (atomic_load(&all_cancelled))
		fail("a callback after cancelling");
	pthread_mutex_lock(&tally.lock);
	tally.ended++;
	tally.results[verdict->result]++;
	tally.questions += cost->questions;
	if (cost->rounds > tally.rounds_max)
		tally.rounds_max = cost->rounds;
	if (cost->elapsed_us > tally.elapsed_us_max)
		tally.elapsed_us_max = cost->elapsed_us;
	pthread_cond_signal(&tally.changed);
	pthread_mutex_unlock(&tally.lock);
}

static void
tally_reset(void)
{
	tally.ended = tally.rounds_max = 0;
	tally.questions = tally.elapsed_us_max = 0;
	memset(tally.results, 0, sizeof(tally.results));
	started_count = 0;
}

static void
tally_print(void)
{
	printf("ended=%zu", tally.ended);
	for (unsigned i = 0; i < RESULTS; i++)
		printf(" %s=%u", spf_result_text((enum spf_result)i),
		    tally.results[i]);
	printf(" questions=%" PRIu64 " rounds=%u longest_us=%" PRIu64
	       " elapsed_us=%" PRIu64 "\n",
	    tally.questions, tally.rounds_max, tally.elapsed_us_max,
	    now_ns() / 1000 - begun_us);
	tally_reset();
}

/* --- commands --- */

static void
run_check(char **words)
{
	struct texts texts;
	struct spf_request request = request_of(words, &texts);
	struct spf_verdict verdict;
	struct spf_cost cost;

	spf_resolver_check(
	    resolver, &request, timeout_of(words), &verdict, &cost);
	printf("%s questions=%u speculative=%u rounds=%u elapsed_us=%" PRIu64
	       " terms=%u voids=%u lookups=%u\n%s\n%s\n%s\n",
	    spf_result_text(verdict.result), cost.questions, cost.speculative,
	    cost.rounds, cost.elapsed_us, verdict.terms, verdict.voids,
	    verdict.lookups, verdict.mechanism, verdict.problem,
	    verdict.explanation);
}

static void
print_answer(const struct spf_answer *a)
{
	static const char *const statuses[] = {"found", "void", "error"};
	size_t size = a->rr == SPF_RR_A ? 4 : 16;

	printf("%s\n", statuses[a->status]);
	if (a->rr == SPF_RR_TXT) {
		printf("spf=%u\n", a->spf_records);
		printf("%.*s\n", (int)a->only_text.len, a->only_text.p);
	}
	for (size_t i = 0; a->addresses != NULL && i < a->count; i++) {
		struct spf_ip ip = {.v6 = a->rr == SPF_RR_AAAA};
		char text[SPF_IP_SIZE];

		memcpy(ip.octets, a->addresses + i * size, size);
		spf_ip_print(&ip, text);
		printf("%s\n", text);
	}
	for (size_t i = 0; a->names != NULL && i < a->count; i++)
		printf("%.*s\n", (int)a->names[i].len, a->names[i].p);
}

static void
run_ask(char **words)
{
	const struct spf_reply *reply;

	for (int rr = SPF_RR_TXT; rr <= SPF_RR_PTR; rr++) {
		if (strcmp(words[0], spf_rr_text((enum spf_rr)rr)) != 0)
			continue;
		reply = spf_resolver_ask(
		    resolver, (enum spf_rr)rr, mf_text_of(words[1]));
		if (reply == NULL)
			fail("no memory");
		print_answer(spf_reply_answer(reply));
		spf_reply_release(reply);
	}
}

static void
run_start(char **words)
{
	size_t n = strtoul(words[0], NULL, 10);

	if (started_count == 0)
		begun_us = now_ns() / 1000;
	if (n > STARTED_MAX - started_count)
		fail("too many");
	while (n-- > 0) {
		struct texts texts;
		struct spf_request request = request_of(words + 1, &texts);

		started[started_count++] = spf_resolver_start(
		    resolver, &request, timeout_of(words + 1), tally_add, NULL);
	}
}

static void
run_wait(char **words)
{
	(void)words;
	pthread_mutex_lock(&tally.lock);
	while (tally.ended < started_count)
		pthread_cond_wait(&tally.changed, &tally.lock);
	tally_print();
	pthread_mutex_unlock(&tally.lock);
}

/* arg is the number's place. */
static void
forget_next(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	atomic_uint_fast64_t *number = arg;

	if (spf_resolver_cancel(resolver, atomic_load(number)))
		fail("a check has forgotten itself");
	/* 0 if it isn't started yet. */
	bool forgotten = spf_resolver_cancel(resolver, atomic_load(number + 1));
	tally_add(NULL, verdict, cost);
	pthread_mutex_lock(&tally.lock);
	tally.ended += forgotten;
	pthread_cond_signal(&tally.changed);
	pthread_mutex_unlock(&tally.lock);
}

static void
run_chain(char **words)
{
	size_t n = strtoul(words[0], NULL, 10);

	if (n >= STARTED_MAX)
		fail("too many");
	begun_us = now_ns() / 1000;
	for (size_t i = 0; i <= n; i++)
		atomic_store(&started[i], 0);
	for (started_count = 0; started_count < n; started_count++) {
		struct texts texts;
		struct spf_request request = request_of(words + 1, &texts);

		atomic_store(&started[started_count],
		    spf_resolver_start(resolver, &request, SPF_TIMEOUT_MS_MAX,
			forget_next, &started[started_count]));
	}
	run_wait(words);
}

static void *
check_many(void *arg)
{
	char **words = arg;
	size_t n = strtoul(words[1], NULL, 10);

	while (n-- > 0) {
		struct texts texts;
		struct spf_request request = request_of(words + 2, &texts);
		struct spf_verdict verdict;
		struct spf_cost cost;

		spf_resolver_check(
		    resolver, &request, SPF_TIMEOUT_MS_MAX, &verdict, &cost);
		tally_add(NULL, &verdict, &cost);
	}
	return NULL;
}

static void
run_threads(char **words)
{
	size_t count = strtoul(words[0], NULL, 10);
	pthread_t *threads = calloc(count, sizeof(*threads));

	if (threads == NULL)
		fail("no memory");
	begun_us = now_ns() / 1000;
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, check_many, words) != 0)
			fail("no thread");
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	tally_print();
}

static void *
cancel_many(void *arg)
{
	size_t i;

	(void)arg;
	while ((i = atomic_fetch_add(&next_to_cancel, 1)) < started_count)
		if (spf_resolver_cancel(resolver, started[i]))
			atomic_fetch_add(&cancelled, 1);
	return NULL;
}

/* Each check was either told of or forgotten, and none is told of later. */
static void
run_cancel(char **words)
{
	pthread_t threads[CANCELLERS];

	(void)words;
	atomic_store(&next_to_cancel, 0);
	atomic_store(&cancelled, 0);
	for (size_t i = 0; i < CANCELLERS; i++)
		if (pthread_create(&threads[i], NULL, cancel_many, NULL) != 0)
			fail("no thread");
	for (size_t i = 0; i < CANCELLERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&all_cancelled, true);
	printf("cancelled=%zu ended=%zu of=%zu\n", atomic_load(&cancelled),
	    tally.ended, started_count);
	tally_reset();
}

static void
run_resume(char **words)
{
	(void)words;
	atomic_store(&all_cancelled, false);
}

static void
run_override(char **words)
{
	char record[2048];
	struct text_out out = text_out(record, sizeof(record));

	for (size_t i = 1; words[i] != NULL; i++) {
		out_str(&out, words[i]);
		out_char(&out, ' ');
	}
	if (spf_resolver_override(resolver, mf_text_of(words[0]),
		text_trim(out_view(&out))) != SPF_RESOLVER_OK)
		fail("override");
}

static void
run_repeat(char **words)
{
	uint64_t n = strtoul(words[0], NULL, 10), begin;
	struct texts texts;
	struct spf_request request = request_of(words + 1, &texts);
	struct spf_verdict verdict = {.result = SPF_NONE};

	if (n == 0)
		fail("how often?");
	begin = now_ns();
	for (uint64_t i = 0; i < n; i++)
		spf_resolver_check(
		    resolver, &request, SPF_TIMEOUT_MS_MAX, &verdict, NULL);
	printf("%s ns=%" PRIu64 "\n", spf_result_text(verdict.result),
	    (now_ns() - begin) / n);
}

static void
run_stats(char **words)
{
	struct spf_resolver_stats s;

	(void)words;
	spf_resolver_stats(resolver, &s);
	printf("checks=%" PRIu64 " checks_cached=%" PRIu64 " questions=%" PRIu64
	       " cache_hits=%" PRIu64 " timeouts=%" PRIu64 " errors=%" PRIu64
	       " cache_octets=%zu cache_answers=%zu in_flight=%zu\n",
	    s.checks, s.checks_cached, s.questions, s.cache_hits, s.timeouts,
	    s.errors, s.cache_octets, s.cache_answers, s.in_flight);
}

static void
run_memory(char **words)
{
	printf("%ld\n", set_memory(strtol(words[0], NULL, 10)));
}

static void
run_renew(char **words)
{
	enum spf_resolver_status status = SPF_RESOLVER_NO_MEMORY;
	struct spf_resolver *another = NULL;
	long n = 0;

	(void)words;
	while (status == SPF_RESOLVER_NO_MEMORY) {
		set_memory(++n);
		status = spf_resolver_new(&params, &another);
		if ((status == SPF_RESOLVER_OK) != (another != NULL))
			fail("status and resolver differ");
	}
	set_memory(0);
	spf_resolver_free(another);
	printf("%ld %s\n", n, spf_resolver_status_text(status));
}

static void
run_skip(char **words)
{
	atomic_fetch_add(&skipped_sec, strtol(words[0], NULL, 10));
}

static void
run_free(char **words)
{
	begun_us = now_ns() / 1000;
	spf_resolver_free(resolver);
	resolver = NULL;
	run_wait(words);
}

static void *
check_one(void *arg)
{
	struct texts texts;
	struct spf_request request = request_of(arg, &texts);
	struct spf_verdict verdict;
	struct spf_cost cost;

	spf_resolver_check(
	    resolver, &request, SPF_TIMEOUT_MS_MAX, &verdict, &cost);
	tally_add(NULL, &verdict, &cost);
	return NULL;
}

static void
run_abandon(char **words)
{
	size_t count = strtoul(words[0], NULL, 10);
	pthread_t *threads = calloc(count, sizeof(*threads));
	struct spf_resolver_stats stats;

	if (threads == NULL)
		fail("no memory");
	begun_us = now_ns() / 1000;
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, check_one, words + 1) !=
		    0)
			fail("no thread");
	/* Nobody may begin anything after the end, so all must have begun. */
	do
		spf_resolver_stats(resolver, &stats);
	while (stats.in_flight < count);
	spf_resolver_free(resolver);
	resolver = NULL;
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	tally_print();
}

static const struct {
	const char *name;
	void (*run)(char **words);
} commands[] = {
    {"check", run_check},
    {"ask", run_ask},
    {"start", run_start},
    {"wait", run_wait},
    {"chain", run_chain},
    {"threads", run_threads},
    {"cancel", run_cancel},
    {"resume", run_resume},
    {"override", run_override},
    {"repeat", run_repeat},
    {"stats", run_stats},
    {"memory", run_memory},
    {"renew", run_renew},
    {"skip", run_skip},
    {"free", run_free},
    {"abandon", run_abandon},
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
	for (size_t i = 0; i < count; i++)
		for (char *at = words[i]; *at != '\0'; at++)
			if (*at == BLANK_IN_WORD)
				*at = ' ';
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(words[0], commands[i].name) == 0) {
			commands[i].run(words + 1);
			return;
		}
	}
	fail("unknown command");
}

/* --- beginning --- */

static void
set_param(char *word)
{
	char *value = strchr(word, '=');

	if (value == NULL)
		fail("name=value is wanted");
	*value++ = '\0';
	unsigned long n = strtoul(value, NULL, 10);
	if (strcmp(word, "nameservers") == 0)
		params.nameservers = value;
	else if (strcmp(word, "timeout_ms") == 0)
		params.timeout_ms = (unsigned)n;
	else if (strcmp(word, "attempt_ms") == 0)
		params.attempt_ms = (unsigned)n;
	else if (strcmp(word, "attempts") == 0)
		params.attempts = (unsigned)n;
	else if (strcmp(word, "cache_size") == 0)
		params.cache_size = n;
	else if (strcmp(word, "prefetch") == 0)
		params.prefetch = n != 0;
	else
		fail(word);
}

int
main(int argc, char **argv)
{
	enum spf_resolver_status status;
	char line[4096];

	params = SPF_RESOLVER_PARAMS_DEFAULT;
	for (int i = 1; i < argc; i++)
		set_param(argv[i]);
	status = spf_resolver_new(&params, &resolver);
	printf("%s\n.\n", spf_resolver_status_text(status));
	fflush(stdout);
	if (status != SPF_RESOLVER_OK)
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		run(line);
		printf(".\n");
		fflush(stdout);
	}
	spf_resolver_free(resolver);
	return 0;
}
