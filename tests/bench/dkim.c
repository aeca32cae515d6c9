/* SPDX-License-Identifier: ISC */
/*
 * dkim TIMES MESSAGE RECORD: verify the message in the file MESSAGE, whose key is
 * RECORD, TIMES times in a row.  Prints the result and microseconds a message.
 * For instructions run it under callgrind with two values of TIMES and divide
 * the difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/text.h"
#include <mailfrom/dkim.h>

#define PIECE 65536 /* as MTAs hand them to filters */

static struct mf_text
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	long size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
	    (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0 ||
	    (text = malloc((size_t)size + 1)) == NULL ||
	    fread(text, 1, (size_t)size, file) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	return mf_text_at(text, (size_t)size);
}

static enum dkim_result
verify(struct mf_text message, struct mf_text record)
{
	struct dkim_check *check = dkim_check_new(1700000000, NULL);
	enum dkim_result result;

	for (; message.len != 0; message = text_from(message, PIECE))
		if (check == NULL ||
		    dkim_check_message(check, text_head(message, PIECE)) !=
			DKIM_OK)
			exit(1);
	for (size_t i = 0; i < dkim_check_count(check, NULL); i++)
		dkim_check_answer(check, i, DKIM_KEY_FOUND, record);
	if (dkim_check_end(check) != DKIM_OK)
		exit(1);
	result = dkim_check_result(check);
	dkim_check_free(check);
	return result;
}

int
main(int argc, char **argv)
{
	uint64_t times = 0;
	enum dkim_result result = DKIM_NONE;
	struct timespec begin, end;
	struct mf_text message;

	if (argc != 4 || !text_uint(mf_text_of(argv[1]), UINT32_MAX, &times) ||
	    times == 0) {
		fputs("usage: dkim TIMES MESSAGE RECORD\n", stderr);
		return 2;
	}
	message = read_file(argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (uint64_t i = 0; i < times; i++)
		result = verify(message, mf_text_of(argv[3]));
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%s %.1f\n", dkim_result_text(result),
	    ((double)(end.tv_sec - begin.tv_sec) * 1e6 +
		(double)(end.tv_nsec - begin.tv_nsec) / 1e3) /
		(double)times);
	return 0;
}
