/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/session.h, driven without libmilter: what the steps are answered,
 * and what is to be done to the envelope.
 *
 * Signatures are of now, since sessions read the clock.
 */
#include "tests/unit/srsmilters.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <time.h>

#include "common/log.h"
#include "milter/callbacks.h"
#include "srsmilter/milter.h"
#include "srsmilter/session.h"

#define LINES                                           \
	"fwdomain=srs.example.com\nses=ses.example\n"   \
	"sign=sign.example\n@\nrewrite=remote_domain\n" \
	"local_domains=here.example\nreject_spoofed=yes\n"

/* --- a service, and a session with it --- */

struct stage {
	struct srsmilter_config *config; /* the service's */
	struct milter_service *service;
	struct session *session;
};

static struct stage
stage_with(const char *lines)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct stage st = {.config = config_well(lines)};

	st.service = srsmilter_new(&st.config->base, &report);
	assert_non_null(st.service);
	st.session = session_new(&srsmilter_filter, st.service);
	assert_non_null(st.session);
	return st;
}

static void
stage_end(struct stage *st)
{
	session_free(st->session);
	srsmilter_free(st->service);
}

/* From ip; "/": a unix socket; or a name, without an address. */
static void
connect_from(struct session *s, const char *ip, in_port_t port)
{
	static const struct sockaddr un = {.sa_family = AF_UNIX};
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (ip[0] == '/')
		session_connect(s, MF_TEXT(""), &un);
	else if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		session_connect(s, MF_TEXT(""), (struct sockaddr *)&in);
	else if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
		session_connect(s, MF_TEXT(""), (struct sockaddr *)&in6);
	else
		session_connect(s, mf_text_of(ip), NULL);
}

static void
outside(struct session *s)
{
	connect_from(s, "192.0.2.1", 4711);
}

static struct reply
mail(struct session *s, const char *arg)
{
	return mail_with(s, mf_text_of(arg),
	    &(struct path_macros){.f = {NULL, 0}}, MF_TEXT(""), MF_TEXT(""));
}

static struct reply
rcpt(struct session *s, const char *arg)
{
	char *none[] = {NULL};

	return rcpt_with(s, mf_text_of(arg), none, MF_TEXT(""));
}

static void
expect_passes(struct reply reply)
{
	assert_int_equal(reply.step, STEP_CONTINUE);
}

static void
expect_refused(struct reply reply, enum recipient_fate fate)
{
	assert_int_equal(reply.step, STEP_REJECT);
	assert_string_equal(reply.text, recipient_reply(fate).text);
}

/* MAIL and RCPT that pass, and the end. */
static struct changes
message(struct session *s, const char *sender, const char *recipient)
{
	struct changes changes;

	expect_passes(mail(s, sender));
	expect_passes(rcpt(s, recipient));
	expect_passes(srsmilter_eom((struct srsmilter_session *)s, &changes));
	return changes;
}

/* --- addresses of now --- */

static const char *
bracketed(const struct srs_addr *address)
{
	static char texts[4][SRS_ADDR_SIZE + 2];
	static unsigned next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), "<%s>", address->text);
	return text;
}

static const char *
srs0_of(const struct stage *st, const char *sender)
{
	struct srs_addr out;

	assert_int_equal(
	    srs_encode(st->config->rewriter->srs, mf_text_of(sender),
		MF_TEXT("srs.example.com"), (uint64_t)time(NULL), &out),
	    SRS_OK);
	return bracketed(&out);
}

static const char *
ses_of(const struct stage *st, const char *sender, uint64_t id)
{
	struct srs_addr out;

	assert_int_equal(ses_sign(st->config->rewriter->ses, mf_text_of(sender),
			     id, (uint64_t)time(NULL), &out),
	    SRS_OK);
	return bracketed(&out);
}

/* address is ours, and behind it is that one. */
static void
expect_reverses_to(
    const struct stage *st, const char *address, const char *original)
{
	struct policy_result out;

	assert_non_null(address);
	policy_reverse(st->config->rewriter,
	    mf_text_at(address + 1, strlen(address) - 2), POLICY_SRS_DOMAINS,
	    (uint64_t)time(NULL), &out);
	assert_string_equal(policy_reason_text(out.reason), "restored");
	assert_string_equal(out.address.text, original);
}

/* --- outgoing --- */

static void
forwarded(void **state)
{
	struct stage st = stage_with(LINES);
	struct changes changes;

	(void)state;
	outside(st.session);
	changes = message(st.session, "<Bob@Example.NET>", "<ann@far.example>");
	assert_int_equal(changes.count, 0);
	expect_reverses_to(&st, changes.sender, "Bob@Example.NET");
	/* The next message on the connection knows nothing of it. */
	changes =
	    message(st.session, "<bob@example.net>", "<ann@here.example>");
	assert_null(changes.sender);
	session_end_message(st.session);
	assert_int_equal(
	    atomic_load(&((struct srsmilter *)st.service)->metrics.messages),
	    2);
	stage_end(&st);
}

