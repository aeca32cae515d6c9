/* SPDX-License-Identifier: ISC */
/*
 * srs ask: one lookup in a running srsd, as an MTA would make it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/dial.h"
#include "common/netstring.h"
#include "tools/srs/srs.h"

#define ANSWER_SIZE 65536
#define ANSWER_SEC  30       /* as long as sendmail waits */
#define RETRY_NSEC  20000000 /* between attempts to connect */

static int
connect_within(const struct sockaddr_spec *spec, uint64_t wait_sec)
{
	const struct timespec pause = {.tv_nsec = RETRY_NSEC};
	time_t end = time(NULL) + (time_t)wait_sec;
	int fd;

	for (;;) {
		fd = dial(spec, ANSWER_SEC);
		if (fd >= 0 || time(NULL) >= end ||
		    (errno != ENOENT && errno != ECONNREFUSED &&
			errno != EACCES))
			return fd;
		nanosleep(&pause, NULL);
	}
}

static bool
send_request(int fd, const char *map, const char *key)
{
	char room[ANSWER_SIZE];
	struct text_out out = text_out(room, sizeof(room));

	out_uint(&out, strlen(map) + 1 + strlen(key));
	out_char(&out, ':');
	out_str(&out, map);
	out_char(&out, ' ');
	out_str(&out, key);
	out_char(&out, ',');
	return !out.full && dial_send(fd, out_view(&out));
}

static bool
read_answer(int fd, char room[static ANSWER_SIZE], struct mf_text *answer)
{
	size_t len = 0, used;

	for (;;) {
		ssize_t n = read(fd, room + len, ANSWER_SIZE - len);

		if (n <= 0)
			return false;
		len += (size_t)n;
		switch (netstring_read(
		    mf_text_at(room, len), ANSWER_SIZE, answer, &used)) {
		case NETSTRING_OK:
			return true;
		case NETSTRING_MORE:
			if (len < ANSWER_SIZE)
				continue;
			return false;
		case NETSTRING_BAD:
		case NETSTRING_TOO_LONG:
			return false;
		}
	}
}

/* An answer may hold anything; a terminal needn't see it. */
static void
print_answer(const char *mark, struct mf_text answer)
{
	fputs(mark, stdout);
	for (size_t i = 0; i < answer.len; i++)
		putchar(ascii_is_control(answer.p[i]) ? '?' : answer.p[i]);
	putchar('\n');
}

int
srs_ask(
    const char *address, const char *map, const char *key, uint64_t wait_sec)
{
	static char room[ANSWER_SIZE];
	struct sockaddr_spec spec;
	const char *why = NULL;
	struct mf_text answer;
	int fd;

	if (!sockaddr_parse(mf_text_of(address), &spec, &why)) {
		fprintf(stderr, "srs: %s: %s\n", address, why);
		return SRS_EXIT_USAGE;
	}
	fd = connect_within(&spec, wait_sec);
	if (fd < 0) {
		fprintf(stderr, "srs: %s: %s; is srsd up?\n", address,
		    strerror(errno));
		return SRS_EXIT_FAILED;
	}
	bool ok = send_request(fd, map, key) && read_answer(fd, room, &answer);
	close(fd);
	if (!ok) {
		fprintf(stderr, "srs: %s: no answer\n", address);
		return SRS_EXIT_FAILED;
	}
	if (text_starts(answer, MF_TEXT("OK "))) {
		print_answer("", text_from(answer, 3));
		return SRS_EXIT_OK;
	}
	print_answer("! ", text_trim(answer));
	return SRS_EXIT_FAILED;
}
