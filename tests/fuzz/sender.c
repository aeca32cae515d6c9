/* SPDX-License-Identifier: ISC */
/*
 * What the sender reads: datagrams and TCP streams, whatever they are, while
 * questions are in flight.
 *
 * Nothing is heard from a net: the event loop doesn't run, and what is sent goes
 * to sockets of loopback that nobody reads.  The input is a list of actions:
 * an octet that says what, an octet that says to which question, an octet of
 * length, and so many octets.
 *
 *	0	the octets as a datagram
 *	1	the same, behind the id of the question
 *	2	the same, behind id, header of a good answer and question
 *	3	the octets as part of what comes by TCP
 *	4	a frame by TCP, with the id and question before the octets
 *	5	time passes
 *	6	a new question
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libspf-dns/clock.h"
#include "libspf-dns/sender_.h"
#include "tests/fuzz/fuzz.h"

#define QUESTIONS 8
#define MESSAGE   (DNSMSG_QUERY_SIZE + 256)

#define SERVERS 2

static struct event_base *base;
static int listeners[SERVERS];
static char nameservers[SERVERS * sizeof("127.0.0.1:65535,")];

struct question {
	struct flight flight;
	struct dnsmsg_name name;
	bool in_flight, read;
};

struct state {
	struct sender *sender;
	struct question questions[QUESTIONS];
	unsigned landed, sent;
};

static struct state state;

static void
settle(void *arg)
{
	(void)arg;
}

/* A server that says nothing, on a port that is free by UDP and by TCP. */
static unsigned
listen_somewhere(int *tcp)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int udp;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	do {
		at.sin_port = 0;
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		*tcp = socket(
		    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		FUZZ_CHECK(udp >= 0 && *tcp >= 0);
		FUZZ_CHECK(bind(udp, (struct sockaddr *)&at, len) == 0);
		FUZZ_CHECK(getsockname(udp, (struct sockaddr *)&at, &len) == 0);
	} while (bind(*tcp, (struct sockaddr *)&at, len) < 0 &&
	    close(udp) == 0 && close(*tcp) == 0);
	FUZZ_CHECK(listen(*tcp, 64) == 0);
	return ntohs(at.sin_port);
}

static void
begin(void)
{
	struct text_out out = text_out(nameservers, sizeof(nameservers));

	for (size_t i = 0; i < SERVERS; i++) {
		out_str(&out, i == 0 ? "127.0.0.1:" : ",127.0.0.1:");
		out_uint(&out, listen_somewhere(&listeners[i]));
	}
	nameservers[out.len] = '\0';
	base = event_base_new();
	FUZZ_CHECK(base != NULL);
}

/* Let go of connections that are closed at the other end. */
static void
drain(void)
{
	for (size_t i = 0; i < SERVERS; i++) {
		int fd;

		while ((fd = accept(listeners[i], NULL, NULL)) >= 0)
			close(fd);
	}
}

static enum spf_cause
on_read(struct flight *f, const uint8_t *octets, size_t len)
{
	struct question *q = (struct question *)(void *)f;
	struct dnsmsg_result result;

	FUZZ_CHECK(q->in_flight && !q->read);
	q->read = dnsmsg_parse_(octets, len, f->rr, f->name, &result) !=
	    DNSMSG_FAILURE;
	FUZZ_CHECK(result.steps <= DNSMSG_STEPS_MAX + 1);
	spf_answer_free(result.answer);
	return q->read ? SPF_CAUSE_NONE : SPF_CAUSE_MALFORMED;
}

/* It lands once, with an answer to what was asked, or with a cause. */
static void
on_landed(struct flight *f, enum spf_cause cause)
{
	struct question *q = (struct question *)(void *)f;

	FUZZ_CHECK(q->in_flight);
	FUZZ_CHECK(q->read == (cause == SPF_CAUSE_NONE));
	q->in_flight = false;
	state.landed++;
}

static void
ask(struct question *q)
{
	if (q->in_flight)
		return;
	FUZZ_CHECK(dnsmsg_name_(MF_TEXT("ab.c.test"), &q->name));
	q->flight = (struct flight){.rr = SPF_RR_TXT,
	    .name = &q->name,
	    .read = on_read,
	    .landed = on_landed};
	q->in_flight = true;
	q->read = false;
	state.sent++;
	sender_send_(state.sender, &q->flight);
}

