/* SPDX-License-Identifier: ISC */
/*
 * reader: what access_load() makes of maps, for test_maps.py.
 *
 *	reader show MAP			the entries, KEY TAB VALUE a line
 *	reader try MAP			the same, but don't wait for a writer
 *	reader damage MAP ENTRIES SEED COUNT
 *					cut and alter MAP's file
 *	reader decide MAP ENTRIES	what a daemon with ENTRIES does about a
 *					change that it has seen
 *	reader follow MAP KEYS THREADS	look keys up while others write
 *
 * Problems go to stderr.  Exit status: 0, 1 failed, 2 usage, 3 busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "access/access.h"
#include "access/change.h"

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "reader: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint64_t
number(const char *digits)
{
	uint64_t n;

	if (!text_uint(mf_text_of(digits), 1000000000, &n)) {
		fprintf(stderr, "reader: no number: %s\n", digits);
		exit(2);
	}
	return n;
}

/* --- show, try --- */

static int
show(const char *map, bool wait)
{
	struct report report = report_to_stderr();
	struct access *access;
	enum access_status status =
	    access_load(mf_text_of(map), wait, &access, &report);

	if (status != ACCESS_OK)
		return status == ACCESS_BUSY ? 3 : 1;
	access_warn(access, &report);
	for (size_t n = 0; n < access_table_count(access->table); n++) {
		const struct access_entry *e =
		    access_table_at(access->table, n);
		struct mf_text key = access_entry_key(e);
		struct mf_text value = access_entry_value(e);

		if (access_table_find(access->table, key) == NULL)
			return 1;
		fwrite(key.p, 1, key.len, stdout);
		putchar('\t');
		fwrite(value.p, 1, value.len, stdout);
		putchar('\n');
	}
	access_free(access);
	return 0;
}

/* --- decide --- */

static int
decide_change(const char *map, size_t entries)
{
	static const char *const texts[] = {"take", "hold", "refuse"};
	struct report report = {.say = report_ignore};
	struct access_change change = {
	    .how = ACCESS_SEEN, .old_count = entries};
	struct access *access;

	switch (access_load(mf_text_of(map), false, &access, &report)) {
	case ACCESS_OK:
		change.is_readable = true;
		change.is_cut = access->is_cut;
		change.new_count = access_table_count_ours(access->table);
		break;
	case ACCESS_BUSY:
		return 3;
	case ACCESS_FAILED:
		break;
	}
	printf(
	    "%s %zu\n", texts[access_decide_change(&change)], change.new_count);
	access_free(access);
	return 0;
}

/* --- damage --- */

#define LIMIT_SEC 60 /* that reading a damaged file may take */
#define FLIPS_MAX 3  /* bits of a file that are altered */

/* Exit statuses of the child but for the last; sanitizers have 1 and 66. */
enum outcome { REFUSED = 10, WHOLE, PARTIAL, CRASHED, OUTCOMES };

struct image {
	const char *path;
	char *octets, *changed;
	size_t len;
	size_t entries;
};

static uint64_t dice;

/* xorshift64*: the same in every run. */
static size_t
roll(size_t sides)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return (size_t)(dice * UINT64_C(0x2545f4914f6cdd1d) >> 33) % sides;
}

static void
image_read(struct image *image, const char *map)
{
	struct stat st;
	int fd;

	image->path = strchr(map, ':') != NULL ? strchr(map, ':') + 1 : map;
	fd = open(image->path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0)
		die(image->path);
	image->len = (size_t)st.st_size;
	image->octets = malloc(image->len);
	image->changed = malloc(image->len);
	if (image->octets == NULL || image->changed == NULL ||
	    read(fd, image->octets, image->len) != st.st_size)
		die(image->path);
	close(fd);
}

/* Written long ago: one that was just written might be unfinished. */
static void
image_write(const struct image *image, size_t len)
{
	const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	int fd = open(image->path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, image->changed, len) != (ssize_t)len ||
	    futimens(fd, past) < 0)
		die(image->path);
	close(fd);
}

