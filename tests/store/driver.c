/* SPDX-License-Identifier: ISC */
/*
 * The store as daemons use it, for test_store.py: settings of a file, and
 * commands from stdin, each with a line in answer.
 *
 *	put KEY VALUE SECONDS	ok | down
 *	putfixed KEY VALUE SECONDS
 *	get KEY			ok VALUE | absent | down
 *	getfixed KEY
 *	count KEY SECONDS	ok N | down
 *	ping			ok | down
 *	burst N			N rows put and read at once: "N ok M down"
 *	forget N		N asked for and given up
 *	race KEY N		N threads count: the sum of what they saw
 *	stats
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pthread.h>

#include "common/log.h"
#include "settings/sections.h"
#include "store/store.h"

#define BURST_MAX 20000

static struct store *store;

static const char *const words[] = {
    [STORE_OK] = "ok", [STORE_ABSENT] = "absent", [STORE_DOWN] = "down"};

static struct store_request
request(enum store_kind kind, const char *key, const char *value, unsigned left)
{
	uint64_t now = (uint64_t)time(NULL);

	return (struct store_request){.kind = kind,
	    .key = mf_text_of(key),
	    .value = mf_text_of(value),
	    .now_sec = now,
	    .expires_sec = now + left};
}

static void
ask(struct store_request r, bool is_fixed)
{
	struct store_answer answer;
	enum store_status status;

	r.is_fixed = is_fixed;
	status = store_call(store, &r, &answer);
	printf("%s", words[status]);
	if (status == STORE_OK && r.kind == STORE_GET)
		printf(" %.*s", (int)answer.value_len, answer.value);
	if (status == STORE_OK && r.kind == STORE_COUNT)
		printf(" %llu", (unsigned long long)answer.count);
	putchar('\n');
}

/* --- many at once --- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned answered, by_status[STORE_WAITS + 1];
} burst = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void
on_burst(void *arg, const struct store_answer *answer)
{
	(void)arg;
	pthread_mutex_lock(&burst.lock);
	burst.answered++;
	burst.by_status[answer->status]++;
	pthread_cond_signal(&burst.done);
	pthread_mutex_unlock(&burst.lock);
}

static void
burst_of(enum store_kind kind, unsigned count)
{
	static struct store_query *queries[BURST_MAX];
	unsigned waiting = 0;

	burst.answered = 0;
	memset(burst.by_status, 0, sizeof(burst.by_status));
	for (unsigned i = 0; i < count; i++) {
		char key[32], value[32];
		struct store_answer answer;
		struct store_request r;

		snprintf(key, sizeof(key), "t:burst%u", i);
		snprintf(value, sizeof(value), "value%u", i);
		r = request(kind, key, value, 60);
		enum store_status status = store_ask(
		    store, &r, on_burst, NULL, &queries[waiting], &answer);
		if (status == STORE_WAITS)
			waiting++;
		else
			burst.by_status[status]++;
	}
	pthread_mutex_lock(&burst.lock);
	while (burst.answered < waiting)
		pthread_cond_wait(&burst.done, &burst.lock);
	pthread_mutex_unlock(&burst.lock);
	for (unsigned i = 0; i < waiting; i++)
		store_forget(store, queries[i]);
	printf("%u ok %u absent %u down", burst.by_status[STORE_OK],
	    burst.by_status[STORE_ABSENT], burst.by_status[STORE_DOWN]);
}

static void
forget(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct store_request r = request(
		    i % 2 ? STORE_PUT : STORE_GET, "t:forgotten", "x", 60);
		struct store_query *query;
		struct store_answer answer;

		if (store_ask(store, &r, on_burst, NULL, &query, &answer) ==
		    STORE_WAITS)
			store_forget(store, query);
	}
	puts("ok");
}

/* --- threads --- */

struct racer {
	pthread_t thread;
	const char *key;
	uint64_t saw;
};

static void *
race_main(void *arg)
{
	struct racer *racer = arg;

	for (int i = 0; i < 10; i++) {
		struct store_request r =
		    request(STORE_COUNT, racer->key, "", 60);
		struct store_answer answer;

		if (store_call(store, &r, &answer) == STORE_OK)
			racer->saw += answer.count;
	}
	return NULL;
}

static void
race(const char *key, unsigned count)
{
	struct racer racers[16];
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		racers[i] = (struct racer){.key = key};
		pthread_create(&racers[i].thread, NULL, race_main, &racers[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(racers[i].thread, NULL);
		sum += racers[i].saw;
	}
	printf("%llu\n", (unsigned long long)sum);
}

/* --- commands --- */

static void
stats(void)
{
	struct store_stats s;

	store_stats(store, &s);
	printf("up %d cache %llu failed %llu late %llu connects %llu\n",
	    s.is_up, (unsigned long long)s.from_cache,
	    (unsigned long long)s.failed, (unsigned long long)s.late,
	    (unsigned long long)s.connects);
}

static bool
obey(char *line)
{
	char word[32] = "", key[600] = "", value[600] = "";
	unsigned left = 0;

	if (sscanf(line, "%31s %599s %599s %u", word, key, value, &left) < 1)
		return false;
	unsigned number = (unsigned)strtoul(key, NULL, 10);
	unsigned second = (unsigned)strtoul(value, NULL, 10);
	if (strncmp(word, "put", 3) == 0)
		ask(request(STORE_PUT, key, value, left), word[3] != '\0');
	else if (strncmp(word, "get", 3) == 0)
		ask(request(STORE_GET, key, "", 0), word[3] != '\0');
	else if (strcmp(word, "count") == 0)
		ask(request(STORE_COUNT, key, "", second), false);
	else if (strcmp(word, "ping") == 0)
		ask(request(STORE_PING, "", "", 0), false);
	else if (strcmp(word, "forget") == 0)
		forget(number);
	else if (strcmp(word, "race") == 0)
		race(key, second);
	else if (strcmp(word, "stats") == 0)
		stats();
	else if (strcmp(word, "burst") == 0 && number <= BURST_MAX) {
		burst_of(STORE_PUT, number);
		printf(", ");
		burst_of(STORE_GET, number);
		putchar('\n');
	} else
		return false;
	fflush(stdout);
	return true;
}

int
main(int argc, char **argv)
{
	struct report report = report_to_stderr();
	struct conf_section sections[SECTION_COUNT];
	struct store_settings settings = {.timeout = 0};
	struct store_params params;
	struct conf *conf = NULL;
	struct file file;
	struct ini ini;
	char line[2048];
	bool ok;

	if (argc != 2 || file_read(argv[1], &file) != 0)
		return 2;
	settings_sections(
	    &(struct settings_wanted){.store = &settings}, sections);
	ok = ini_parse(&ini, argv[1], mf_text_at(file.data, file.len), INI_OURS,
		 &report) &&
	    conf_load(&conf, &ini, sections, SECTION_COUNT, &report) &&
	    store_params_read(&settings, conf, argv[1], &params, &report);
	log_open(&(struct log_options){
	    .program = "driver", .to = LOG_TO_STDERR, .level = LEVEL_DEBUG});
	store = ok ? store_new(&params, NULL, &report) : NULL;
	while (store != NULL && fgets(line, sizeof(line), stdin) != NULL)
		if (!obey(line))
			return 2;
	ok = store != NULL;
	store_release(store);
	store_params_wipe(&params);
	conf_free(conf);
	ini_free(&ini);
	file_free(&file);
	return ok ? 0 : 1;
}
