/* SPDX-License-Identifier: ISC */
/*
 * common/metrics.h over a unix socket: the format, what is refused, and clients
 * that are slow, many, silent or mad.
 */
#include "tests/unit/support.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/listen.h"
#include "common/metrics.h"

#define ANSWER_SIZE (4 * 1024 * 1024)
#define PATIENCE_MS 20000 /* only a failure takes so long */
#define SHORT_MS    200   /* that a connection may last here */

static char answer[ANSWER_SIZE];

/* --- a server and its clients --- */

struct place {
	struct metrics *metrics;
	struct sockaddr_un address;
};

static void
serve(struct place *p, unsigned client_ms,
    void (*write_all)(void *arg, struct metrics_writer *w), void *arg)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct listen_options options = {
	    .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
	struct sockaddr_spec spec = {.family = SOCKADDR_UNIX};
	const char *path = scratch("metrics");

	*p = (struct place){.address.sun_family = AF_UNIX};
	memcpy(spec.path, path, strlen(path));
	memcpy(p->address.sun_path, path, strlen(path));
	unlink(path);
	int fd = listen_open(&spec, &options, path, &report);
	p->metrics = metrics_start(&(struct metrics_params){.fd = fd,
				       .client_ms = client_ms,
				       .write = write_all,
				       .arg = arg},
	    &report);
	expect_str("serve", "said", heard.text, "");
	assert_non_null(p->metrics);
}

static int
call(const struct place *p)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&p->address,
			     sizeof(p->address)),
	    0);
	return fd;
}

static void
say(int fd, struct mf_text request)
{
	/* It may have been refused before it is through. */
	(void)!send(fd, request.p, request.len, MSG_NOSIGNAL);
}