/* What Postfix's own processes give: no angle brackets, and "" for <>. */
static void
bare_arguments(void **state)
{
	static const char *const nulls[] = {"", "<>"};
	struct stage st = stage_with(LINES);
	struct changes changes;
	char bare[SRS_ADDR_SIZE];

	(void)state;
	outside(st.session);
	changes = message(st.session, "bob@example.net", "ann@far.example");
	expect_reverses_to(&st, changes.sender, "bob@example.net");
	snprintf(bare, sizeof(bare), "%s", srs0_of(&st, "bob@example.net") + 1);
	bare[strlen(bare) - 1] = '\0';
	for (size_t i = 0; i < COUNT(nulls); i++) {
		changes = message(st.session, nulls[i], bare);
		assert_null(changes.sender);
		assert_int_equal(changes.count, 1);
		assert_string_equal(changes.recipients[0].given, bare);
		assert_string_equal(
		    changes.recipients[0].address, "<bob@example.net>");
	}
	stage_end(&st);
}

static void
origins(void **state)
{
	static const struct {
		const char *ip;
		in_port_t port;
		const char *user;
		bool rewritten, refused;
	} cases[] = {
	    {"192.0.2.1", 4711, "", true, true},
	    {"192.0.2.1", 0, "", true, true},
	    {"2001:db8::1", 4711, "", true, true},
	    {"192.0.2.1", 4711, "ann", false, false},
	    {"198.51.100.7", 4711, "", false, false},        /* internal */
	    {"::ffff:198.51.100.7", 4711, "", false, false}, /* the same */
	    {"203.0.113.5", 4711, "", true, false},          /* relay */
	    {"203.0.113.5", 4711, "ann", false, false},
	    {"localhost", 0, "", false, false}, /* a process */
	    {"/", 0, "", false, false},
	    /* Nobody knows who that is, whatever name it has. */
	    {"unknown", 0, "", true, true},
	    {"in.example", 0, "", true, true},
	    {"in.example", 0, "ann", false, false},
	    {"127.0.0.1", 0, "", false, false}, /* Postfix's own */
	    {"::1", 0, "", false, false},
	    /* The second smtpd of Postfix: whose mail it was isn't known. */
	    {"127.0.0.1", 4711, "", true, true},
	    {"::1", 4711, "", true, true},
	};
	struct stage st = stage_with(LINES
	    "internal_connect=198.51.100.0/24,in.example\ntrusted_relay=203.0.113.5\n");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct session *s = st.session;
		struct changes changes;
		char *none[] = {NULL};

		connect_from(s, cases[i].ip, cases[i].port);
		mail_with(s, MF_TEXT("<bob@example.net>"),
		    &(struct path_macros){.f = {NULL, 0}},
		    mf_text_of(cases[i].user), MF_TEXT(""));
		rcpt_with(s, MF_TEXT("<ann@far.example>"), none, MF_TEXT(""));
		expect_passes(
		    srsmilter_eom((struct srsmilter_session *)s, &changes));
		expect_int(cases[i].ip, "rewritten", changes.sender != NULL,
		    cases[i].rewritten);
		mail_with(s, MF_TEXT("<>"),
		    &(struct path_macros){.f = {NULL, 0}},
		    mf_text_of(cases[i].user), MF_TEXT(""));
		expect_int(cases[i].ip, "refused",
		    rcpt_with(
			s, MF_TEXT("<carol@ses.example>"), none, MF_TEXT(""))
			    .step == STEP_REJECT,
		    cases[i].refused);
	}
	stage_end(&st);
}

static void
mailers(void **state)
{
	struct stage st = stage_with("fwdomain=srs.example.com\n@\n"
				     "rewrite=remote_mailer\n");
	char *none[] = {NULL};
	struct changes changes;
	struct session *s = st.session;

	(void)state;
	outside(s);
	mail_with(s, MF_TEXT("<bob@example.net>"),
	    &(struct path_macros){.f = {NULL, 0}}, MF_TEXT(""),
	    MF_TEXT("esmtp"));
	rcpt_with(s, MF_TEXT("<ann@x.example>"), none, MF_TEXT("local"));
	srsmilter_eom((struct srsmilter_session *)s, &changes);
	assert_null(changes.sender);
	mail_with(s, MF_TEXT("<bob@example.net>"),
	    &(struct path_macros){.f = {NULL, 0}}, MF_TEXT(""),
	    MF_TEXT("esmtp"));
	rcpt_with(s, MF_TEXT("<ann@x.example>"), none, MF_TEXT("esmtp"));
	srsmilter_eom((struct srsmilter_session *)s, &changes);
	assert_non_null(changes.sender);
	mail_with(s, MF_TEXT("<bob@example.net>"),
	    &(struct path_macros){.f = {NULL, 0}}, MF_TEXT(""),
	    MF_TEXT("local"));
	rcpt_with(s, MF_TEXT("<ann@x.example>"), none, MF_TEXT("esmtp"));
	srsmilter_eom((struct srsmilter_session *)s, &changes);
	assert_null(changes.sender);
	stage_end(&st);
}

