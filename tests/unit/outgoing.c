/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/outgoing.h: whether a message gets another sender.
 *
 * What becomes of a sender that is forwarded is rewrite/policy.h's to say, and
 * tests/unit/policy.c's to test.
 */
#include "tests/unit/srsmilters.h"

#include "srsmilter/outgoing.h"

#define D      "fwdomain=srs.example.com\n"
#define SIGN   D "ses=ses.example\nsign=sign.example\n"
#define ALL    "@\nrewrite=all\n"
#define MAILER "@\nrewrite=remote_mailer\n"
#define KEEP   ALL "mixed_recipients=keep\n"

#define BOB    "bob@example.net"
#define SRS0   "SRS0=msJqy3=G3=example.net=bob@srs.example.com"
#define SES    "SES=BZEUL0UYG_C4XQVF-P=carol@ses.example"
#define SIGNED "SRS0=u_37K-=G3==dave@sign.example"

static const struct row {
	const char *name, *lines, *sender;
	enum origin origin;
	unsigned local, forwarded, excluded;
	const char *reason;
	const char *to; /* NULL: it stays */
	bool mixed;
} rows[] = {
    {"forwarded", D ALL, BOB, ORIGIN_OUTSIDE, 0, 1, 0, "forwarded", SRS0,
	false},
    {"forwarded to many", D ALL, BOB, ORIGIN_OUTSIDE, 0, 70, 0, "forwarded",
	SRS0, false},
    {"by way of a trusted relay", D ALL, BOB, ORIGIN_TRUSTED_RELAY, 0, 1, 0,
	"forwarded", SRS0, false},
    {"authenticated", D ALL, BOB, ORIGIN_AUTHENTICATED, 0, 1, 0,
	"authenticated", NULL, false},
    {"internal", D ALL, BOB, ORIGIN_INTERNAL, 0, 1, 0, "internal", NULL, false},
    {"local recipients", D ALL, BOB, ORIGIN_OUTSIDE, 3, 0, 0, "not_forwarded",
	NULL, false},
    {"no recipients", D ALL, BOB, ORIGIN_OUTSIDE, 0, 0, 0, "not_forwarded",
	NULL, false},
    {"excluded recipients", D ALL, BOB, ORIGIN_OUTSIDE, 0, 0, 2,
	"recipient_excluded", NULL, false},
    {"excluded and local", D ALL, BOB, ORIGIN_OUTSIDE, 1, 0, 2,
	"recipient_excluded", NULL, false},
    {"off", D "@\nrewrite=none\n", BOB, ORIGIN_OUTSIDE, 1, 0, 0, "rewrite_none",
	NULL, false},
    {"off, ses", SIGN "@\nrewrite=none\n", "carol@ses.example",
	ORIGIN_AUTHENTICATED, 1, 0, 0, "rewrite_none", NULL, false},

    /* null senders, whoever has them, wherever they go */
    {"null sender", D ALL, "", ORIGIN_OUTSIDE, 0, 1, 0, "null_sender", NULL,
	false},
    {"null sender, internal", D ALL, "", ORIGIN_INTERNAL, 0, 1, 0,
	"null_sender", NULL, false},
    {"null sender, mixed", D ALL, "", ORIGIN_OUTSIDE, 1, 1, 1, "null_sender",
	NULL, false},
    {"null sender, always_rewrite", D "always_rewrite=yes\n" ALL, "",
	ORIGIN_OUTSIDE, 0, 1, 0, "null_sender", NULL, false},

    /* ours are signed */
    {"ses", SIGN ALL, "carol@ses.example", ORIGIN_OUTSIDE, 0, 1, 0,
	"ses_signed", SES, false},
    {"ses, authenticated", SIGN ALL, "carol@ses.example", ORIGIN_AUTHENTICATED,
	0, 1, 0, "ses_signed", SES, false},
    {"sign, internal", SIGN ALL, "dave@sign.example", ORIGIN_INTERNAL, 0, 1, 0,
	"signed", SIGNED, false},
    {"sign, but local", SIGN ALL, "dave@sign.example", ORIGIN_INTERNAL, 1, 0, 0,
	"not_forwarded", NULL, false},
    {"ses, mixed, keep", SIGN KEEP, "carol@ses.example", ORIGIN_INTERNAL, 1, 1,
	0, "ses_signed", SES, true},
    {"signed already, authenticated", SIGN ALL, SES, ORIGIN_AUTHENTICATED, 0, 1,
	0, "own_srs", NULL, false},

    /* mixed */
    {"mixed, local", D ALL, BOB, ORIGIN_OUTSIDE, 1, 1, 0, "forwarded", SRS0,
	true},
    {"mixed, excluded", D ALL, BOB, ORIGIN_OUTSIDE, 0, 1, 1, "forwarded", SRS0,
	true},
    {"mixed, keep", D KEEP, BOB, ORIGIN_OUTSIDE, 1, 1, 0, "mixed_recipients",
	NULL, true},
    {"mixed, excluded, keep", D KEEP, BOB, ORIGIN_OUTSIDE, 0, 1, 1,
	"mixed_recipients", NULL, true},
    {"not mixed, keep", D KEEP, BOB, ORIGIN_OUTSIDE, 0, 2, 0, "forwarded", SRS0,
	false},

    /* and what the policy has to say */
    {"own domain", D "own_domains=example.net\n" ALL, BOB, ORIGIN_OUTSIDE, 0, 1,
	0, "own_domain", NULL, false},
    {"own SRS", D ALL, SRS0, ORIGIN_OUTSIDE, 0, 1, 0, "own_srs", NULL, false},
    {"foreign SRS0", D ALL, "SRS0=HHHH=TT=host.example=user@first.example",
	ORIGIN_OUTSIDE, 0, 1, 0, "forwarded",
	"SRS1=4hWf9R=first.example==HHHH=TT=host.example=user@srs.example.com",
	false},
    {"excluded sender", D "exclude_senders=bob@\n" ALL, BOB, ORIGIN_OUTSIDE, 0,
	1, 0, "sender_excluded", NULL, false},
    {"not included", D "include_senders=example.org\n" ALL, BOB, ORIGIN_OUTSIDE,
	0, 1, 0, "sender_not_included", NULL, false},
    {"too long", D ALL,
	"a-local-part-of-forty-nine-octets-is-one-too-many-x@example.net",
	ORIGIN_OUTSIDE, 0, 1, 0, "too_long", NULL, false},
    {"no address", D ALL, "bob@", ORIGIN_OUTSIDE, 0, 1, 0, "bad_address", NULL,
	false},
    {"unqualified", D ALL, "bob", ORIGIN_OUTSIDE, 0, 1, 0, "unqualified", NULL,
	false},
};