static enum outcome
read_in_child(const struct image *image, const char *map)
{
	struct report report = {.say = report_ignore};
	struct access *access;
	pid_t child = fork();
	int status;

	if (child < 0)
		die("fork");
	if (child == 0) {
		alarm(LIMIT_SEC);
		if (access_load(mf_text_of(map), false, &access, &report) !=
		    ACCESS_OK)
			_exit(report.errors != 0 ? REFUSED : CRASHED);
		/* A bit of a key may make it one that isn't ours. */
		_exit(access_table_count(access->table) + FLIPS_MAX <
			    image->entries
			? PARTIAL
			: WHOLE);
	}
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) < REFUSED ||
	    WEXITSTATUS(status) > PARTIAL)
		return CRASHED;
	return (enum outcome)WEXITSTATUS(status);
}

/* Every other file is cut short, many of them at the end of a page. */
static size_t
change(const struct image *image, uint64_t n)
{
	memcpy(image->changed, image->octets, image->len);
	if (n % 4 == 0)
		return roll(image->len);
	if (n % 4 == 2)
		return roll(image->len) / 4096 * 4096;
	/* Headers of pages are more interesting than what is behind them. */
	for (size_t flips = 1 + roll(FLIPS_MAX); flips != 0; flips--) {
		size_t page = roll(image->len) / 4096 * 4096;
		size_t at = page + roll(n % 8 == 1 ? 64 : 4096);

		if (at < image->len)
			image->changed[at] =
			    (char)(image->changed[at] ^ 1 << roll(8));
	}
	return image->len;
}

static int
damage(const char *map, size_t entries, uint64_t seed, uint64_t count)
{
	struct image image = {.entries = entries};
	uint64_t outcomes[2][OUTCOMES] = {{0}};
	bool failed = false;

	image_read(&image, map);
	dice = seed + 1;
	for (uint64_t n = 0; n < count; n++) {
		size_t len = change(&image, n);
		image_write(&image, len);
		enum outcome outcome = read_in_child(&image, map);
		outcomes[len < image.len][outcome]++;
		if (outcome == WHOLE ? len == image.len : outcome == REFUSED)
			continue;
		fprintf(stderr, "reader: file %llu of seed %llu, %zu octets\n",
		    (unsigned long long)n, (unsigned long long)seed, len);
		failed = true;
	}
	for (int is_cut = 1; is_cut >= 0; is_cut--)
		printf("%s: %llu refused, %llu whole, %llu partial, "
		       "%llu crashed\n",
		    is_cut ? "cut" : "altered",
		    (unsigned long long)outcomes[is_cut][REFUSED],
		    (unsigned long long)outcomes[is_cut][WHOLE],
		    (unsigned long long)outcomes[is_cut][PARTIAL],
		    (unsigned long long)outcomes[is_cut][CRASHED]);
	free(image.octets);
	free(image.changed);
	return failed ? 1 : 0;
}

/* --- follow --- */

struct follower {
	pthread_t thread;
	const char *map;
	uint64_t keys;
	int stop_fd; /* readable: no more changes come */
	uint64_t loads, busy, generation;
	char problem[256];
};

/* The generation in the value of the n-th key. */
static bool
generation_of(const struct access_table *table, uint64_t n, uint64_t *out)
{
	static const struct mf_text before =
	    MF_TEXT("ERROR:5.7.1:550 generation ");
	const struct access_entry *e;
	char key[64];

	snprintf(
	    key, sizeof(key), "spf-fail:%llu.example", (unsigned long long)n);
	e = access_table_find(table, mf_text_of(key));
	return e != NULL && text_starts(access_entry_value(e), before) &&
	    text_uint(
		text_from(access_entry_value(e), before.len), UINT64_MAX, out);
}