/* All that comes until the end; fd is closed. */
static const char *
hear_all(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	do {
		if (poll(&ready, 1, PATIENCE_MS) != 1)
			fail_msg("no end after %zu octets", len);
		n = recv(fd, answer + len, ANSWER_SIZE - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	close(fd);
	answer[len] = '\0';
	return answer;
}

static const char *
ask(const struct place *p, struct mf_text request)
{
	int fd = call(p);

	say(fd, request);
	return hear_all(fd);
}

#define GET(path) MF_TEXT("GET " path " HTTP/1.1\r\nHost: h\r\n\r\n")

static void
expect_status(const char *row, const char *have, const char *status)
{
	char line[64];

	snprintf(line, sizeof(line), "HTTP/1.1 %s", status);
	if (strncmp(have, line, strlen(line)) != 0)
		fail_msg("%s: have \"%.200s\", want \"%s\"", row, have, line);
}

static const char *
body_of(const char *have)
{
	const char *end = strstr(have, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

/* --- what is written --- */

static void
write_some(void *arg, struct metrics_writer *w)
{
	static const struct metrics_label plain = {
	    "reason", MF_TEXT("forwarded")};
	static const struct metrics_label odd = {
	    "reason", MF_TEXT("a\"b\\c\nd\r\x80 \xc3\xbc \xc3\xff}")};

	sigset_t blocked;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	for (int i = 1; i < SIGSYS; i++)
		if (i != SIGKILL && i != SIGSTOP && !sigismember(&blocked, i))
			atomic_store((atomic_int *)arg, i);
	metrics_counter(w, "x_total", "How many.", &plain, 1);
	metrics_counter(w, "x_total", "How many.", &odd, UINT64_MAX);
	metrics_gauge(w, "y", "How much.", NULL, 0);
	metrics_counter(w, "z_total", "What else.", NULL, 42);
}

static void
format(void **state)
{
	atomic_int unblocked = 0;
	struct place p;

	(void)state;
	serve(&p, 0, write_some, &unblocked);
	for (int i = 0; i < 3; i++) {
		const char *have = ask(&p, GET("/metrics"));

		expect_status("metrics", have, "200 OK\r\n");
		assert_non_null(strstr(have,
		    "\r\nContent-Type: text/plain; version=0.0.4; "
		    "charset=utf-8\r\n"));
		assert_non_null(strstr(have, "\r\nConnection: close\r\n"));
		expect_str("metrics", "body", body_of(have),
		    "# HELP x_total How many.\n# TYPE x_total counter\n"
		    "x_total{reason=\"forwarded\"} 1\n"
		    "x_total{reason=\"a\\\"b\\\\c\\nd\r? \xc3\xbc ??}\"} "
		    "18446744073709551615\n"
		    "# HELP y How much.\n# TYPE y gauge\ny 0\n"
		    "# HELP z_total What else.\n# TYPE z_total counter\n"
		    "z_total 42\n");
	}
	assert_int_equal(atomic_load(&unblocked), 0);
	metrics_stop(p.metrics);
}

static void
write_nothing(void *arg, struct metrics_writer *w)
{
	(void)w;
	if (arg != NULL)
		atomic_fetch_add((atomic_int *)arg, 1);
}

#define A100                                                               \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A1000 A100 A100 A100 A100 A100 A100 A100 A100 A100 A100
#define A5000 A1000 A1000 A1000 A1000 A1000

static void
requests(void **state)
{
	static const struct {
		const char *name;
		struct mf_text request;
		const char *status; /* "" any refusal, or none */
		const char *body;   /* NULL: anything */
	} rows[] = {
	    {"healthz", BYTES("GET /healthz HTTP/1.0\r\n\r\n"), NULL, "ok\n"},
	    {"lines end with LF", BYTES("GET /healthz HTTP/1.1\n\n"), "200",
		"ok\n"},
	    {"query", BYTES("GET /healthz?x=/y HTTP/1.1\r\n\r\n"), "200",
		"ok\n"},
	    {"nothing else", BYTES("GET / HTTP/1.1\r\n\r\n"), "404", NULL},
	    {"longer", BYTES("GET /healthz/x HTTP/1.1\r\n\r\n"), "404", NULL},
	    {"above", BYTES("GET /../etc/passwd HTTP/1.1\r\n\r\n"), "404",
		NULL},
	    {"post",
		BYTES("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
		"501", NULL},
	    {"put", BYTES("PUT /metrics HTTP/1.1\r\n\r\n"), "501", NULL},
	    {"body",
		BYTES("GET /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n"
		      "123456789"),
		"", NULL},
	    {"one answer",
		BYTES("GET /healthz HTTP/1.1\r\n\r\n"
		      "GET /healthz HTTP/1.1\r\n\r\n"),
		"200", "ok\n"},
	    {"long line", BYTES("GET /" A5000 " HTTP/1.1\r\n\r\n"), "", NULL},
	    {"long header",
		BYTES("GET /metrics HTTP/1.1\r\nX: " A5000 "\r\n\r\n"), "",
		NULL},
	    {"long without end", BYTES(A5000 A5000), "", NULL},
	    {"no HTTP", BYTES("5:hello,"), NULL, NULL},
	    {"no HTTP line", BYTES("hello\r\n\r\n"), "", NULL},
	    {"NUL", BYTES("GET /\0metrics HTTP/1.1\r\n\r\n"), "", NULL},
	    {"empty", BYTES(""), NULL, NULL},
	};
	atomic_int written = 0;
	struct place p;

	(void)state;
	serve(&p, SHORT_MS, write_nothing, &written);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *have = ask(&p, rows[i].request);

		if (rows[i].status != NULL && rows[i].status[0] != '\0')
			expect_status(rows[i].name, have, rows[i].status);
		if (rows[i].status != NULL && rows[i].status[0] == '\0' &&
		    strncmp(have, "HTTP/1.1 200", 12) == 0)
			fail_msg("%s: %.300s", rows[i].name, have);
		if (rows[i].body != NULL)
			expect_str(
			    rows[i].name, "body", body_of(have), rows[i].body);
	}
	/* None of these got so far as to have anything written. */
	assert_int_equal(atomic_load(&written), 0);
	metrics_stop(p.metrics);
}

/* --- clients that want to hold it up --- */

/* Octet by octet, for as long as it is taken; fd is closed. */
static void
dribble(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		say(fd,
		    i == 0 ? MF_TEXT("GET /metrics HTTP/1.1\r\nX: ")
			   : MF_TEXT("x"));
		if (poll(&ready, 1, 10) == 1) {
			close(fd);
			return;
		}
	}
	fail_msg("it dribbles for ever");
}

static void
the_slow_are_cut_off(void **state)
{
	struct place p;

	(void)state;
	serve(&p, SHORT_MS, write_nothing, NULL);
	dribble(call(&p));
	hear_all(call(&p));
	expect_status("after", ask(&p, GET("/healthz")), "200");
	metrics_stop(p.metrics);
}

static void
many_wait_for_their_turn(void **state)
{
	enum { MANY = 10 * METRICS_CLIENTS_MAX };
	struct pollfd fds[MANY];
	struct place p;
	int later;

	(void)state;
	serve(&p, SHORT_MS, write_nothing, NULL);
	for (int i = 0; i < MANY; i++)
		fds[i] = (struct pollfd){.fd = call(&p), .events = POLLIN};
	later = call(&p);
	say(later, GET("/healthz"));
	expect_str("later", "body", body_of(hear_all(later)), "ok\n");
	/* It had no place before all but a few were cut off. */
	assert_true(poll(fds, MANY, 0) > MANY - METRICS_CLIENTS_MAX);
	for (int i = 0; i < MANY; i++)
		hear_all(fds[i].fd);
	metrics_stop(p.metrics);
}

/* The places of those who go away by themselves are free again at once. */
static void
places_are_given_back(void **state)
{
	struct place p;

	(void)state;
	serve(&p, PATIENCE_MS, write_nothing, NULL);
	for (int i = 0; i < 20 * METRICS_CLIENTS_MAX; i++)
		expect_status("again", ask(&p, GET("/healthz")), "200");
	metrics_stop(p.metrics);
}

#define BIG 20000

static void
write_much(void *arg, struct metrics_writer *w)
{
	static const struct metrics_label label = {"l", MF_TEXT(A100)};

	(void)arg;
	for (unsigned i = 0; i < BIG; i++)
		metrics_gauge(w, "much", "Much.", &label, i);
}

static void
one_that_does_not_read(void **state)
{
	struct place p;
	int deaf;

	(void)state;
	serve(&p, 0, write_much, NULL);
	deaf = call(&p);
	say(deaf, GET("/metrics"));
	const char *have = ask(&p, GET("/metrics"));
	expect_status("big", have, "200");
	assert_non_null(strstr(have, "\"} 19999\n"));
	close(deaf);
	metrics_stop(p.metrics);
}

static void
noise(void **state)
{
	static const char *const words[] = {"GET ", "/metrics", "/",
	    " HTTP/1.1", " HTTP/", "\r\n", "\n", ":",
	    "Content-Length: ", "Host", "%", "%0", "Transfer-Encoding: chunked",
	    "Expect: 100-continue", "0", "-1", "99999999999999999999", "//",
	    "?", "http://h/metrics", "POST ", " "};
	uint64_t random = 1;
	struct place p;

	(void)state;
	serve(&p, PATIENCE_MS, write_nothing, NULL);
	for (int i = 0; i < 200; i++) {
		char room[2048];
		struct text_out out = text_out(room, sizeof(room));
		int fd = call(&p);

		for (uint64_t n = random_next(&random) % 30; n > 0; n--) {
			uint64_t word = random_next(&random) % 32;

			if (word < COUNT(words))
				out_str(&out, words[word]);
			else
				out_char(&out, (char)random_next(&random));
		}
		say(fd, out_view(&out));
		shutdown(fd, SHUT_WR);
		hear_all(fd);
	}
	expect_status("after", ask(&p, GET("/healthz")), "200");
	metrics_stop(p.metrics);
}

/* --- beginning and end --- */

static void
stopping_with_clients(void **state)
{
	struct place p;
	int idle, asking;

	(void)state;
	serve(&p, PATIENCE_MS, write_much, NULL);
	idle = call(&p);
	asking = call(&p);
	say(asking, GET("/metrics"));
	metrics_stop(p.metrics);
	hear_all(idle);
	hear_all(asking);
	metrics_stop(NULL);
}

static void
no_socket(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);

	(void)state;
	assert_null(metrics_start(
	    &(struct metrics_params){.fd = -1, .write = write_nothing},
	    &report));
	assert_int_equal(report.errors, 1);
}

/* --- out of descriptors --- */

static atomic_uint warnings;

static void
count_warning(int severity, const char *text)
{
	(void)severity;
	(void)text;
	atomic_fetch_add(&warnings, 1);
}

/*
 * libevent tries a socket again at once, and says so on stderr each time: a
 * million lines a second.
 */
static void
out_of_descriptors(void **state)
{
	struct rlimit before, low;
	struct place p;
	int early, late = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 3; /* all of those are in use */
	serve(&p, PATIENCE_MS, write_nothing, NULL);
	event_set_log_callback(count_warning);
	expect_status("before", ask(&p, GET("/healthz")), "200");
	early = call(&p);
	/* It was accepted when this is: one is after the other. */
	expect_status("before", ask(&p, GET("/healthz")), "200");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(connect(late, (const struct sockaddr *)&p.address,
			     sizeof(p.address)),
	    0);
	say(early, GET("/healthz"));
	expect_status("meanwhile", hear_all(early), "200");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	say(late, GET("/healthz"));
	expect_status("afterwards", hear_all(late), "200");
	metrics_stop(p.metrics);
	event_set_log_callback(NULL);
	assert_int_equal(atomic_load(&warnings), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(format),
	    cmocka_unit_test(requests),
	    cmocka_unit_test(the_slow_are_cut_off),
	    cmocka_unit_test(many_wait_for_their_turn),
	    cmocka_unit_test(places_are_given_back),
	    cmocka_unit_test(one_that_does_not_read),
	    cmocka_unit_test(noise),
	    cmocka_unit_test(stopping_with_clients),
	    cmocka_unit_test(no_socket),
	    cmocka_unit_test(out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
