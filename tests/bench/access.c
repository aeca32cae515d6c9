/* SPDX-License-Identifier: ISC */
/*
 * access: what access files and hostile input cost.
 *
 *	access load ENTRIES FILE	write a text of so many, load it, load it
 *					again beside the first, look keys up
 *	access parsers			the slowest inputs known of the largest size
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "access/access.h"
#include "access/lookup.h"
#include "milter/received.h"
#include "spfmilter/authres.h"

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- memory --- */

/* A number of /proc/self/status, in MiB; 0: there is none. */
static double
status_of(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	double kib = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (text_starts(mf_text_of(line), mf_text_of(name)))
			kib = strtod(line + strlen(name), NULL);
	if (file != NULL)
		fclose(file);
	return kib / 1024;
}

/* And let the peak begin again. */
static void
report_memory(const char *what, double since, double file_mib)
{
	FILE *file;
	double rss = status_of("VmRSS:"), peak = status_of("VmHWM:");

	printf("  %-8s %6.2f s  RSS %6.0f MiB (%.2f of the file)  peak %6.0f "
	       "MiB (%.2f)\n",
	    what, seconds() - since, rss, rss / file_mib, peak,
	    peak / file_mib);
	file = fopen("/proc/self/clear_refs", "w");
	if (file != NULL) {
		fputs("5", file);
		fclose(file);
	}
}

/* --- load --- */

static void
put_sender(unsigned n, char *out, size_t size)
{
	snprintf(out, size, "user%u@host%07u.example.%s", n * 7919 % 99991,
	    (unsigned)(n * UINT64_C(1299709) % 10000019),
	    n % 2 != 0 ? "org" : "com");
}

static double
write_entries(const char *path, unsigned count)
{
	FILE *file = fopen(path, "w");
	char sender[128];
	long size;

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	for (unsigned n = 0; n < count; n++) {
		put_sender(n, sender, sizeof(sender));
		fprintf(file, "spf-%s:%s\t%s\n",
		    n % 2 != 0 ? "softfail" : "fail", sender,
		    n % 3 != 0 ? "REJECT" : "DISCARD");
	}
	size = ftell(file);
	fclose(file);
	return (double)size / 1024 / 1024;
}

static struct access *
load(const char *path)
{
	struct report report = report_to_stderr();
	struct access *access;

	if (access_load(mf_text_of(path), true, &access, &report) != ACCESS_OK)
		exit(1);
	return access;
}

static void
look_up(const struct access_table *table, unsigned count)
{
	enum { TIMES = 200000 };
	double start = seconds();
	struct lookup_answer answer;
	char sender[128];

	for (unsigned n = 0; n < TIMES; n++) {
		put_sender((unsigned)(n * UINT64_C(7368787) % count), sender,
		    sizeof(sender));
		lookup_ask(table,
		    &(struct lookup_query){
			.result = SPF_FAIL, .subject = mf_text_of(sender)},
		    &answer);
	}
	printf("  lookup   %6.0f ns\n", (seconds() - start) / TIMES * 1e9);
}

static int
bench_load(unsigned count, const char *path)
{
	double mib = write_entries(path, count), start = seconds();
	struct access *first = load(path), *second;

	printf("access text of %u entries, %.0f MiB:\n", count, mib);
	report_memory("start", start, mib);
	start = seconds();
	second = load(path);
	report_memory("reload", start, mib);
	start = seconds();
	access_free(first);
	report_memory("after it", start, mib);
	look_up(second->table, count);
	access_free(second);
	return 0;
}

/* --- parsers --- */

#define SIZE 65536

static void
bench_field(const char *name, const char *start, const char *part,
    bool (*parse)(struct mf_text value))
{
	static char field[SIZE];
	struct text_out o = text_out(field, sizeof(field));
	double from;

	out_str(&o, start);
	while (o.len + strlen(part) <= SIZE)
		out_str(&o, part);
	from = seconds();
	parse(out_view(&o));
	printf("  %-24s %8.0f us\n", name, (seconds() - from) * 1e6);
}

static bool
parse_received(struct mf_text value)
{
	struct received received;

	return received_parse(value, &received);
}

static bool
parse_authres(struct mf_text value)
{
	return authres_is_of(value, MF_TEXT("mx.example"));
}

static int
bench_parsers(void)
{
	printf("header fields of %d octets:\n", SIZE);
	bench_field("Received", "from a (b [1.2.3.4]) by c ", "(a [1.2.3.4]) ",
	    parse_received);
	bench_field("Authentication-Results", "", "mx.exampl ", parse_authres);
	bench_field("in comments", "", "(x) ", parse_authres);
	bench_field("in words", "", "=?utf-8?q?m?= ", parse_authres);
	bench_field("in percents", "%25 ", "%40", parse_authres);
	bench_field("in Unicode", "", "\xef\xbd\x8d ", parse_authres);
	return 0;
}

int
main(int argc, char **argv)
{
	uint64_t count;

	if (argc == 4 && strcmp(argv[1], "load") == 0 &&
	    text_uint(mf_text_of(argv[2]), 10000000, &count) && count != 0)
		return bench_load((unsigned)count, argv[3]);
	if (argc == 2 && strcmp(argv[1], "parsers") == 0)
		return bench_parsers();
	fputs("usage: access load ENTRIES FILE | parsers\n", stderr);
	return 2;
}
