/* SPDX-License-Identifier: ISC */
/*
 * milter_load [-c CONNECTIONS] [-m MESSAGES] [-n] [-r RECIPIENTS] [-h HEADERS]
 *             [-b OCTETS] [-o postfix|sendmail] -l LIST PATH
 *
 * Mail as an MTA shows it to the filter at the unix socket PATH: CONNECTIONS at
 * once, MESSAGES in each, one after the other in a session, or with -n each in
 * a session and connection of its own.  LIST has lines "IP HELO SENDER": a
 * session takes the next for its client, a message the next for its sender.
 * What the filter declined isn't sent, what it doesn't reply to isn't waited
 * for, and it gets the macros that it asks for; steps without a reply between
 * them go in one write, as Postfix does it.
 *
 * With -m 0 sessions come up to HELO and stay: "ready" is printed when all are
 * there, and they end with standard input.
 *
 * Prints name=value: messages, seconds, cpu_us (of this process), sessions, how
 * the messages ended (accepted, rejected, tempfailed, discarded; lost: the
 * filter closed), and requests of the filter: headers, and others.
 */
#include <errno.h>
#include <libmilter/mfdef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "tests/bench/milter_steps.h"

#define IN_SIZE         4096
#define EVENTS          256
#define CONNECTIONS_MAX 20000
#define LINES_MAX       65536
#define NS              UINT64_C(1000000000)

struct connection {
	int fd;
	struct place place;
	uint64_t accepted; /* recipients of the message */
	uint64_t done;     /* messages */
	bool aborts;       /* ABORT is due before what comes next */
	size_t len;
	char in[IN_SIZE];
};

enum outcome { ACCEPTED, REJECTED, TEMPFAILED, DISCARDED, LOST, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {
    "accepted", "rejected", "tempfailed", "discarded", "lost"};

static struct {
	uint64_t connections, messages;
	struct shape shape;
	bool new_sessions, sendmail;
	const char *list, *path;
} options = {.connections = 64, .messages = 100, .shape = {.recipients = 1}};

static struct line lines[LINES_MAX];
static size_t line_count, next_line;
static struct terms terms;
static uint64_t outcomes[OUTCOMES], sessions, header_requests, other_requests;
static uint64_t active, parked;
static int epoll_fd;

static void
die(const char *what)
{
	fprintf(stderr, "milter_load: %s: %s\n", what, strerror(errno));
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
read_list(void)
{
	char buffer[1024];
	FILE *file = fopen(options.list, "r");

	if (file == NULL)
		die(options.list);
	while (line_count < LINES_MAX &&
	    fgets(buffer, sizeof(buffer), file) != NULL) {
		struct mf_text rest = mf_text_of(strdup(buffer));
		struct line *line = &lines[line_count++];

		if (rest.p == NULL || !text_cut(&rest, ' ', &line->ip) ||
		    !text_cut(&rest, ' ', &line->helo))
			die("a line that isn't IP HELO SENDER");
		line->sender = text_trim(rest);
	}
	fclose(file);
	if (line_count == 0)
		die("no lines");
}

static const struct line *
take_line(void)
{
	const struct line *line = &lines[next_line];

	next_line = (next_line + 1) % line_count;
	return line;
}

/* --- sessions --- */

static void end_message(struct connection *c, enum outcome outcome);

static bool
is_idle(const struct connection *c)
{
	return options.messages == 0 && c->place.step == MAIL;
}

/* Send what comes next, up to a step that has a reply. */
static void
advance(struct connection *c)
{
	static char batch[1 << 18];
	struct text_out o = text_out(batch, sizeof(batch));

	if (c->aborts)
		command_put(&o, SMFIC_ABORT);
	c->aborts = false;
	while (
	    !is_idle(c) && !step_put(&o, &terms, &options.shape, &c->place)) {
		c->accepted += c->place.step == RCPT;
		step_next(&options.shape, &c->place);
	}
	parked += is_idle(c);
	if (o.full)
		die("too much for a batch");
	if (o.len != 0 && write(c->fd, o.p, o.len) != (ssize_t)o.len)
		end_message(c, LOST);
}

static void
begin_message(struct connection *c)
{
	c->place.nth = c->accepted = 0;
	c->place.message++;
	c->place.mail = options.messages != 0 ? take_line() : NULL;
}

static void
open_session(struct connection *c)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};

