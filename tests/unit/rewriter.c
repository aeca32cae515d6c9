/* SPDX-License-Identifier: ISC */
/*
 * rewrite/rewriter.h: every reason not to make one, and what settings become.
 */
#include "tests/unit/rewriters.h"

/* What the message about pysrs's own secret ends with. */
#define PUBLISHED                                                      \
	"pysrs: anybody can forge its addresses; replace it with the " \
	"output of srs keygen (mailfrom-srs(7) describes the move)\n"

#define D "fwdomain=srs.example.com\n"
#define UNSET \
	"warning: t.conf: fwdomain: not set: no sender will be rewritten\n"

static const struct {
	const char *name, *lines;
	bool ok;
	const char *said;
} rows[] = {
    {"least", D, true, ""},
    {"all",
	D
	"own_domains=example.com\nses=s.example\nsign=t.example\n"
	"nosrs=n.example\nexclude_senders=e.example\n"
	"include_senders=i.example\nforward_domains=f.example\nexclude_recipients=r.example\n"
	"hash_length=27\nhash_min=4\nmax_age=500\nfuture_days=30\n"
	"separator=+\nhash_alphabet=base64\nses_server=255\n"
	"always_rewrite=yes\nskip_if_spf_passes=no\n"
	"outbound_addresses=192.0.2.1\nhelo_name=mail.example.com",
	true, ""},
    {"no fwdomain", "", true, UNSET},
    {"fwdomain not reversed", D "srs_domains=other.example\n", true,
	"warning: t.conf:3: srs_domains: does not contain srs.example.com "
	"(fwdomain): bounces to it will not be restored\n"},
    {"a customer's not reversed",
	"fwdomain=srs.example.com, c.example=srs.c.example\n"
	"srs_domains=srs.example.com\n",
	true,
	"warning: t.conf:3: srs_domains: does not contain srs.c.example "
	"(fwdomain): bounces to it will not be restored\n"},
    {"fwdomain for some only", "fwdomain=customer.example=srs.customer.example",
	true,
	"warning: t.conf:2: fwdomain: no default domain: mail that none of the "
	"listed domains forwards will not be rewritten\n"},
    {"fwdomain for some too",
	"fwdomain=a.example=s.a.example, s.example, b.example = s.b.example",
	true, ""},
    {"blanks as commas",
	"fwdomain=a.example=s.a.example s.example\tb.example =s.b.example\n"
	"own_domains=.example.com example.org\n",
	true, ""},
    {"two defaults", "\nfwdomain=s.example, t.example\n", false,
	"error: t.conf:3: fwdomain: more than one default domain; write the others as FORWARDING=DOMAIN\n"},
#define FWDOMAIN                                                        \
	"error: t.conf:2: fwdomain: not a domain (srs.example.com) or " \
	"FORWARDING=DOMAIN: "
#define ONLY "a domain has letters, digits, \"-\", \"_\" and dots only\n"
#define EMPTY                                                      \
	"it has an empty label: two dots in a row, or one at the " \
	"start\n"
    {"fwdomain without a dot", "fwdomain=localhost", false,
	FWDOMAIN "\"localhost\"; it has no dot\n"},
    {"fwdomain a literal name", "fwdomain=$myhostname.example", false,
	FWDOMAIN "\"$myhostname.example\"; " ONLY},
    {"fwdomain an address", "fwdomain=a@s.example", false,
	FWDOMAIN "\"a@s.example\"; it is an address\n"},
    {"fwdomain with a blank", "fwdomain=s. example", false,
	FWDOMAIN "\"s.\"; it has no dot\n" FWDOMAIN
		 "\"example\"; it has no dot\n"},
    {"fwdomain with a dot first", "fwdomain=.s.example", false,
	FWDOMAIN "\".s.example\"; " EMPTY},
    {"fwdomain in quotes", "fwdomain=\"s.example\"", false,
	FWDOMAIN "\"\"s.example\"\"; write s.example\n"},
    {"fwdomain in typographic quotes",
	"fwdomain=\xe2\x80\x9cs.example\xe2\x80\x9d", false,
	FWDOMAIN "\"\xe2\x80\x9cs.example\xe2\x80\x9d\"; write s.example\n"},
    {"forwarding domain bad", "fwdomain=a=s.example", false,
	FWDOMAIN "\"a=s.example\"; it has no dot\n"},
    {"forwarding domain empty", "fwdomain==s.example", false,
	FWDOMAIN "\"=s.example\"; it is empty\n"},
    {"SRS domain empty", "fwdomain=a.example=", false,
	FWDOMAIN "\"a.example=\"; it is empty\n"},
    {"two equals signs", "fwdomain=a.example=b.example=c.example", false,
	FWDOMAIN "\"a.example=b.example=c.example\"; " ONLY},

    {"hash_min above", D "hash_length=6\nhash_min=7\n", false,
	"error: t.conf:4: hash_min: above hash_length\n"},
    {"hash_min above the default", D "hash_min=7\n", false,
	"error: t.conf:3: hash_min: above hash_length\n"},
    {"hash too short", D "hash_length=3\n", false,
	"error: t.conf:3: hash_length: not a number from 4 to 27: \"3\"\n"},
    {"hash too long", D "hash_length=28\n", false,
	"error: t.conf:3: hash_length: not a number from 4 to 27: \"28\"\n"},
    {"age", D "max_age=501\n", false,
	"error: t.conf:3: max_age: not a number from 1 to 500: \"501\"\n"},
    {"server", D "ses_server=256\n", false,
	"error: t.conf:3: ses_server: not a number from 0 to 255: "
	"\"256\"\n"},
    {"separator", D "separator=*\n", false,
	"error: t.conf:3: separator: not one of =, +, -: \"*\"\n"},

    {"no secret", D "secret_file=\n", false,
	"error: t.conf:3: secret_file: not set; create a secret with: srs keygen\n"},
    {"secret file missing", D "secret_file=DIR/none\n", false,
	"error: DIR/none: cannot read secrets: No such file or "
	"directory\n"},
    {"secret file empty", D "secret_file=DIR/empty\n", false,
	"error: DIR/empty: contains no secret; create one with: srs keygen > "
	"DIR/empty\n"},
    {"secret short", D "secret_file=DIR/short\n", false,
	"error: t.conf:3: secret_file: the secret is too short (minimum 12 bytes); use the output of srs keygen\n"},
    {"second secret short", D "secret_file=DIR/second\n", false,
	"error: t.conf:3: secret_file: the secret is too short (minimum 12 bytes); use the output of srs keygen\n"},
    {"secret published", D "secret_file=DIR/published\n", false,
	"error: t.conf:3: secret_file: the secret is the one published with " PUBLISHED},
    {"secret too long", D "secret_file=DIR/long\n", false,
	"error: t.conf:3: secret_file: a secret is too long, or there are "
	"too many\n"},
    {"too many secrets", D "secret_file=DIR/many\n", false,
	"error: t.conf:3: secret_file: a secret is too long, or there are "
	"too many\n"},
    {"secret in the configuration", D "secret=a secret of mine\n", false,
	"error: t.conf:3: srs: unknown key in this section: \"secret\"\n"},
    {"readable by all", D "secret_file=DIR/readable\n", false,
	"error: t.conf:3: secret_file: DIR/readable is accessible to "
	"all users; fix with: chown root:mailfrom DIR/readable && "
	"chmod 0640 DIR/readable\n"},
    {"writable by all", D "secret_file=DIR/writable\n", false,
	"error: t.conf:3: secret_file: DIR/writable is accessible to "
	"all users; fix with: chown root:mailfrom DIR/writable && "
	"chmod 0640 DIR/writable\n"},
    {"group may read", D "secret_file=DIR/group\n", true, ""},
};