/* --- who forwards --- */

#define CUSTOMERS                                             \
	"fwdomain=srs.example.com, c.example=srs.c.example,"  \
	" e.example=srs.e.example, f.example=srs.c.example\n" \
	"own_domains=own.example\n"

struct forwarded {
	const char *recipient, *orcpt; /* NULL: none */
};

static const struct {
	const char *name, *srs; /* more lines of [srs] */
	struct forwarded recipients[3];
	const char *domain; /* of the new sender; NULL: it stays */
} forwards[] = {
    {"the recipient's own domain", "", {{"<ann@C.example>", NULL}},
	"srs.c.example"},
    {"nobody's", "", {{"<ann@d.example>", NULL}}, "srs.example.com"},
    {"one of several", "",
	{{"<ann@c.example>", NULL}, {"<ann@d.example>", NULL}},
	"srs.example.com"},
    {"the other way round", "",
	{{"<ann@d.example>", NULL}, {"<ann@c.example>", NULL}},
	"srs.example.com"},
    {"ORCPT", "", {{"<ann@d.example>", "ORCPT=rfc822;fwd+2Bx@C.example"}},
	"srs.c.example"},
    {"ORCPT of nobody's", "",
	{{"<ann@d.example>", "ORCPT=rfc822;ann@d.example"}}, "srs.example.com"},
    {"ORCPT of our own", "",
	{{"<ann@c.example>", "ORCPT=rfc822;ann@own.example"}},
	"srs.example.com"},
    {"a client's own ORCPT", "",
	{{"<ann@c.example>", "ORCPT=rfc822;ann@outside.example"}},
	"srs.c.example"},
    {"two of one customer", "",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@c.example"}},
	"srs.c.example"},
    {"two with one SRS domain", "",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@f.example"}},
	"srs.c.example"},
    {"two customers", "",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@e.example"}},
	"srs.example.com"},
    {"two customers and the first again", "",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@e.example"},
	    {"<cyd@d.example>", "ORCPT=rfc822;c@c.example"}},
	"srs.example.com"},
    {"forward_domains", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"}}, "srs.c.example"},
    {"not in forward_domains", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@e.example"}}, NULL},
    {"our own, not in forward_domains", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@own.example"}}, NULL},
    {"no ORCPT", "forward_domains=c.example\n", {{"<ann@d.example>", NULL}},
	"srs.example.com"},
    {"ORCPT of others", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@outside.example"}},
	"srs.example.com"},
    {"one in forward_domains", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@e.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@c.example"}},
	"srs.c.example"},
    {"one in forward_domains, first", "forward_domains=c.example\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@e.example"}},
	"srs.c.example"},
    {"mixed and kept", "forward_domains=c.example\n@\nmixed_recipients=keep\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"},
	    {"<bob@d.example>", "ORCPT=rfc822;b@e.example"}},
	NULL},
    {"several in forward_domains and kept",
	"forward_domains=c.example\n@\nmixed_recipients=keep\n",
	{{"<ann@d.example>", "ORCPT=rfc822;a@c.example"}}, "srs.c.example"},
};

static void
forwarders(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forwards); i++) {
		char lines[512];
		const char *srs = forwards[i].srs, *domain;
		struct changes changes;

		snprintf(lines, sizeof(lines), "%s%s%srewrite=all\n", CUSTOMERS,
		    srs, strchr(srs, '@') != NULL ? "" : "@\n");
		struct stage st = stage_with(lines);
		outside(st.session);
		mail(st.session, "<bob@example.net>");
		for (size_t k = 0; k < COUNT(forwards[i].recipients); k++) {
			const struct forwarded *f = &forwards[i].recipients[k];
			char orcpt[64];
			char *parameters[] = {
			    f->orcpt != NULL ? orcpt : NULL, NULL};

			if (f->recipient == NULL)
				break;
			snprintf(orcpt, sizeof(orcpt), "%s",
			    f->orcpt != NULL ? f->orcpt : "");
			rcpt_with(st.session, mf_text_of(f->recipient),
			    parameters, MF_TEXT(""));
		}
		srsmilter_eom((struct srsmilter_session *)st.session, &changes);
		domain = changes.sender != NULL
		    ? strrchr(changes.sender, '@') + 1
		    : NULL;
		expect_int(forwards[i].name, "changed", domain != NULL,
		    forwards[i].domain != NULL);
		if (domain != NULL)
			expect_text(forwards[i].name, "domain",
			    text_head(mf_text_of(domain), strlen(domain) - 1),
			    mf_text_of(forwards[i].domain));
		stage_end(&st);
	}
}