	if (strlen(options.path) >= sizeof(address.sun_path))
		die("path too long");
	memcpy(address.sun_path, options.path, strlen(options.path) + 1);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* A full backlog makes a blocking connect wait. */
	if (c->fd < 0 ||
	    connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die(options.path);
	sessions++;
	c->place.step = NEGOTIATE;
	c->len = 0;
	c->aborts = false;
	begin_message(c);
	c->place.client = c->place.mail != NULL ? c->place.mail : take_line();
	advance(c);
}

static void
close_session(struct connection *c, bool says_so)
{
	char bye[16];
	struct text_out o = text_out(bye, sizeof(bye));

	if (c->aborts)
		command_put(&o, SMFIC_ABORT);
	command_put(&o, SMFIC_QUIT);
	if (says_so)
		(void)!write(c->fd, o.p, o.len); /* its end is the filter's */
	close(c->fd);
	c->fd = -1;
}

static void
end_message(struct connection *c, enum outcome outcome)
{
	enum step step = c->place.step;
	bool in_session = step >= MAIL && outcome != LOST;

	outcomes[outcome]++;
	c->done++;
	/* sendmail says it only within a message. */
	c->aborts =
	    in_session && (!options.sendmail || (step > MAIL && step < EOM));
	if (in_session && c->done < options.messages && !options.new_sessions) {
		c->place.step = MAIL;
		begin_message(c);
		advance(c);
		return;
	}
	close_session(c, outcome != LOST);
	if (c->done < options.messages)
		open_session(c);
	else
		active--;
}

/* --- what comes back --- */

static void
next(struct connection *c)
{
	step_next(&options.shape, &c->place);
	advance(c);
}

static void
pass(struct connection *c)
{
	c->accepted += c->place.step == RCPT;
	if (c->place.step == EOM)
		end_message(c, ACCEPTED);
	else
		next(c);
}

/* That ends the message, unless other recipients are left. */
static void
refuse(struct connection *c, enum outcome outcome)
{
	bool last = c->place.nth + 1 >= options.shape.recipients;

	if (c->place.step == RCPT && (!last || c->accepted > 0))
		next(c);
	else
		end_message(c, outcome);
}

static void
take_reply(struct connection *c, char command, struct mf_text data)
{
	switch (command) {
	case SMFIC_OPTNEG:
		if (!terms_read(&terms, data, options.sendmail))
			die("malformed OPTNEG, or another one than before");
		next(c);
		break;
	case SMFIR_CONTINUE:
	case SMFIR_SKIP:
		pass(c);
		break;
	case SMFIR_ACCEPT:
		end_message(c, ACCEPTED);
		break;
	case SMFIR_DISCARD:
		end_message(c, DISCARDED);
		break;
	case SMFIR_REJECT:
		refuse(c, REJECTED);
		break;
	case SMFIR_TEMPFAIL:
		refuse(c, TEMPFAILED);
		break;
	case SMFIR_REPLYCODE:
		refuse(c,
		    data.len > 0 && data.p[0] == '4' ? TEMPFAILED : REJECTED);
		break;
	case SMFIR_INSHEADER:
	case SMFIR_ADDHEADER:
	case SMFIR_CHGHEADER:
		header_requests++;
		break;
	case SMFIR_PROGRESS:
		break;
	default:
		other_requests++;
	}
}

/* Take the whole packets in the buffer, as long as the session lasts. */
static void
take_packets(struct connection *c)
{
	struct mf_text rest = mf_text_at(c->in, c->len), data;
	uint64_t session = sessions;
	char command;

	while (c->fd >= 0 && packet_cut(&rest, &command, &data)) {
		take_reply(c, command, data);
		if (sessions != session)
			return; /* the buffer is that of the next one */
	}
	memmove(c->in, rest.p, rest.len);
	c->len = rest.len;
}

static void
hear(struct connection *c)
{
	ssize_t n;

	if (c->len == IN_SIZE)
		die("a packet that is too long");
	n = read(c->fd, c->in + c->len, IN_SIZE - c->len);
	if (n <= 0) {
		end_message(c, LOST);
		return;
	}
	c->len += (size_t)n;
	take_packets(c);
}

static void
run(struct connection *all)
{
	struct epoll_event events[EVENTS];

	active = options.connections;
	for (uint64_t i = 0; i < options.connections; i++)
		open_session(&all[i]);
	while (active > parked) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
	}
	if (parked > 0) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
}

static void
report(uint64_t elapsed_ns)
{
	struct rusage used;
	uint64_t messages = 0;

	getrusage(RUSAGE_SELF, &used);
	for (int i = 0; i < OUTCOMES; i++)
		messages += outcomes[i];
	printf("messages=%llu seconds=%.3f cpu_us=%llu sessions=%llu",
	    (unsigned long long)messages, (double)elapsed_ns / (double)NS,
	    (unsigned long long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) *
		    1000000 +
		(unsigned long long)(used.ru_utime.tv_usec +
		    used.ru_stime.tv_usec),
	    (unsigned long long)sessions);
	for (int i = 0; i < OUTCOMES; i++)
		printf(" %s=%llu", outcome_names[i],
		    (unsigned long long)outcomes[i]);
	printf(" headers=%llu others=%llu\n",
	    (unsigned long long)header_requests,
	    (unsigned long long)other_requests);
}

static bool
take_option(int option)
{
	struct mf_text value = mf_text_of(optarg);

	switch (option) {
	case 'c':
		return text_uint(
			   value, CONNECTIONS_MAX, &options.connections) &&
		    options.connections > 0;
	case 'm':
		return text_uint(value, 1000000, &options.messages);
	case 'n':
		options.new_sessions = true;
		return true;
	case 'r':
		return text_uint(value, 1000, &options.shape.recipients) &&
		    options.shape.recipients > 0;
	case 'h':
		return text_uint(value, 100, &options.shape.headers);
	case 'b':
		return text_uint(value, MILTER_CHUNK_SIZE, &options.shape.body);
	case 'o':
		options.sendmail = mf_text_eq(value, MF_TEXT("sendmail"));
		return options.sendmail ||
		    mf_text_eq(value, MF_TEXT("postfix"));
	case 'l':
		options.list = optarg;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	bool ok = true;
	int option;

	while (ok && (option = getopt(argc, argv, "c:m:nr:h:b:o:l:")) != -1)
		ok = take_option(option);
	if (!ok || optind + 1 != argc || options.list == NULL) {
		fputs("usage: milter_load [-c CONNECTIONS] [-m MESSAGES] [-n] "
		      "[-r RECIPIENTS] [-h HEADERS] [-b OCTETS] "
		      "[-o postfix|sendmail] -l LIST PATH\n",
		    stderr);
		return 2;
	}
	options.path = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	read_list();
	epoll_fd = epoll_create1(0);
	struct connection *all = calloc(options.connections, sizeof(*all));
	if (epoll_fd < 0 || all == NULL)
		die("epoll or memory");
	uint64_t begin = now_ns();
	run(all);
	report(now_ns() - begin);
	free(all);
	return 0;
}