static void
write_secrets(void)
{
	static char many[65 * 20 + 1], long_one[4097];
	size_t len = 0;

	for (int i = 0; i < 65; i++)
		len += (size_t)snprintf(many + len, sizeof(many) - len,
		    "secret number %d\n", 1000 + i);
	memset(long_one, 'x', sizeof(long_one));
	scratch_write("empty", MF_TEXT(""), 0600);
	scratch_write("short", MF_TEXT("short\n"), 0600);
	scratch_write("second", MF_TEXT("a secret of good length\nx\n"), 0600);
	scratch_write("published", MF_TEXT("shhhh!\n"), 0600);
	scratch_write("many", mf_text_at(many, len), 0600);
	scratch_write("long", mf_text_at(long_one, sizeof(long_one)), 0600);
	scratch_write("readable", MF_TEXT("a secret of good length\n"), 0644);
	scratch_write("writable", MF_TEXT("a secret of good length\n"), 0602);
	scratch_write("group", MF_TEXT("a secret of good length\n"), 0660);
}

static void
table(void **state)
{
	(void)state;
	write_secrets();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct heard heard;
		struct report report = report_to(&heard);
		struct made m;
		bool ok = make(&m, rows[i].lines, &report);

		expect_str(rows[i].name, "said", heard.text, rows[i].said);
		expect_int(rows[i].name, "ok", ok, rows[i].ok);
		expect_int(rows[i].name, "made", m.rewriter != NULL, ok);
		/* No message may tell what a secret is. */
		assert_null(strstr(heard.text, "good length"));
		unmake(&m);
	}
	rewriter_free(NULL);
}