/* Without a default, a customer's domain is better than no rewriting. */
static void
forwarders_without_default(void **state)
{
	struct stage st = stage_with(CUSTOMERS "@\nrewrite=all\n");
	struct changes changes;

	(void)state;
	/* In a file it would be warned of, which stages don't have. */
	st.config->rewriter->fwdomain = MF_TEXT("");
	outside(st.session);
	mail(st.session, "<bob@example.net>");
	rcpt(st.session, "<ann@d.example>");
	rcpt(st.session, "<ann@e.example>");
	rcpt(st.session, "<ann@c.example>");
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	assert_non_null(changes.sender);
	assert_non_null(strstr(changes.sender, "@srs.e.example>"));
	stage_end(&st);
}

/* What isn't plain is read as the MTA reads it. */
static void
senders_that_are_not_plain(void **state)
{
	struct stage st = stage_with(LINES);
	struct session *s = st.session;
	struct changes changes;

	(void)state;
	outside(s);
	mail_with(s, MF_TEXT("<carol@ses(x).example>"),
	    &(struct path_macros){.mail_addr = MF_TEXT("carol@ses.example")},
	    MF_TEXT(""), MF_TEXT(""));
	rcpt(s, "<ann@far.example>");
	srsmilter_eom((struct srsmilter_session *)s, &changes);
	expect_reverses_to(&st, changes.sender, "carol@ses.example");
	mail_with(s, MF_TEXT("<Bob@Example.NET>"),
	    &(struct path_macros){.mail_addr = MF_TEXT("bob@example.net")},
	    MF_TEXT(""), MF_TEXT(""));
	rcpt(s, "<ann@far.example>");
	srsmilter_eom((struct srsmilter_session *)s, &changes);
	expect_reverses_to(&st, changes.sender, "Bob@Example.NET");
	stage_end(&st);
}

/* A null sender in front of another one is no bounce. */
static void
null_in_front(void **state)
{
	struct stage st = stage_with(LINES);
	const char *address = srs0_of(&st, "bob@example.net");

	(void)state;
	outside(st.session);
	mail_with(st.session, MF_TEXT("<>eve@example.org"),
	    &(struct path_macros){.mail_addr = MF_TEXT("eve@example.org")},
	    MF_TEXT(""), MF_TEXT(""));
	expect_refused(rcpt(st.session, address), RECIPIENT_NOT_A_BOUNCE);
	mail_with(st.session, MF_TEXT("<>"),
	    &(struct path_macros){.mail_addr = MF_TEXT("eve@example.org")},
	    MF_TEXT(""), MF_TEXT(""));
	expect_refused(rcpt(st.session, address), RECIPIENT_BAD_SENDER);
	stage_end(&st);
}

/*
 * One that can't be told is refused; not from hosts of ours, but it isn't
 * changed: nothing can be signed that isn't an address.
 */
static void
senders_that_are_ambiguous(void **state)
{
	static const struct {
		const char *ip, *user;
		bool refused;
	} cases[] = {
	    {"192.0.2.1", "", true}, {"192.0.2.1", "ann", true},
	    {"198.51.100.7", "", false}, /* internal */
	    {"198.51.100.7", "ann", true},
	    {"203.0.113.5", "", false}, /* relay */
	};
	struct stage st = stage_with(
	    LINES "internal_connect=198.51.100.7\ntrusted_relay=203.0.113.5\n");
	struct session *s = st.session;
	struct changes changes;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		connect_from(s, cases[i].ip, 4711);
		mail_with(s, MF_TEXT("<carol@ses(x).example>"),
		    &(struct path_macros){.f = {NULL, 0}},
		    mf_text_of(cases[i].user), MF_TEXT(""));
		if (cases[i].refused) {
			expect_refused(
			    rcpt(s, "<ann@far.example>"), RECIPIENT_BAD_SENDER);
			continue;
		}
		expect_passes(rcpt(s, "<ann@far.example>"));
		expect_passes(
		    srsmilter_eom((struct srsmilter_session *)s, &changes));
		assert_null(changes.sender);
	}
	stage_end(&st);
}

/* Octets of UTF-8 are signed as they are (RFC 6531). */
static void
utf8(void **state)
{
	struct stage st = stage_with(LINES);
	struct changes changes;
	char sender[SRS_ADDR_SIZE + 2];

	(void)state;
	outside(st.session);
	changes = message(st.session, "<j\303\274rgen@b\303\274cher.example>",
	    "<a@far.example>");
	snprintf(sender, sizeof(sender), "%s", changes.sender);
	assert_non_null(strstr(
	    sender, "=b\303\274cher.example=j\303\274rgen@srs.example.com>"));
	changes = message(st.session, "<>", sender);
	assert_string_equal(changes.recipients[0].address,
	    "<j\303\274rgen@b\303\274cher.example>");
	stage_end(&st);
}

