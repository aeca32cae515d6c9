/* SPDX-License-Identifier: ISC */
/*
 * flood [-c CONNECTIONS] -k KEYS PATH
 *
 * Full pipelines: connections to the socketmap server at the unix socket PATH
 * that always send as much as the socket takes, and read all answers.  Requests
 * are those of the file KEYS, "map key" a line.  Prints "full" once each
 * connection has been, and goes on until it is killed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/text.h"

#define EVENTS        256
#define REQUESTS_SIZE (1 << 20)

static struct mf_text requests; /* all of them, one after the other */

struct pipeline {
	int fd;
	size_t sent; /* of requests */
	bool was_full;
};

static void
die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
read_requests(const char *path)
{
	static char room[REQUESTS_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	FILE *file = fopen(path, "r");
	char line[2048];

	if (file == NULL)
		die(path);
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t len = strcspn(line, "\n");

		out_uint(&out, len);
		out_char(&out, ':');
		out_text(&out, mf_text_at(line, len));
		out_char(&out, ',');
	}
	fclose(file);
	if (out.full || out.len == 0)
		die("too many requests, or none");
	requests = out_view(&out);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die("path too long");
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

/* Whether that filled it for the first time. */
static bool
fill(struct pipeline *p)
{
	bool is_first = !p->was_full;

	for (;;) {
		ssize_t n = send(p->fd, requests.p + p->sent,
		    requests.len - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			die("send");
		if (n < 0)
			break;
		p->sent = (p->sent + (size_t)n) % requests.len;
	}
	p->was_full = true;
	return is_first;
}

static void
drain(const struct pipeline *p)
{
	static char room[1 << 16];

	if (recv(p->fd, room, sizeof(room), MSG_DONTWAIT) == 0)
		die("connection closed");
}

int
main(int argc, char **argv)
{
	uint64_t count = 2000, full = 0;
	const char *keys = NULL;
	struct epoll_event events[EVENTS];
	int option, epoll = epoll_create1(0);
	struct pipeline *all;

	while ((option = getopt(argc, argv, "c:k:")) != -1) {
		if (option == 'k')
			keys = optarg;
		else if (option != 'c' ||
		    !text_uint(mf_text_of(optarg), 20000, &count))
			return 2;
	}
	if (keys == NULL || optind + 1 != argc)
		return 2;
	read_requests(keys);
	all = calloc(count, sizeof(*all));
	if (all == NULL)
		die("memory");
	for (uint64_t i = 0; i < count; i++) {
		struct epoll_event event = {
		    .events = EPOLLIN | EPOLLOUT, .data = {.ptr = &all[i]}};

		all[i].fd = connect_to(argv[optind]);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) < 0)
			die("epoll");
	}
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct pipeline *p = events[i].data.ptr;

			if ((events[i].events & EPOLLIN) != 0)
				drain(p);
			if ((events[i].events & EPOLLOUT) != 0 && fill(p) &&
			    ++full == count) {
				puts("full");
				fflush(stdout);
			}
		}
	}
}