static void
decide(const struct srsmilter_config *c, const struct row *row,
    const struct outgoing_facts *more, struct outgoing *out)
{
	struct outgoing_facts facts = *more;

	facts.sender = mf_text_of(row->sender);
	facts.origin = row->origin;
	facts.recipients[DESTINATION_LOCAL] = row->local;
	facts.recipients[DESTINATION_FORWARDED] = row->forwarded;
	facts.recipients[DESTINATION_EXCLUDED] = row->excluded;
	facts.message_id = 7;
	facts.now_sec = NOW;
	outgoing_decide(c, &facts, out);
}

static void
expect_outgoing(const struct row *row, const struct outgoing *out)
{
	bool failed = strcmp(row->reason, "too_long") == 0 ||
	    strcmp(row->reason, "bad_address") == 0;

	expect_str(row->name, "reason", outgoing_reason_text(out), row->reason);
	expect_int(
	    row->name, "changes", outgoing_changes(out), row->to != NULL);
	expect_int(row->name, "failed", outgoing_failed(out), failed);
	expect_int(row->name, "mixed", out->mixed, row->mixed);
	if (row->to != NULL)
		expect_str(row->name, "to", out->result.address.text, row->to);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct srsmilter_config *c = config_well(rows[i].lines);
		struct outgoing out;

		decide(
		    c, &rows[i], &(struct outgoing_facts){.now_sec = 0}, &out);
		expect_outgoing(&rows[i], &out);
		config_release(c);
	}
}

/* sendmail tells of senders too: to a local one it would deliver itself. */
static void
senders_by_mailer(void **state)
{
	static const struct {
		const char *lines, *mailer;
		struct row row;
	} cases[] = {
	    {D MAILER, "local",
		{"local", NULL, BOB, ORIGIN_OUTSIDE, 0, 1, 0, "local_sender",
		    NULL, false}},
	    {D MAILER, "esmtp",
		{"remote", NULL, BOB, ORIGIN_OUTSIDE, 0, 1, 0, "forwarded",
		    SRS0, false}},
	    {D MAILER, NULL,
		{"not told", NULL, BOB, ORIGIN_OUTSIDE, 0, 1, 0, "forwarded",
		    SRS0, false}},
	    {D ALL, "local",
		{"another mode", NULL, BOB, ORIGIN_OUTSIDE, 0, 1, 0,
		    "forwarded", SRS0, false}},
	    {SIGN MAILER, "local",
		{"signed all the same", NULL, "dave@sign.example",
		    ORIGIN_OUTSIDE, 0, 1, 0, "signed", SIGNED, false}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct srsmilter_config *c = config_well(cases[i].lines);
		struct outgoing out;

		decide(c, &cases[i].row,
		    &(struct outgoing_facts){
			.sender_mailer = mf_text_of(cases[i].mailer)},
		    &out);
		expect_outgoing(&cases[i].row, &out);
		config_release(c);
	}
}

static void
forwarding_domain_chooses_the_srs_domain(void **state)
{
	static const struct row row = {"customer", NULL, BOB, ORIGIN_OUTSIDE, 0,
	    1, 0, "forwarded",
	    "SRS0=msJqy3=G3=example.net=bob@srs.customer.example", false};
	struct srsmilter_config *c =
	    config_well("fwdomain=srs.example.com, customer.example="
			"srs.customer.example\n" ALL);
	struct outgoing out;

	(void)state;
	decide(c, &row,
	    &(struct outgoing_facts){
		.forwarding_domain = MF_TEXT("Customer.Example")},
	    &out);
	expect_outgoing(&row, &out);
	config_release(c);
}

static void
words(void **state)
{
	const char *seen[32];
	size_t count = 0;

	(void)state;
	for (int r = POLICY_FORWARDED; r <= POLICY_EXPIRED; r++)
		seen[count++] = outgoing_reason_text(
		    &(struct outgoing){.result.reason = (enum policy_reason)r});
	for (int v = OUTGOING_BY_POLICY + 1; v <= OUTGOING_MIXED; v++)
		seen[count++] = outgoing_reason_text(
		    &(struct outgoing){.verdict = (enum outgoing_verdict)v});
	assert_true(count <= COUNT(seen));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(senders_by_mailer),
	    cmocka_unit_test(forwarding_domain_chooses_the_srs_domain),
	    cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name(
	    "outgoing", tests, scratch_setup, scratch_teardown);
}