/* A path with a dot at its end is no address (RFC 5321 2.3.5). */
static void
no_dot_is_written(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srs_addr out = {.len = 0};
	struct made m;

	(void)state;
	if (make(&m, "fwdomain=srs.example.com.\n", &report)) {
		assert_int_equal(
		    srs_encode(m.rewriter->srs, MF_TEXT("bob@example.net"),
			rewriter_domain(m.rewriter, MF_TEXT("")), NOW, &out),
		    SRS_OK);
		assert_true(out.text[out.len - 1] != '.');
	}
	unmake(&m);
}

static void
domain_by_forwarding_domain(void **state)
{
	static const struct {
		const char *forwarding, *expect;
	} asked[] = {
	    {"", "s.example"},
	    {"other.example", "s.example"},
	    {"a.example", "srs.a.example"},
	    {"A.Example", "srs.a.example"},
	    {"b.example", "srs.b.example"},
	    {"x.a.example", "s.example"},
	};
	struct made m;

	(void)state;
	make_well(&m,
	    "fwdomain=a.example=srs.a.example, s.example,\n"
	    " b.example = srs.b.example");
	for (size_t i = 0; i < COUNT(asked); i++)
		expect_text(asked[i].forwarding, "domain",
		    rewriter_domain(
			m.rewriter, mf_text_of(asked[i].forwarding)),
		    mf_text_of(asked[i].expect));
	unmake(&m);
}

static void
srs_domains_by_default(void **state)
{
	static const char *const in[] = {"s.example", "srs.a.example",
	    "ses.example", "x.ses.example", "sign.example"};
	static const char *const not_in[] = {
	    "a.example", "own.example", "x.s.example", "only.example"};
	static const char *const named[] = {
	    "srs.example.com", "only.example", "ses.example"};
	struct made m;

	(void)state;
	make_well(&m,
	    "fwdomain=s.example, a.example=srs.a.example\n"
	    "ses=ses.example, .ses.example\nsign=sign.example\n"
	    "own_domains=own.example");
	for (size_t i = 0; i < COUNT(in); i++)
		assert_true(list_has_domain(
		    &m.rewriter->srs_domains, mf_text_of(in[i])));
	for (size_t i = 0; i < COUNT(not_in); i++)
		assert_false(list_has_domain(
		    &m.rewriter->srs_domains, mf_text_of(not_in[i])));
	unmake(&m);
	/* If it is set, it is all there is. */
	make_well(
	    &m, D "srs_domains=srs.example.com, only.example\nses=ses.example");
	assert_true(
	    list_has_domain(&m.rewriter->srs_domains, MF_TEXT("only.example")));
	assert_false(
	    list_has_domain(&m.rewriter->srs_domains, MF_TEXT("ses.example")));
	unmake(&m);
	/* "*" adds to them. */
	make_well(&m, D "srs_domains=*, only.example\nses=ses.example");
	for (size_t i = 0; i < COUNT(named); i++)
		assert_true(list_has_domain(
		    &m.rewriter->srs_domains, mf_text_of(named[i])));
	assert_false(
	    list_has_domain(&m.rewriter->srs_domains, MF_TEXT("x.example")));
	assert_true(m.rewriter->any_srs_domain);
	unmake(&m);
}