/* All keys are there, of one generation, which isn't older than the last. */
static void
check(struct follower *f, const struct access_table *table)
{
	uint64_t first = 0, other = 0;

	for (uint64_t n = 0; n < f->keys; n++) {
		if (!generation_of(table, n, n == 0 ? &first : &other)) {
			snprintf(f->problem, sizeof(f->problem),
			    "key %llu is missing after generation %llu",
			    (unsigned long long)n,
			    (unsigned long long)f->generation);
			return;
		}
		if (n != 0 && other != first) {
			snprintf(f->problem, sizeof(f->problem),
			    "generations %llu and %llu in one map",
			    (unsigned long long)first,
			    (unsigned long long)other);
			return;
		}
	}
	if (access_table_count(table) != f->keys || first < f->generation)
		snprintf(f->problem, sizeof(f->problem),
		    "%zu keys of generation %llu after %llu",
		    access_table_count(table), (unsigned long long)first,
		    (unsigned long long)f->generation);
	f->generation = first;
}

static void
keep_problem(void *arg, bool is_error, const char *line)
{
	struct follower *f = arg;

	(void)is_error;
	snprintf(f->problem, sizeof(f->problem), "%s", line);
}

/* As the daemon does it: what can't be had now is left for the next time. */
static void
follow_change(struct follower *f, struct access **access, bool wait)
{
	struct report report = {.say = keep_problem, .arg = f};
	struct access *next;

	switch (access_load(mf_text_of(f->map), wait, &next, &report)) {
	case ACCESS_OK:
		f->loads++;
		access_free(*access);
		*access = next;
		break;
	case ACCESS_BUSY:
		f->busy++;
		break;
	case ACCESS_FAILED:
		break;
	}
}

static void *
follow(void *arg)
{
	struct follower *f = arg;
	struct access *access = NULL;
	struct pollfd stop = {.fd = f->stop_fd, .events = POLLIN};

	follow_change(f, &access, true);
	if (access == NULL)
		return NULL;
	while (f->problem[0] == '\0' && poll(&stop, 1, 1) == 0) {
		if (access_is_stale(access))
			follow_change(f, &access, false);
		check(f, access->table);
	}
	if (f->problem[0] == '\0')
		follow_change(f, &access, true);
	if (f->problem[0] == '\0')
		check(f, access->table);
	access_free(access);
	return NULL;
}

/* Until stdin ends. */
static int
follow_all(const char *map, uint64_t keys, size_t threads)
{
	struct follower *all = calloc(threads, sizeof(*all));
	bool failed = false;
	int error = 0;

	if (all == NULL)
		die("calloc");
	for (size_t i = 0; i < threads && error == 0; i++) {
		all[i] = (struct follower){
		    .map = map, .keys = keys, .stop_fd = STDIN_FILENO};
		error = pthread_create(&all[i].thread, NULL, follow, &all[i]);
	}
	if (error != 0) {
		errno = error;
		die("pthread_create");
	}
	for (size_t i = 0; i < threads; i++) {
		pthread_join(all[i].thread, NULL);
		printf("%llu\t%llu\t%llu\t%s\n",
		    (unsigned long long)all[i].generation,
		    (unsigned long long)all[i].loads,
		    (unsigned long long)all[i].busy, all[i].problem);
		failed = failed || all[i].problem[0] != '\0';
	}
	free(all);
	return failed ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct mf_text mode = mf_text_of(argc > 2 ? argv[1] : NULL);

	if (mf_text_eq(mode, MF_TEXT("show")) && argc == 3)
		return show(argv[2], true);
	if (mf_text_eq(mode, MF_TEXT("try")) && argc == 3)
		return show(argv[2], false);
	if (mf_text_eq(mode, MF_TEXT("decide")) && argc == 4)
		return decide_change(argv[2], (size_t)number(argv[3]));
	if (mf_text_eq(mode, MF_TEXT("damage")) && argc == 6)
		return damage(argv[2], (size_t)number(argv[3]), number(argv[4]),
		    number(argv[5]));
	if (mf_text_eq(mode, MF_TEXT("follow")) && argc == 5)
		return follow_all(
		    argv[2], number(argv[3]), (size_t)number(argv[4]));
	fputs("usage: reader show|try|decide|damage|follow MAP ...\n", stderr);
	return 2;
}
