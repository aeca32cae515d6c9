/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/session.h: steps of SMTP in any order, with any arguments.  What is
 * to be done to an envelope stays within what an MTA takes, and names
 * recipients as they were given.
 *
 * A line is a step: its letter and its argument.  Octets 1 to 4 in it stand for
 * addresses that we have signed: SRS0, SES, SRS0 around SES, and sign's.
 */
/* memfd_create() is outside of POSIX; the tests run on Linux. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "srsmilter/milter.h"
#include "srsmilter/session.h"
#include "tests/fuzz/fuzz.h"

#define STEPS_MAX  64
#define LINE_SIZE  4096
#define PATH_ROOM  64
#define SIGNED_MAX 4

static char signed_addresses[SIGNED_MAX][SRS_ADDR_SIZE];

/* Arguments of RCPT in this message. */
static char given[STEPS_MAX][LINE_SIZE];
static size_t given_count;

static void
file_of(const char *text, char path[static PATH_ROOM])
{
	int fd = memfd_create("fuzz", 0);

	FUZZ_CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
	FUZZ_CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, PATH_ROOM, "/proc/self/fd/%d", fd);
}

static void
sign_all(const struct rewriter *r)
{
	uint64_t now = (uint64_t)time(NULL);
	struct mf_text srs = MF_TEXT("srs.example");
	struct srs_addr out[SIGNED_MAX];

	FUZZ_CHECK(srs_encode(r->srs, MF_TEXT("bob@example.net"), srs, now,
		       &out[0]) == SRS_OK);
	FUZZ_CHECK(ses_sign(r->ses, MF_TEXT("carol@ses.example"), 7, now,
		       &out[1]) == SRS_OK);
	FUZZ_CHECK(srs_encode(r->srs, mf_text_at(out[1].text, out[1].len), srs,
		       now, &out[2]) == SRS_OK);
	FUZZ_CHECK(srs_sign(r->srs, MF_TEXT("dave@sign.example"), now,
		       &out[3]) == SRS_OK);
	for (size_t i = 0; i < SIGNED_MAX; i++)
		snprintf(signed_addresses[i], SRS_ADDR_SIZE, "%s", out[i].text);
}

/* Made once, and never freed. */
static struct milter_service *
service(void)
{
	static const char lines[] =
	    "[srs]\nsecret_file=%s\n"
	    "fwdomain=srs.example, c.example=d.example\n"
	    "own_domains=own.example\n"
	    "ses=ses.example\nsign=sign.example\n"
	    "nosrs=n.example\n"
	    "[srsmilter]\nlocal_domains=own.example\n"
	    "reject_spoofed=yes\nbanned_users=daemon\n"
	    "internal_connect=192.0.2.2\n"
	    "ses_replays=1000\nreplay_size=2\n";
	static const struct log_options quiet = {
	    .program = "fuzz", .to = LOG_TO_STDERR, .level = LEVEL_ERROR};
	static struct milter_service *made;
	static char path[PATH_ROOM];
	struct report report = {.say = report_ignore};
	char secret[PATH_ROOM], text[1024];
	struct srsmilter_config *config;

	if (made != NULL)
		return made;
	log_open(&quiet);
	file_of("a secret of the fuzzers\n", secret);
	snprintf(text, sizeof(text), lines, secret);
	file_of(text, path);
	config = (struct srsmilter_config *)srsmilter_config_load(
	    path, SOURCE_OURS, &report);
	FUZZ_CHECK(config != NULL);
	sign_all(config->rewriter);
	made = srsmilter_new(&config->base, &report);
	FUZZ_CHECK(made != NULL);
	return made;
}

/* --- what must hold --- */

static void
check_address(const char *address)
{
	size_t len = strlen(address);

	FUZZ_CHECK(len >= 2 && len <= SRS_ADDR_MAX + 2);
	FUZZ_CHECK(address[0] == '<' && address[len - 1] == '>');
	FUZZ_CHECK(strpbrk(address, "\r\n") == NULL);
}