static enum srs_status
decode(const struct made *m, const char *address, uint64_t now)
{
	struct srs_addr out;

	return srs_decode(
	    m->rewriter->srs, mf_text_of(address), now, &out, NULL);
}

/* What the keys of the table do to the codec, by its answers. */
static void
settings_reach_the_codec(void **state)
{
	struct srs_addr out;
	struct made m;

	(void)state;
	make_well(&m,
	    D "separator=+\nhash_length=8\nhash_min=5\n"
	      "hash_alphabet=base64\nmax_age=2\nfuture_days=0\n");
	assert_int_equal(srs_encode(m.rewriter->srs, MF_TEXT("bob@example.net"),
			     m.rewriter->fwdomain, NOW, &out),
	    SRS_OK);
	assert_string_equal(
	    out.text, "SRS0+msJqy39c=G3=example.net=bob@srs.example.com");
	assert_int_equal(
	    decode(&m, "SRS0=msJqy=G3=example.net=bob@d.example", NOW), SRS_OK);
	assert_int_equal(
	    decode(&m, "SRS0=msJq=G3=example.net=bob@d.example", NOW),
	    SRS_SHORT_HASH);
	assert_int_equal(decode(&m, out.text, NOW + 2 * DAY), SRS_OK);
	assert_int_equal(decode(&m, out.text, NOW + 3 * DAY), SRS_EXPIRED);
	assert_int_equal(decode(&m, out.text, NOW - DAY), SRS_FUTURE);
	unmake(&m);
	make_well(&m, D);
	assert_int_equal(decode(&m, out.text, NOW - DAY), SRS_OK);
	assert_int_equal(decode(&m, out.text, NOW - 2 * DAY), SRS_FUTURE);
	assert_int_equal(decode(&m, out.text, NOW + 21 * DAY), SRS_OK);
	assert_int_equal(decode(&m, out.text, NOW + 22 * DAY), SRS_EXPIRED);
	assert_null(m.rewriter->ses_legacy);
	unmake(&m);
}

/* The first secret signs, all verify. */
static void
secrets_in_their_order(void **state)
{
	struct srs_addr out;
	struct made m;

	(void)state;
	scratch_write(
	    "two", MF_TEXT("a new one of the tests\n" SECRET "\n"), 0600);
	make_well(&m, D "secret_file=DIR/two");
	assert_int_equal(srs_encode(m.rewriter->srs, MF_TEXT("bob@example.net"),
			     m.rewriter->fwdomain, NOW, &out),
	    SRS_OK);
	assert_string_not_equal(
	    out.text, "SRS0=msJqy3=G3=example.net=bob@srs.example.com");
	assert_int_equal(decode(&m, out.text, NOW), SRS_OK);
	assert_int_equal(
	    decode(&m, "SRS0=msJqy3=G3=example.net=bob@srs.example.com", NOW),
	    SRS_OK);
	unmake(&m);
	make_well(&m, D "secret_file=DIR/two\nsecret_line_end=yes");
	assert_int_equal(
	    decode(&m, "SRS0=msJqy3=G3=example.net=bob@srs.example.com", NOW),
	    SRS_BAD_HASH);
	unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(no_dot_is_written),
	    cmocka_unit_test(domain_by_forwarding_domain),
	    cmocka_unit_test(srs_domains_by_default),
	    cmocka_unit_test(settings_reach_the_codec),
	    cmocka_unit_test(secrets_in_their_order),
	};

	return cmocka_run_group_tests_name(
	    "rewriter", tests, scratch_setup, scratch_teardown);
}
