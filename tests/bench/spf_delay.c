/* SPDX-License-Identifier: ISC */
/*
 * spf_delay IP:PORT SERVER-PORT MS: forward DNS queries by UDP to a server on
 * 127.0.0.1, and send each answer MS milliseconds after its query has come.
 *
 * Up to 65,536 queries may be under way.  The server has few of them at a time,
 * so that its socket's buffer never overflows.  PORT 0 is any.  Prints the
 * port; then, for each line of input, how many queries came since the last.
 * Ends at the end of input.
 */
#define _GNU_SOURCE /* ppoll */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLOTS      65536
#define UPSTREAM   64
#define PACKET_MAX 1500
#define BUFFER     (32 * 1024 * 1024)

struct slot {
	struct sockaddr_in client;
	uint64_t due_ns;
	uint8_t id[2]; /* the client's */
	uint16_t len;
	bool busy, answered;
	uint8_t packet[PACKET_MAX]; /* the query, then its answer */
};

/*
 * Queries in the order of arrival: those before asked are with the server or
 * answered; those before head are over.
 */
static struct slot slots[SLOTS];
static uint32_t head, asked, tail;
static unsigned upstream, queries;
static uint64_t delay_ns;

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFER;

	if (fd < 0)
		die("socket");
	/* Root's buffers may be larger. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) !=
		0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0)
		die("SO_RCVBUF");
	return fd;
}

static void
take_queries(int front)
{
	while (tail - head < SLOTS) {
		struct slot *slot = &slots[tail % SLOTS];
		socklen_t size = sizeof(slot->client);
		ssize_t n = recvfrom(front, slot->packet, PACKET_MAX, 0,
		    (struct sockaddr *)&slot->client, &size);

		if (n < 0)
			return;
		if (n < 12)
			continue;
		slot->len = (uint16_t)n;
		memcpy(slot->id, slot->packet, 2);
		slot->due_ns = now_ns() + delay_ns;
		slot->busy = true;
		slot->answered = false;
		tail++;
		queries++;
	}
}

static void
ask(int back)
{
	while (asked != tail && upstream < UPSTREAM) {
		struct slot *slot = &slots[asked % SLOTS];

		slot->packet[0] = (uint8_t)(asked >> 8);
		slot->packet[1] = (uint8_t)asked;
		if (send(back, slot->packet, slot->len, 0) < 0)
			return;
		asked++;
		upstream++;
	}
}

static void
take_answers(int back)
{
	uint8_t packet[PACKET_MAX];
	ssize_t n;

	while ((n = recv(back, packet, sizeof(packet), 0)) >= 0) {
		if (n < 12)
			continue;
		struct slot *slot = &slots[packet[0] << 8 | packet[1]];
		if (!slot->busy || slot->answered)
			continue;
		memcpy(slot->packet, packet, (size_t)n);
		memcpy(slot->packet, slot->id, 2);
		slot->len = (uint16_t)n;
		slot->answered = true;
		upstream--;
	}
}

/* One that the server lost would hold up all others: after a second it goes. */
static void
send_due(int front)
{
	uint64_t now = now_ns();

	while (head != asked) {
		struct slot *slot = &slots[head % SLOTS];

		if (slot->due_ns > now)
			return;
		if (!slot->answered && now - slot->due_ns < 1000000000)
			return;
		if (!slot->answered)
			upstream--;
		else if (sendto(front, slot->packet, slot->len, 0,
			     (struct sockaddr *)&slot->client,
			     sizeof(slot->client)) < 0 &&
		    errno == EAGAIN)
			return;
		slot->busy = false;
		head++;
	}
}

static void
wait_for_more(struct pollfd *fds)
{
	struct timespec wait, *timeout = NULL;
	uint64_t now = now_ns(), ns = 1000000;

	if (head != tail) {
		struct slot *slot = &slots[head % SLOTS];

		if (slot->due_ns > now)
			ns = slot->due_ns - now;
		wait = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
		    .tv_nsec = (long)(ns % 1000000000)};
		timeout = &wait;
	}
	if (ppoll(fds, 3, timeout, NULL) < 0)
		die("ppoll");
}

int
main(int argc, char **argv)
{
	struct sockaddr_in front = {.sin_family = AF_INET}, back = front;
	socklen_t size = sizeof(front);
	char *colon = argc == 4 ? strchr(argv[1], ':') : NULL, line[80];
	struct pollfd fds[3] = {{.fd = 0, .events = POLLIN},
	    {.fd = open_socket(), .events = POLLIN},
	    {.fd = open_socket(), .events = POLLIN}};

	if (colon == NULL) {
		fputs("usage: spf_delay IP:PORT SERVER-PORT MS\n", stderr);
		return 2;
	}
	*colon = '\0';
	front.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	back.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	back.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	delay_ns = strtoul(argv[3], NULL, 10) * 1000000;
	if (inet_pton(AF_INET, argv[1], &front.sin_addr) != 1)
		die(argv[1]);
	if (bind(fds[1].fd, (struct sockaddr *)&front, size) != 0)
		die("bind");
	if (connect(fds[2].fd, (struct sockaddr *)&back, size) != 0)
		die("connect");
	getsockname(fds[1].fd, (struct sockaddr *)&front, &size);
	printf("%u\n", ntohs(front.sin_port));
	fflush(stdout);
	for (;;) {
		wait_for_more(fds);
		if (fds[1].revents != 0)
			take_queries(fds[1].fd);
		if (fds[2].revents != 0)
			take_answers(fds[2].fd);
		ask(fds[2].fd);
		send_due(fds[1].fd);
		if (fds[0].revents != 0) {
			if (read(0, line, sizeof(line)) <= 0)
				return 0;
			printf("%u\n", queries);
			fflush(stdout);
			queries = 0;
		}
	}
}
