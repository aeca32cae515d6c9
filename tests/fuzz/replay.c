/* SPDX-License-Identifier: ISC */
/*
 * replay: run a fuzz target over files, without a fuzzer.
 *
 *	TARGET [-m MUTATIONS] [FILE-OR-DIRECTORY...]
 *
 * Without a file it takes those of tests/fuzz/corpus/TARGET.
 *
 * Each file is given to the target as it is, cut short at every length up to
 * CUTS_MAX, and changed in MUTATIONS ways (200 unless told), always the same
 * ones.  Prints a test's result in TAP.  Where the target stops the program,
 * "last input" on stderr is what it was given, in hexadecimal.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 65536
#define CUTS_MAX  512
#define PATH_SIZE 4096
#define CHANGES   8 /* of one mutation, at most */

struct input {
	size_t len;
	uint8_t octets[INPUT_MAX];
};

static struct input current; /* for the handler of SIGABRT and its like */
static uint64_t dice;
static size_t files, runs;

/* splitmix64 */
static size_t
roll(size_t sides)
{
	uint64_t z = dice += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ z >> 31) % sides);
}

static void
tell_input(int signal_number)
{
	static const char digits[] = "0123456789abcdef";
	static const char title[] = "last input: ";

	(void)!write(STDERR_FILENO, title, sizeof(title) - 1);
	for (size_t i = 0; i < current.len; i++) {
		char two[2] = {digits[current.octets[i] >> 4],
		    digits[current.octets[i] & 15]};

		(void)!write(STDERR_FILENO, two, 2);
	}
	(void)!write(STDERR_FILENO, "\n", 1);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* A copy of exactly its length, so that sanitizers see a read beyond it. */
static void
run(void)
{
	uint8_t *exact = malloc(current.len != 0 ? current.len : 1);

	if (exact == NULL)
		abort();
	memcpy(exact, current.octets, current.len);
	LLVMFuzzerTestOneInput(exact, current.len);
	free(exact);
	runs++;
}

static void
insert(size_t at, uint8_t octet)
{
	if (current.len == INPUT_MAX)
		return;
	memmove(current.octets + at + 1, current.octets + at, current.len - at);
	current.octets[at] = octet;
	current.len++;
}

static void delete (size_t at, size_t len)
{
	if (len > current.len - at)
		len = current.len - at;
	memmove(current.octets + at, current.octets + at + len,
	    current.len - at - len);
	current.len -= len;
}

static void
repeat(size_t at, size_t len)
{
	for (size_t i = 0; i < len && at + i < current.len; i++)
		insert(at + i, current.octets[at + i]);
}

static void
change(void)
{
	static const char likely[] = "=+-@\"\\<>. ,:;[]%#\r\n\t\0\x7f\x9b\xff"
				     "0129aAzZ";
	size_t at = roll(current.len + 1);

	switch (roll(7)) {
	case 0:
		if (at < current.len)
			current.octets[at] ^= (uint8_t)(1u << roll(8));
		break;
	case 1:
		insert(at, (uint8_t)likely[roll(sizeof(likely) - 1)]);
		break;
	case 2:
		if (at < current.len)
			current.octets[at] =
			    (uint8_t)likely[roll(sizeof(likely) - 1)];
		break;
	case 3:
		delete (at, 1 + roll(4));
		break;
	case 4:
		repeat(at, 1 + roll(32));
		break;
	case 5:
		if (at < current.len)
			current.octets[at] = (uint8_t)roll(256);
		break;
	default:
		delete (at, current.len);
		break;
	}
}

static void
replay(const struct input *seed, size_t mutations)
{
	current = *seed;
	run();
	for (size_t len = 0; len < seed->len && len < CUTS_MAX; len++) {
		current.len = len;
		run();
	}
	for (size_t i = 0; i < mutations; i++) {
		current = *seed;
		for (size_t n = 1 + roll(CHANGES); n > 0; n--)
			change();
		run();
	}
	files++;
}

static bool
replay_file(const char *path, size_t mutations)
{
	static struct input seed;
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return false;
	}
	seed.len = fread(seed.octets, 1, sizeof(seed.octets), file);
	bool ok = !ferror(file);
	fclose(file);
	/* Whatever the order of the files, each has changes of its own. */
	dice = seed.len;
	for (size_t i = 0; i < seed.len; i++)
		dice = dice * 31 + seed.octets[i];
	replay(&seed, mutations);
	return ok;
}

static bool
replay_path(const char *path, size_t mutations)
{
	struct stat st;
	bool ok = true;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return replay_file(path, mutations);
	DIR *directory = opendir(path);
	if (directory == NULL) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return false;
	}
	for (struct dirent *e; (e = readdir(directory)) != NULL;) {
		char name[PATH_SIZE];

		if (e->d_name[0] == '.')
			continue;
		int len =
		    snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		ok = len > 0 && (size_t)len < sizeof(name) &&
		    replay_path(name, mutations) && ok;
	}
	closedir(directory);
	return ok;
}

static bool
replay_own_corpus(const char *program, size_t mutations)
{
	const char *slash = strrchr(program, '/');
	char path[PATH_SIZE];
	int len = snprintf(path, sizeof(path), "tests/fuzz/corpus/%s",
	    slash != NULL ? slash + 1 : program);

	return len > 0 && (size_t)len < sizeof(path) &&
	    replay_path(path, mutations);
}

int
main(int argc, char **argv)
{
	uint64_t mutations = 200;
	bool ok = true;
	int option;

	while ((option = getopt(argc, argv, "m:")) != -1)
		if (option != 'm' ||
		    !text_uint(mf_text_of(optarg), 100000000, &mutations)) {
			fputs("usage: replay [-m MUTATIONS] "
			      "[FILE-OR-DIRECTORY...]\n",
			    stderr);
			return 2;
		}
	signal(SIGABRT, tell_input);
	signal(SIGSEGV, tell_input);
	signal(SIGBUS, tell_input);
	signal(SIGFPE, tell_input);
	if (optind == argc)
		ok = replay_own_corpus(argv[0], (size_t)mutations);
	for (int i = optind; i < argc; i++)
		ok = replay_path(argv[i], (size_t)mutations) && ok;
	ok = ok && files != 0;
	printf("%sok 1 - %zu files, %zu runs\n1..1\n", ok ? "" : "not ", files,
	    runs);
	return ok ? 0 : 1;
}