/* Each address is added once. */
static void
check_added(const struct changes *changes, size_t i)
{
	const char *address = changes->recipients[i].address;
	size_t same = 0;

	for (size_t k = 0; k <= i; k++) {
		const char *other = changes->recipients[k].address;

		if (other != NULL && address != NULL)
			same += text_eq_fold(
			    mf_text_of(other), mf_text_of(address));
	}
	FUZZ_CHECK(same == (address != NULL));
	if (address != NULL)
		check_address(address);
}

static void
check_changes(struct reply reply, const struct changes *changes)
{
	FUZZ_CHECK(reply.step == STEP_CONTINUE ||
	    (changes->count == 0 && changes->sender == NULL));
	if (changes->sender != NULL)
		check_address(changes->sender);
	for (size_t i = 0; i < changes->count; i++) {
		const struct restoration *r = &changes->recipients[i];
		size_t k = 0;

		check_added(changes, i);
		while (k < given_count && strcmp(given[k], r->given) != 0)
			k++;
		FUZZ_CHECK(k < given_count);
		for (size_t other = 0; other < i; other++)
			FUZZ_CHECK(strcmp(changes->recipients[other].given,
				       r->given) != 0);
	}
}

/* --- steps --- */

/* libmilter gives strings: no NUL but at the end. */
static void
expand(struct mf_text line, char out[static LINE_SIZE])
{
	struct text_out to = text_out(out, LINE_SIZE - 1);

	for (size_t i = 0; i < line.len; i++) {
		char c = line.p[i];

		if (c >= 1 && c <= SIGNED_MAX)
			out_str(&to, signed_addresses[c - 1]);
		else if (c != '\0')
			out_char(&to, c);
	}
	out[to.len] = '\0';
}

static void
connect_to(struct session *s, const char *arg)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_port = htons((in_port_t)strlen(arg)),
	    .sin_addr.s_addr = htonl(0xc0000200 + (uint8_t)arg[0])};

	if (arg[0] == '-') /* without an address, as "localhost" or another */
		session_connect(s, mf_text_of(arg + 1), NULL);
	else
		session_connect(s, mf_text_of(arg), (void *)&in);
}

static void
step(struct session *s, char letter, char *arg)
{
	char *parameters[] = {NULL, NULL};
	struct changes changes;
	char *more = strchr(arg, '\t');
	struct mf_text macro = mf_text_of(more != NULL ? more + 1 : NULL);
	struct path_macros macros = {.mail_addr = macro};

	switch (letter) {
	case 'C':
		connect_to(s, arg);
		break;
	case 'M':
		given_count = 0;
		if (more != NULL)
			*more = '\0';
		session_mail(s,
		    &(struct mail_args){
			.path = mf_text_of(arg), .macros = macros});
		break;
	case 'U':
		given_count = 0;
		if (more != NULL)
			*more = '\0';
		session_mail(s,
		    &(struct mail_args){.path = mf_text_of(arg),
			.macros = macros,
			.user = MF_TEXT("ann"),
			.mail_mailer = macro});
		break;
	case 'R':
		if (more != NULL) {
			*more = '\0';
			parameters[0] = more + 1;
		}
		snprintf(given[given_count++], LINE_SIZE, "%s", arg);
		srsmilter_rcpt(s,
		    &(struct rcpt_args){.path = mf_text_of(arg),
			.parameters = parameters,
			.rcpt_mailer = macro});
		break;
	case 'E':
		session_queue_id(s, mf_text_of(arg));
		check_changes(
		    srsmilter_eom((struct srsmilter_session *)s, &changes),
		    &changes);
		break;
	default:
		session_end_message(s);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text rest = mf_text_at((const char *)data, size), line;
	struct session *s = session_new(&srsmilter_filter, service());
	static char arg[LINE_SIZE];

	FUZZ_CHECK(s != NULL);
	given_count = 0;
	for (int i = 0; i < STEPS_MAX && rest.len != 0; i++) {
		size_t end = text_find(rest, '\n');

		line = text_head(rest, end);
		rest = text_from(rest, end + 1);
		expand(text_from(line, 1), arg);
		step(s, line.len != 0 ? line.p[0] : 'A', arg);
	}
	session_free(s);
	return 0;
}