/* Id, header and question of an answer to leg; the length. */
static size_t
begin_answer(const struct leg *leg, uint8_t *out)
{
	const struct flight *f = leg->flight;
	size_t len = dnsmsg_query_(leg->id, f->rr, f->name, false, out);

	dnsmsg_mix_case_(
	    out + DNSMSG_HEADER_SIZE, f->name->len, leg->case_bits);
	out[2] |= 0x80;
	return len;
}

static void
add(uint8_t *message, size_t *len, struct mf_text octets)
{
	/* The first three are for flags and the count of answers. */
	for (size_t i = 0; i < octets.len && i < 3 && *len > 12; i++)
		message[i < 2 ? 2 + i : 7] = (uint8_t)octets.p[i];
	message[2] |= 0x80;
	octets = text_from(octets, octets.len < 3 ? octets.len : 3);
	if (octets.len != 0)
		memcpy(message + *len, octets.p, octets.len);
	*len += octets.len;
}

static void
feed_port(struct leg *leg, unsigned how, struct mf_text octets)
{
	struct udp_port *port = leg->server->port;
	uint8_t message[MESSAGE] = {0}, *exact;
	size_t len = 0;

	if (port == NULL)
		return;
	if (how == 2) {
		len = begin_answer(leg, message);
		add(message, &len, octets);
	} else {
		if (how == 1) {
			message[0] = (uint8_t)(leg->id >> 8);
			message[1] = (uint8_t)leg->id;
			len = 2;
		}
		if (octets.len != 0)
			memcpy(message + len, octets.p, octets.len);
		len += octets.len;
	}
	/* Of exactly its length, so that sanitizers see a read beyond it. */
	exact = malloc(len + 1);
	FUZZ_CHECK(exact != NULL);
	memcpy(exact, message, len);
	udp_port_take_(port, exact, len);
	free(exact);
}

static void
feed_link(struct leg *leg, unsigned how, struct mf_text octets)
{
	struct tcp_link *link = TAILQ_FIRST(&state.sender->links.list);
	uint8_t message[2 + MESSAGE] = {0};
	size_t len = 0;

	if (link == NULL || link->broken)
		return;
	if (how == 4 && leg != NULL) {
		len = begin_answer(leg, message + 2);
		add(message + 2, &len, octets);
		message[0] = (uint8_t)(len >> 8);
		message[1] = (uint8_t)len;
		octets = mf_text_at((const char *)message, len + 2);
	}
	if (octets.len <= sizeof(link->in) - link->in_len)
		tcp_link_take_(link, (const uint8_t *)octets.p, octets.len);
	FUZZ_CHECK(link->in_len < sizeof(link->in));
}

static void
pass_time(void)
{
	struct flight *f = rounds_any_(&state.sender->rounds);

	if (f != NULL)
		flight_timeout_(f, clock_ms_());
}

static void
act(unsigned what, struct question *q, struct mf_text octets)
{
	struct leg *leg = q->in_flight ? q->flight.current : NULL;

	switch (what % 7) {
	case 0:
	case 1:
	case 2:
		if (leg != NULL && leg->why == LEG_FIRST && leg->table != NULL)
			feed_port(leg, what % 7, octets);
		break;
	case 3:
		feed_link(NULL, 3, octets);
		break;
	case 4:
		if (leg != NULL && leg->why != LEG_FIRST && leg->table != NULL)
			feed_link(leg, 4, octets);
		break;
	case 5:
		pass_time();
		break;
	default:
		ask(q);
		break;
	}
	sender_settle_(state.sender);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct mf_text input = mf_text_at((const char *)data, size);

	if (base == NULL)
		begin();
	params.nameservers = nameservers;
	FUZZ_CHECK(sender_new_(base, &params, settle, NULL, &state.sender) ==
	    SPF_RESOLVER_OK);
	state.landed = state.sent = 0;
	for (size_t i = 0; i < QUESTIONS / 2; i++)
		ask(&state.questions[i]);
	for (unsigned n = 0; n < 64 && input.len != 0; n++) {
		unsigned what = fuzz_octet(&input);
		struct question *q =
		    &state.questions[fuzz_octet(&input) % QUESTIONS];
		size_t len = fuzz_octet(&input);

		if (len > input.len)
			len = input.len;
		act(what, q, text_head(input, len));
		input = text_from(input, len);
	}
	sender_free_(state.sender);
	drain();
	FUZZ_CHECK(state.landed == state.sent);
	return 0;
}