/* --- bounces --- */

static void
restored_with_case_and_parameters(void **state)
{
	struct stage st = stage_with(LINES);
	char notify[] = "NOTIFY=FAILURE,DELAY",
	     orcpt[] = "ORCPT=rfc822;x@y.example";
	char *two[] = {notify, orcpt, NULL}, *none[] = {NULL};
	const char *bob = srs0_of(&st, "Bob.Smith@Example.NET");
	const char *carol = ses_of(&st, "Carol@ses.example", 7);
	struct changes changes;

	(void)state;
	outside(st.session);
	mail(st.session, "<>");
	expect_passes(rcpt_with(st.session, mf_text_of(bob), two, MF_TEXT("")));
	expect_passes(rcpt(st.session, "<ann@here.example>"));
	expect_passes(
	    rcpt_with(st.session, mf_text_of(carol), none, MF_TEXT("")));
	expect_passes(
	    srsmilter_eom((struct srsmilter_session *)st.session, &changes));
	assert_null(changes.sender);
	assert_int_equal(changes.count, 2);
	assert_string_equal(changes.recipients[0].given, bob);
	assert_string_equal(
	    changes.recipients[0].address, "<Bob.Smith@Example.NET>");
	assert_string_equal(changes.recipients[0].parameters,
	    "NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@y.example");
	assert_string_equal(changes.recipients[1].given, carol);
	assert_string_equal(
	    changes.recipients[1].address, "<Carol@ses.example>");
	assert_null(changes.recipients[1].parameters);
	stage_end(&st);
}

/* An MTA deletes all recipients of that name at once. */
static void
named_twice(void **state)
{
	struct stage st = stage_with(LINES);
	const char *bob = srs0_of(&st, "bob@example.net");
	struct changes changes;
	char smashed[SRS_ADDR_SIZE + 2];

	(void)state;
	snprintf(smashed, sizeof(smashed), "%s", bob);
	ascii_lower_all(smashed, strlen(smashed));
	outside(st.session);
	mail(st.session, "<>");
	rcpt(st.session, bob);
	rcpt(st.session, bob);
	rcpt(st.session, smashed);
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	assert_int_equal(changes.count, 2);
	assert_string_equal(changes.recipients[0].given, bob);
	assert_string_equal(changes.recipients[1].given, smashed);
	/* A copy for each way to write the address would be no favour. */
	assert_string_equal(changes.recipients[0].address, "<bob@example.net>");
	assert_null(changes.recipients[1].address);
	stage_end(&st);
}

static void
many_recipients(void **state)
{
	struct stage st = stage_with(LINES);
	struct changes changes;

	(void)state;
	outside(st.session);
	mail(st.session, "<>");
	for (int i = 0; i < 100; i++) {
		char sender[64];

		snprintf(sender, sizeof(sender), "u%d@example.net", i);
		expect_passes(rcpt(st.session, srs0_of(&st, sender)));
	}
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	assert_int_equal(changes.count, 100);
	assert_string_equal(
	    changes.recipients[99].address, "<u99@example.net>");
	stage_end(&st);
}

/* Each by itself: the others get their mail. */
static void
refused_by_recipient(void **state)
{
	struct stage st = stage_with(LINES);
	struct changes changes;

	(void)state;
	outside(st.session);
	mail(st.session, "<>");
	expect_refused(
	    rcpt(st.session, "<SRS0=AAAAAA=AA=x.example=y@srs.example.com>"),
	    RECIPIENT_FORGED);
	expect_passes(rcpt(st.session, srs0_of(&st, "bob@example.net")));
	expect_refused(
	    rcpt(st.session, "<carol@ses.example>"), RECIPIENT_SPOOFED);
	expect_passes(rcpt(st.session, "<postmaster@ses.example>"));
	expect_passes(
	    srsmilter_eom((struct srsmilter_session *)st.session, &changes));
	assert_int_equal(changes.count, 1);
	session_end_message(st.session);
	assert_int_equal(atomic_load(&((struct srsmilter *)st.service)
					  ->metrics.fates[RECIPIENT_FORGED]),
	    1);
	assert_int_equal(atomic_load(&((struct srsmilter *)st.service)
					  ->metrics.fates[RECIPIENT_SPOOFED]),
	    1);
	stage_end(&st);
}

/* --- max_forged --- */

#define GUESS "<SRS0=AAAAAA=AA=x.example=y@srs.example.com>"

/* A guess: refused alone, or the end of the session. */
static void
expect_guess(const char *name, struct session *s, bool ends)
{
	struct reply reply = rcpt(s, GUESS);

	expect_int(
	    name, "step", reply.step, ends ? STEP_TEMPFAIL : STEP_REJECT);
	expect_int(name, "code", (int)reply.code, ends ? 421 : 550);
	assert_string_equal(reply.dsn, ends ? "4.7.0" : "5.7.1");
}

