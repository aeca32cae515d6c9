/* SPDX-License-Identifier: ISC */
/*
 * load [-c CONNECTIONS] [-s SECONDS] [-p PIPELINE] [-k KEYS] [-e PREFIX] WHERE
 *
 * Lookups as Postfix makes them: persistent connections to the socketmap
 * server at WHERE, a path or HOST:PORT, each with one request in flight (or
 * PIPELINE of them, sent at once when all answers are there).  Requests are
 * the lines of the file KEYS, "map key", in turn.
 *
 * Prints lookups per second, the median and the 99th percentile of the time
 * to an answer in microseconds, and how many answers didn't begin with PREFIX.
 * The first tenth of the time doesn't count.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

#define BUFFER_SIZE     65536
#define EVENTS          256
#define REQUESTS_MAX    4096
#define CONNECTIONS_MAX 20000
#define PIPELINE_MAX    64
#define MICROSECONDS    2000000 /* longer ones count as this */
#define NS              UINT64_C(1000000000)

struct connection {
	int fd;
	unsigned waiting; /* answers to come */
	uint64_t sent_ns;
	size_t len;
	char *buffer;
};

static struct {
	uint64_t connections, seconds, pipeline;
	const char *keys, *prefix, *where;
} options = {64, 3, 1, NULL, "OK ", NULL};

static struct mf_text requests[REQUESTS_MAX];
static size_t request_count, next_request;
static uint32_t times_us[MICROSECONDS + 1];
static uint64_t answers, wrong;
static bool counting;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static void
add_request(struct mf_text line)
{
	char *p = malloc(line.len + 16);

	if (p == NULL)
		die("memory");
	struct text_out o = text_out(p, line.len + 16);
	out_uint(&o, line.len);
	out_char(&o, ':');
	out_text(&o, line);
	out_char(&o, ',');
	requests[request_count++] = out_view(&o);
}

static void
read_requests(void)
{
	char line[2048];
	FILE *file = fopen(options.keys, "r");

	if (file == NULL)
		die(options.keys);
	while (request_count < REQUESTS_MAX &&
	    fgets(line, sizeof(line), file) != NULL)
		add_request(mf_text_at(line, strcspn(line, "\n")));
	fclose(file);
	if (request_count == 0)
		die("no requests");
}

