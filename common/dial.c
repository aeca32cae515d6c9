/* SPDX-License-Identifier: ISC */
#include "common/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* With a limit of its own: SO_SNDTIMEO holds for connect(2) on Linux alone. */
static bool
connect_within(
    int fd, const struct sockaddr *to, socklen_t len, unsigned limit_sec)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int flags = fcntl(fd, F_GETFL), error = 0;
	socklen_t size = sizeof(error);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return false;
	if (connect(fd, to, len) < 0) {
		if (errno != EINPROGRESS)
			return false;
		if (poll(&wait, 1, (int)limit_sec * 1000) <= 0) {
			errno = ETIMEDOUT;
			return false;
		}
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error != 0) {
			errno = error;
			return false;
		}
	}
	return fcntl(fd, F_SETFL, flags) == 0;
}

static int
open_to(const struct sockaddr *to, socklen_t len, unsigned limit_sec)
{
	struct timeval limit = {.tv_sec = limit_sec};
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!connect_within(fd, to, len, limit_sec)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int
dial_unix(const struct sockaddr_spec *spec, unsigned limit_sec)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, spec->path, sizeof(to.sun_path));
	return open_to((struct sockaddr *)&to, sizeof(to), limit_sec);
}

int
dial(const struct sockaddr_spec *spec, unsigned limit_sec)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	char port[8];
	int fd = -1, error;

	if (spec->family == SOCKADDR_UNIX)
		return dial_unix(spec, limit_sec);
	hints.ai_family = spec->family == SOCKADDR_INET ? AF_INET : AF_INET6;
	snprintf(port, sizeof(port), "%u", spec->port);
	if (getaddrinfo(spec->host, port, &hints, &found) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (const struct addrinfo *a = found; a != NULL && fd < 0;
	     a = a->ai_next)
		fd = open_to(a->ai_addr, a->ai_addrlen, limit_sec);
	error = errno;
	freeaddrinfo(found);
	errno = error;
	return fd;
}

bool
dial_send(int fd, struct mf_text t)
{
	while (t.len != 0) {
		ssize_t n = send(fd, t.p, t.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		t = text_from(t, (size_t)n);
	}
	return true;
}