static void
forged_ends_the_session(void **state)
{
	struct stage st = stage_with(LINES "max_forged=2\n");
	struct srsmilter_metrics *metrics =
	    &((struct srsmilter *)st.service)->metrics;
	struct changes changes;

	(void)state;
	outside(st.session);
	/* Over messages, and whatever else they are about. */
	mail(st.session, "<>");
	expect_guess("first", st.session, false);
	expect_passes(rcpt(st.session, srs0_of(&st, "bob@example.net")));
	expect_passes(
	    srsmilter_eom((struct srsmilter_session *)st.session, &changes));
	assert_int_equal(changes.count, 1);
	mail(st.session, "<>");
	expect_guess("second", st.session, false);
	expect_refused(
	    rcpt(st.session, "<carol@ses.example>"), RECIPIENT_SPOOFED);
	expect_guess("third", st.session, true);
	/*
	 * Whoever goes on: never an address that verifies, nor for what is
	 * behind one that does.
	 */
	expect_refused(
	    rcpt(st.session,
		srs0_of(&st, "SES=IEYJLRPY924__ML-W=victim@ses.example")),
	    RECIPIENT_FORGED);
	expect_passes(rcpt(st.session, srs0_of(&st, "bob@example.net")));
	expect_guess("fourth", st.session, true);
	message(st.session, "<>", srs0_of(&st, "ann@example.net"));
	session_end_message(st.session);
	assert_int_equal(atomic_load(&metrics->sessions_ended), 2);
	assert_int_equal(atomic_load(&metrics->forged), 4);
	assert_int_equal(atomic_load(&metrics->fates[RECIPIENT_FORGED]), 5);
	/* The next client knows nothing of it. */
	outside(st.session);
	mail(st.session, "<>");
	expect_guess("next", st.session, false);
	stage_end(&st);
}

/* From where a session is ended, and from where not. */
static void
forged_from(void **state)
{
	static const struct {
		const char *ip;
		in_port_t port;
		const char *sender, *user;
		enum step step;
	} cases[] = {
	    {"192.0.2.1", 4711, "<>", "", STEP_TEMPFAIL},
	    {"2001:db8::1", 4711, "<>", "", STEP_TEMPFAIL},
	    /* The reply says nothing about the signature. */
	    {"192.0.2.1", 4711, "<a@x.example>", "", STEP_REJECT},
	    {"192.0.2.1", 4711, "<>", "ann", STEP_CONTINUE},
	    {"198.51.100.7", 4711, "<>", "", STEP_CONTINUE}, /* internal */
	    {"203.0.113.5", 4711, "<>", "", STEP_CONTINUE},  /* relay */
	    {"/", 0, "<>", "", STEP_CONTINUE},
	    /* The second smtpd of Postfix, and a client without an address. */
	    {"127.0.0.1", 4711, "<>", "", STEP_REJECT},
	    {"127.9.9.9", 4711, "<>", "", STEP_REJECT},
	    {"::1", 4711, "<>", "", STEP_REJECT},
	    {"::ffff:127.0.0.1", 4711, "<>", "", STEP_REJECT},
	    {"unknown", 0, "<>", "", STEP_REJECT},
	};
	struct stage st =
	    stage_with(LINES "max_forged=1\ninternal_connect=198.51.100.0/24\n"
			     "trusted_relay=203.0.113.5\n");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct session *s = st.session;
		struct reply reply = reply_go_on();

		connect_from(s, cases[i].ip, cases[i].port);
		mail_with(s, mf_text_of(cases[i].sender),
		    &(struct path_macros){.f = {NULL, 0}},
		    mf_text_of(cases[i].user), MF_TEXT(""));
		for (unsigned guess = 0; guess < 3; guess++)
			reply = rcpt(s, GUESS);
		expect_int(cases[i].ip, "step", reply.step, cases[i].step);
	}
	session_end_message(st.session);
	/* Seen everywhere, whatever became of them. */
	assert_int_equal(
	    atomic_load(&((struct srsmilter *)st.service)->metrics.forged),
	    3 * COUNT(cases));
	stage_end(&st);
}

/* Without the key any number is refused, each by itself. */
static void
forged_without_limit(void **state)
{
	struct stage st = stage_with(LINES);

	(void)state;
	outside(st.session);
	mail(st.session, "<>");
	for (unsigned guess = 0; guess < 1000; guess++)
		expect_guess("any", st.session, false);
	expect_passes(rcpt(st.session, srs0_of(&st, "bob@example.net")));
	stage_end(&st);
}

