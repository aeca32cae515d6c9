/* SPDX-License-Identifier: ISC */
/*
 * srs over many lines: whole blocks in, whole blocks out.
 *
 * Answers are written before the next read, so that a program that talks to
 * srs line by line over pipes gets each answer when it needs it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/srs/srs.h"

#include "common/text.h"

#define INPUT_SIZE  (256 * 1024)
#define OUTPUT_SIZE (256 * 1024)

/* The longest answer: an address or a reason, "! " and the line end. */
#define ANSWER_MAX (SRS_ADDR_MAX + 128)

struct batch {
	srs_command *command;
	struct srs_job *job;
	struct text_out out;
	bool failed;   /* an address did */
	bool broken;   /* stdout did */
	bool skipping; /* in the rest of a line that is too long */
	char output[OUTPUT_SIZE];
	char input[INPUT_SIZE];
};

static void
flush(struct batch *b)
{
	for (size_t done = 0; done < b->out.len;) {
		ssize_t n =
		    write(STDOUT_FILENO, b->out.p + done, b->out.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			b->broken = true;
			break;
		}
		done += (size_t)n;
	}
	b->out.len = 0;
}

static void
answer(struct batch *b, enum srs_status status, const struct srs_addr *result)
{
	if (b->out.size - b->out.len < ANSWER_MAX)
		flush(b);
	/* A local part of this kind would read as a failure. */
	if (status == SRS_OK &&
	    text_starts(mf_text_of(result->text), MF_TEXT("! ")))
		status = SRS_BAD_SYNTAX;
	if (status == SRS_OK)
		out_text(&b->out, mf_text_at(result->text, result->len));
	else {
		out_text(&b->out, MF_TEXT("! "));
		out_str(&b->out, srs_status_text(status));
		b->failed = true;
	}
	out_char(&b->out, '\n');
}

static void
one_line(struct batch *b, struct mf_text line)
{
	struct srs_addr result = {.len = 0};
	enum srs_status status = SRS_BAD_SYNTAX;

	if (line.len != 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (!b->skipping)
		status = b->command(b->job, line, &result);
	b->skipping = false;
	answer(b, status, &result);
}

/* Answer the whole lines of the first len octets; how many are left over. */
static size_t
all_lines(struct batch *b, size_t len)
{
	struct mf_text rest = mf_text_at(b->input, len), line;

	if (!b->job->clock_given)
		b->job->now_sec = (uint64_t)time(NULL);
	while (text_cut(&rest, '\n', &line))
		one_line(b, line);
	if (rest.len == INPUT_SIZE) {
		b->skipping = true;
		return 0;
	}
	memmove(b->input, rest.p, rest.len);
	return rest.len;
}

static void
run(struct batch *b)
{
	size_t len = 0;

	while (!b->broken) {
		ssize_t n =
		    read(STDIN_FILENO, b->input + len, INPUT_SIZE - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fprintf(stderr, "srs: stdin: %s\n", strerror(errno));
			b->failed = true;
		}
		if (n <= 0)
			break;
		len = all_lines(b, len + (size_t)n);
		flush(b);
	}
	if (len != 0 || b->skipping)
		one_line(b, mf_text_at(b->input, len));
	flush(b);
}

int
srs_batch(srs_command *command, struct srs_job *job)
{
	struct batch *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL) {
		fprintf(stderr, "srs: out of memory\n");
		return SRS_EXIT_FAILED;
	}
	b->command = command;
	b->job = job;
	b->out = text_out(b->output, sizeof(b->output));
	run(b);
	if (b->broken)
		fprintf(stderr, "srs: stdout: %s\n", strerror(errno));
	rc = b->failed || b->broken ? SRS_EXIT_FAILED : SRS_EXIT_OK;
	free(b);
	return rc;
}

int
srs_single(srs_command *command, struct srs_job *job, const char *address)
{
	struct srs_addr result = {.len = 0};
	enum srs_status status;

	if (!job->clock_given)
		job->now_sec = (uint64_t)time(NULL);
	status = command(job, mf_text_of(address), &result);
	if (status == SRS_OK)
		printf("%s\n", result.text);
	else
		printf("! %s\n", srs_status_text(status));
	return status == SRS_OK ? SRS_EXIT_OK : SRS_EXIT_FAILED;
}