static int
connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die("path too long");
	memcpy(address.sun_path, path, strlen(path) + 1);
	/* A full backlog makes a blocking connect wait. */
	if (fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static int
connect_inet(const char *where)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	char host[256];
	size_t colon = text_rfind(mf_text_of(where), ':');

	if (colon >= sizeof(host) || where[colon] == '\0')
		die("neither a path nor HOST:PORT");
	memcpy(host, where, colon);
	host[colon] = '\0';
	if (getaddrinfo(host, where + colon + 1, &hints, &found) != 0)
		die(where);
	int fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
		die(where);
	freeaddrinfo(found);
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void
ask(struct connection *c, uint64_t now)
{
	char batch[PIPELINE_MAX * 256];
	struct text_out o = text_out(batch, sizeof(batch));

	for (uint64_t i = 0; i < options.pipeline; i++) {
		out_text(&o, requests[next_request]);
		next_request = (next_request + 1) % request_count;
	}
	if (o.full || write(c->fd, o.p, o.len) != (ssize_t)o.len)
		die("cannot send");
	c->waiting = (unsigned)options.pipeline;
	c->sent_ns = now;
}

static void
count(const struct connection *c, struct mf_text answer, uint64_t now)
{
	uint64_t us = (now - c->sent_ns) / 1000;

	if (!counting)
		return;
	answers++;
	times_us[us < MICROSECONDS ? us : MICROSECONDS]++;
	wrong += !text_starts(answer, mf_text_of(options.prefix));
}

/* Count the whole answers in the buffer. */
static void
take_answers(struct connection *c, uint64_t now)
{
	struct mf_text rest = mf_text_at(c->buffer, c->len), digits, body;

	for (;;) {
		struct mf_text whole = rest;
		uint64_t len;

		if (!text_cut(&rest, ':', &digits)) {
			rest = whole;
			break;
		}
		if (!text_uint(digits, BUFFER_SIZE - 16, &len))
			die("not a netstring");
		if (rest.len <= len) {
			rest = whole;
			break;
		}
		body = text_head(rest, (size_t)len);
		rest = text_from(rest, (size_t)len + 1);
		count(c, body, now);
		c->waiting--;
	}
	memmove(c->buffer, rest.p, rest.len);
	c->len = rest.len;
}

static void
hear(struct connection *c)
{
	ssize_t n = read(c->fd, c->buffer + c->len, BUFFER_SIZE - c->len);
	uint64_t now = now_ns();

	if (n <= 0)
		die("connection closed");
	c->len += (size_t)n;
	take_answers(c, now);
	if (c->waiting == 0)
		ask(c, now);
}

static unsigned
percentile(unsigned percent)
{
	uint64_t seen = 0;

	for (unsigned us = 0; us <= MICROSECONDS; us++)
		if ((seen += times_us[us]) * 100 >= answers * percent)
			return us;
	return MICROSECONDS;
}

static void
run(int epoll)
{
	uint64_t begin = now_ns(), warm = begin + options.seconds * NS / 10;
	uint64_t end = begin + options.seconds * NS, now = begin;
	struct epoll_event events[EVENTS];

	while (now < end) {
		int n = epoll_wait(epoll, events, EVENTS, 1000);

		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
		now = now_ns();
		if (!counting && now >= warm) {
			counting = true;
			begin = now;
		}
	}
	double seconds = (double)(now - begin) / (double)NS;
	printf("%.0f %u %u %llu\n", (double)answers / seconds, percentile(50),
	    percentile(99), (unsigned long long)wrong);
}

static struct connection *
open_connections(int epoll)
{
	struct connection *all = calloc(options.connections, sizeof(*all));

	if (all == NULL)
		die("memory");
	for (uint64_t i = 0; i < options.connections; i++) {
		struct connection *c = &all[i];
		struct epoll_event event = {
		    .events = EPOLLIN, .data = {.ptr = c}};

		c->buffer = malloc(BUFFER_SIZE);
		if (c->buffer == NULL)
			die("memory");
		c->fd = options.where[0] == '/' ? connect_unix(options.where)
						: connect_inet(options.where);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
			die("epoll");
		ask(c, now_ns());
	}
	return all;
}

static bool
take_option(int option)
{
	switch (option) {
	case 'c':
		return text_uint(mf_text_of(optarg), CONNECTIONS_MAX,
			   &options.connections) &&
		    options.connections > 0;
	case 's':
		return text_uint(mf_text_of(optarg), 3600, &options.seconds) &&
		    options.seconds > 0;
	case 'p':
		return text_uint(mf_text_of(optarg), PIPELINE_MAX,
			   &options.pipeline) &&
		    options.pipeline > 0;
	case 'k':
		options.keys = optarg;
		return true;
	case 'e':
		options.prefix = optarg;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	int option, epoll = epoll_create1(0);
	bool ok = true;

	while (ok && (option = getopt(argc, argv, "c:s:p:k:e:")) != -1)
		ok = take_option(option);
	if (!ok || optind + 1 != argc || options.keys == NULL) {
		fputs("usage: load [-c CONNECTIONS] [-s SECONDS] "
		      "[-p PIPELINE] [-e PREFIX] -k KEYS WHERE\n",
		    stderr);
		return 2;
	}
	options.where = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	read_requests();
	struct connection *all = open_connections(epoll);
	run(epoll);
	for (uint64_t i = 0; i < options.connections; i++) {
		close(all[i].fd);
		free(all[i].buffer);
	}
	free(all);
	return 0;
}