static void
banned_users(void **state)
{
	struct stage st = stage_with(LINES "banned_users=mailer-daemon\n");
	struct changes changes;

	(void)state;
	outside(st.session);
	mail(st.session, "<Mailer-Daemon@example.net>");
	expect_refused(
	    rcpt(st.session, "<carol@ses.example>"), RECIPIENT_SPOOFED);
	expect_passes(rcpt(st.session, srs0_of(&st, "bob@example.org")));
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	/* It has a sender all the same, who goes on to somebody far away. */
	assert_non_null(changes.sender);
	assert_int_equal(changes.count, 1);
	mail(st.session, "<bob@example.net>");
	expect_refused(rcpt(st.session, srs0_of(&st, "bob@example.org")),
	    RECIPIENT_NOT_A_BOUNCE);
	stage_end(&st);
}

/* --- replays --- */

static void
used_up(void **state)
{
	struct stage st = stage_with(LINES);
	const char *carol = ses_of(&st, "carol@ses.example", 7);
	char smashed[SRS_ADDR_SIZE + 2];

	(void)state;
	outside(st.session);
	/* RCPT alone doesn't count, however often. */
	for (int i = 0; i < 10; i++) {
		mail(st.session, "<>");
		expect_passes(rcpt(st.session, carol));
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(message(st.session, "<>", carol).count, 1);
	mail(st.session, "<>");
	expect_refused(rcpt(st.session, carol), RECIPIENT_REPLAYED);
	/* In another spelling it is the same signature. */
	snprintf(smashed, sizeof(smashed), "%s", carol);
	ascii_lower_all(smashed + 1, strlen("SES=") + 20);
	expect_refused(rcpt(st.session, smashed), RECIPIENT_REPLAYED);
	/* Another signature of the same address isn't used up. */
	expect_passes(rcpt(st.session, ses_of(&st, "carol@ses.example", 8)));
	stage_end(&st);
}

/* The same message id is another signature for another sender. */
static void
ids_alone_do_not_count(void **state)
{
	struct stage st = stage_with(LINES);

	(void)state;
	outside(st.session);
	for (int i = 0; i < 10; i++) {
		char sender[64];

		snprintf(sender, sizeof(sender), "u%d@ses.example", i);
		message(st.session, "<>", ses_of(&st, sender, 7));
	}
	stage_end(&st);
}

/* Once a message: a recipient that is named twice is one use. */
static void
counted_once_a_message(void **state)
{
	struct stage st = stage_with(LINES);
	const char *carol = ses_of(&st, "carol@ses.example", 7);
	struct changes changes;

	(void)state;
	outside(st.session);
	for (int i = 0; i < 3; i++) {
		char bare[SRS_ADDR_SIZE];

		snprintf(bare, sizeof(bare), "%.*s", (int)strlen(carol) - 2,
		    carol + 1);
		mail(st.session, "<>");
		expect_passes(rcpt(st.session, carol));
		expect_passes(rcpt(st.session, bare));
		expect_passes(srsmilter_eom(
		    (struct srsmilter_session *)st.session, &changes));
		assert_int_equal(changes.count, 2);
	}
	mail(st.session, "<>");
	expect_refused(rcpt(st.session, carol), RECIPIENT_REPLAYED);
	stage_end(&st);
}

/* Whoever opens many connections at once gets no more out of it. */
static void
used_up_in_between(void **state)
{
	struct stage st = stage_with(LINES);
	const char *carol = ses_of(&st, "carol@ses.example", 7);
	struct session *all[5];
	struct changes changes;
	int passed = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		all[i] = session_new(&srsmilter_filter, st.service);
		outside(all[i]);
		mail(all[i], "<>");
		expect_passes(rcpt(all[i], carol));
	}
	for (size_t i = 0; i < COUNT(all); i++) {
		struct reply reply =
		    srsmilter_eom((struct srsmilter_session *)all[i], &changes);

		passed += reply.step == STEP_CONTINUE;
		if (reply.step != STEP_CONTINUE) {
			expect_refused(reply, RECIPIENT_REPLAYED);
			assert_int_equal(changes.count, 0);
		}
		session_free(all[i]);
	}
	assert_int_equal(passed, 3);
	stage_end(&st);
}

static void
replays_not_counted(void **state)
{
	struct stage st = stage_with(LINES "ses_replays=0\n");
	const char *carol = ses_of(&st, "carol@ses.example", 7);
	struct replay_stats stats;

	(void)state;
	outside(st.session);
	for (int i = 0; i < 20; i++)
		message(st.session, "<>", carol);
	replay_stats(((struct srsmilter *)st.service)->replay, &stats);
	assert_int_equal(stats.entries, 0);
	stage_end(&st);
}

