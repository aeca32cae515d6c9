/* SPDX-License-Identifier: ISC */
/*
 * echo PATH: a server on the unix socket PATH that sends every netstring back.
 *
 * One thread, epoll, one read and one write for what is there: what a
 * socketmap server can't be faster than, since it does nothing but the work
 * of the kernel.
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

#define BUFFER_SIZE 8192
#define EVENTS      256
#define BACKLOG     1024
#define CLIENTS_MAX 4096 /* descriptors, really */

struct client {
	int fd;
	size_t len;
	char buffer[BUFFER_SIZE];
};

static struct client clients[CLIENTS_MAX]; /* by descriptor */

static void
die(const char *what)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Octets of the whole netstrings at the front; -1: it isn't one. */
static ssize_t
whole_netstrings(struct mf_text t)
{
	size_t done = 0;

	for (;;) {
		struct mf_text rest = text_from(t, done), digits;
		uint64_t len;

		if (!text_cut(&rest, ':', &digits))
			return rest.len > 5 ? -1 : (ssize_t)done;
		if (!text_uint(digits, BUFFER_SIZE - 8, &len))
			return -1;
		if (rest.len <= len)
			return (ssize_t)done;
		if (rest.p[len] != ',')
			return -1;
		done += digits.len + 1 + len + 1;
	}
}

/* False: the client is to be closed. */
static bool
serve(struct client *c)
{
	ssize_t n = read(c->fd, c->buffer + c->len, sizeof(c->buffer) - c->len);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	c->len += (size_t)n;
	ssize_t done = whole_netstrings(mf_text_at(c->buffer, c->len));
	if (done < 0 || (done == 0 && c->len == sizeof(c->buffer)))
		return false;
	/* Clients read what they asked for, so this never blocks for long. */
	if (done > 0 && write(c->fd, c->buffer, (size_t)done) != done)
		return false;
	c->len -= (size_t)done;
	memmove(c->buffer, c->buffer + done, c->len);
	return true;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die("path too long");
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		die(path);
	return fd;
}

static void
greet(int epoll, int listener)
{
	int fd = accept(listener, NULL, NULL);
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

	if (fd < 0 || fd >= CLIENTS_MAX ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("accept");
	clients[fd].fd = fd;
	clients[fd].len = 0;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int epoll = epoll_create1(0), listener;

	if (argc != 2) {
		fputs("usage: echo PATH\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	listener = listen_at(argv[1]);
	struct epoll_event event = {
	    .events = EPOLLIN, .data = {.fd = listener}};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == listener)
				greet(epoll, listener);
			else if (!serve(&clients[fd]))
				close(fd);
		}
	}
}