/* Hosts of ours aren't refused; and SRS isn't counted at all. */
static void
replays_of_our_own(void **state)
{
	struct stage st = stage_with(LINES "internal_connect=198.51.100.7\n");
	const char *carol = ses_of(&st, "carol@ses.example", 7);
	const char *bob = srs0_of(&st, "bob@example.net");

	(void)state;
	connect_from(st.session, "198.51.100.7", 25000);
	for (int i = 0; i < 10; i++)
		message(st.session, "<>", carol);
	outside(st.session);
	for (int i = 0; i < 10; i++)
		message(st.session, "<>", bob);
	stage_end(&st);
}

/* --- steps in odd orders --- */

static void
odd_orders(void **state)
{
	struct stage st = stage_with(LINES);
	struct changes changes;

	(void)state;
	/* Without a message nothing is known, and nothing done. */
	expect_passes(rcpt(st.session, "<SRS0=a=b=c=d@srs.example.com>"));
	expect_passes(
	    srsmilter_eom((struct srsmilter_session *)st.session, &changes));
	assert_null(changes.sender);
	assert_int_equal(changes.count, 0);
	session_queue_id(st.session, MF_TEXT("ABC"));
	session_end_message(st.session);
	/* A second MAIL ends the first. */
	outside(st.session);
	mail(st.session, "<bob@example.net>");
	rcpt(st.session, "<ann@far.example>");
	mail(st.session, "<>");
	rcpt(st.session, "<ann@far.example>");
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	assert_null(changes.sender);
	/* Parameters, and a queue id, of any length. */
	char long_word[3000], *words[] = {long_word, long_word, NULL};
	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	rcpt_with(st.session, mf_text_of(srs0_of(&st, "bob@example.net")),
	    words, MF_TEXT(""));
	session_queue_id(st.session, mf_text_of(long_word));
	srsmilter_eom((struct srsmilter_session *)st.session, &changes);
	assert_int_equal(strlen(changes.recipients[0].parameters),
	    2 * (sizeof(long_word) - 1) + 1);
	stage_end(&st);
}

/* The glue couldn't make the changes: refused for now, whatever on_error is. */
static void
changes_that_failed(void **state)
{
	struct stage st = stage_with(LINES "on_error=accept\n");
	struct reply reply;

	(void)state;
	outside(st.session);
	message(st.session, "<bob@example.net>", "<ann@far.example>");
	reply = srsmilter_unchanged((struct srsmilter_session *)st.session);
	assert_int_equal(reply.step, STEP_TEMPFAIL);
	assert_int_equal(reply.code, 451);
	session_end_message(st.session);
	assert_int_equal(atomic_load(&st.service->errors), 1);
	stage_end(&st);
}

/* Without memory for a second session: every step fails, nothing crashes. */
static void
lost_connection(void **state)
{
	struct stage st = stage_with(LINES);
	const struct smfiDesc *filter =
	    milter_describe(&srsmilter_filter, st.service);
	char word[] = "<a@far.example>", *args[] = {word, NULL};

	(void)state;
	assert_int_equal(filter->xxfi_envfrom(NULL, args), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_envrcpt(NULL, args), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_eom(NULL), SMFIS_TEMPFAIL);
	assert_int_equal(filter->xxfi_abort(NULL), SMFIS_CONTINUE);
	assert_int_equal(filter->xxfi_close(NULL), SMFIS_CONTINUE);
	assert_int_equal(milter_busy(), 0);
	stage_end(&st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forwarded),
	    cmocka_unit_test(bare_arguments),
	    cmocka_unit_test(origins),
	    cmocka_unit_test(mailers),
	    cmocka_unit_test(forwarders),
	    cmocka_unit_test(forwarders_without_default),
	    cmocka_unit_test(senders_that_are_not_plain),
	    cmocka_unit_test(null_in_front),
	    cmocka_unit_test(senders_that_are_ambiguous),
	    cmocka_unit_test(utf8),
	    cmocka_unit_test(restored_with_case_and_parameters),
	    cmocka_unit_test(named_twice),
	    cmocka_unit_test(lost_connection),
	    cmocka_unit_test(many_recipients),
	    cmocka_unit_test(refused_by_recipient),
	    cmocka_unit_test(forged_ends_the_session),
	    cmocka_unit_test(forged_from),
	    cmocka_unit_test(forged_without_limit),
	    cmocka_unit_test(banned_users),
	    cmocka_unit_test(used_up),
	    cmocka_unit_test(ids_alone_do_not_count),
	    cmocka_unit_test(counted_once_a_message),
	    cmocka_unit_test(used_up_in_between),
	    cmocka_unit_test(replays_not_counted),
	    cmocka_unit_test(replays_of_our_own),
	    cmocka_unit_test(odd_orders),
	    cmocka_unit_test(changes_that_failed),
	    cmocka_unit_test(lost_connection),
	};
	const struct log_options quiet = {
	    .program = "session", .to = LOG_TO_STDERR, .level = LEVEL_ERROR};

	log_open(&quiet);
	return cmocka_run_group_tests_name(
	    "session", tests, scratch_setup, scratch_teardown);
}
