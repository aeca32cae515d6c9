/* SPDX-License-Identifier: ISC */
/*
 * rewrite/policy.h: a row for each rule, in the order in which they stand.
 *
 * Signed addresses were computed apart from libsrs, with Python's hmac.
 */
#include "tests/unit/rewriters.h"

#include "rewrite/policy.h"

#define D    "fwdomain=srs.example.com\n"
#define BOB  "bob@example.net"
#define SRS0 "SRS0=msJqy3=G3=example.net=bob@srs.example.com"

/* Of 22 days ago, and what becomes of it if it is forwarded again. */
#define OLD "SRS0=jgq36T=GF=example.net=bob@srs.example.com"
#define OLD_SRS1                                                 \
	"SRS1=sSOCnH=srs.example.com==jgq36T=GF=example.net=bob" \
	"@srs.example.com"
#define FOREIGN "SRS0=HHHH=TT=host.example=user@first.example"
#define FOREIGN_SRS1 \
	"SRS1=4hWf9R=first.example==HHHH=TT=host.example=user@srs.example.com"
#define SES     "SES=BZEUL0UYG_C4XQVF-P=carol@ses.example"
#define SES_OLD "SES=BTSGOD9N2HZ7FYVGVE=carol@ses.example"
#define SIGNED  "SRS0=u_37K-=G3==dave@sign.example"
#define SIGN    D "ses=ses.example\nsign=sign.example\n"

static const struct forward_row {
	const char *name, *lines, *sender, *host, *forwarding;
	enum policy_reason reason;
	const char *expect;
} forward_rows[] = {
    /* null sender, before everything */
    {"null", D, "", "", "", POLICY_NULL_SENDER, ""},
    {"null, @ alone", D, "@", "", "", POLICY_NULL_SENDER, ""},
    {"null before nosrs", D "nosrs=n.example", "", "n.example", "",
	POLICY_NULL_SENDER, ""},

    /* no domain */
    {"unqualified", D, "bob", "", "", POLICY_UNQUALIFIED, ""},
    {"domain alone", D, "@example.net", "", "", POLICY_UNQUALIFIED, ""},
    {"unqualified before nosrs", D "nosrs=n.example", "bob", "n.example", "",
	POLICY_UNQUALIFIED, ""},

    /* nosrs, exclude_recipients */
    {"nosrs", D "nosrs=n.example", BOB, "n.example", "",
	POLICY_RECIPIENT_EXCLUDED, ""},
    {"nosrs with a dot", D "nosrs=n.example", BOB, "N.Example.", "",
	POLICY_RECIPIENT_EXCLUDED, ""},
    {"nosrs, another", D "nosrs=n.example", BOB, "x.n.example", "",
	POLICY_FORWARDED, SRS0},
    {"nosrs, unknown", D "nosrs=n.example", BOB, "", "", POLICY_FORWARDED,
	SRS0},
    {"exclude_recipients", D "exclude_recipients=.r.example", BOB,
	"mx.r.example", "", POLICY_RECIPIENT_EXCLUDED, ""},
    {"both, the first", D "exclude_recipients=r.example\nnosrs=n.example", BOB,
	"r.example", "", POLICY_RECIPIENT_EXCLUDED, ""},
    {"both, the second", D "exclude_recipients=r.example\nnosrs=n.example", BOB,
	"n.example", "", POLICY_RECIPIENT_EXCLUDED, ""},
    {"both, the other way round",
	D "nosrs=n.example\nexclude_recipients=r.example", BOB, "n.example", "",
	POLICY_RECIPIENT_EXCLUDED, ""},
    {"nosrs before own SRS", D "nosrs=n.example", SRS0, "n.example", "",
	POLICY_RECIPIENT_EXCLUDED, ""},
    {"nosrs before ses", SIGN "nosrs=n.example", "carol@ses.example",
	"n.example", "", POLICY_RECIPIENT_EXCLUDED, ""},

    /* valid own signatures */
    {"own SRS0", D, SRS0, "", "", POLICY_OWN_SRS, ""},
    {"own SRS0, lower case", D,
	"srs0=msjqy3=g3=example.net=bob@srs.example.com", "", "",
	POLICY_OWN_SRS, ""},
    {"own SRS0 with always_rewrite", D "always_rewrite=yes", SRS0, "", "",
	POLICY_OWN_SRS, ""},
    {"own SRS1", D, FOREIGN_SRS1, "", "", POLICY_OWN_SRS, ""},
    {"own SES", SIGN, SES, "", "", POLICY_OWN_SRS, ""},
    {"own sign form", SIGN, SIGNED, "", "", POLICY_OWN_SRS, ""},

    /* those that aren't valid are addresses like any */
    {"own, expired", D, OLD, "", "", POLICY_OWN_DOMAIN, ""},
    {"own, expired, always_rewrite", D "always_rewrite=yes", OLD, "", "",
	POLICY_FORWARDED, OLD_SRS1},
    {"own, forged", D, "SRS0=XXXXXX=G3=example.net=bob@srs.example.com", "", "",
	POLICY_OWN_DOMAIN, ""},

    /* ses, sign */
    {"ses", SIGN, "carol@ses.example", "", "", POLICY_SES_SIGNED, SES},
    {"ses before own_domains", SIGN "own_domains=ses.example",
	"carol@ses.example", "", "", POLICY_SES_SIGNED, SES},
    {"ses before exclude_senders", SIGN "exclude_senders=ses.example",
	"carol@ses.example", "", "", POLICY_SES_SIGNED, SES},
    {"sign", SIGN, "dave@sign.example", "", "", POLICY_SIGNED, SIGNED},
    {"sign before own_domains", SIGN "own_domains=sign.example",
	"dave@sign.example", "", "", POLICY_SIGNED, SIGNED},
    {"both: ses", D "ses=ses.example\nsign=ses.example", "carol@ses.example",
	"", "", POLICY_SES_SIGNED, SES},

    /* own_domains, the SRS domain itself */
    {"own domain", D "own_domains=example.net", BOB, "", "", POLICY_OWN_DOMAIN,
	""},
    {"own domain's subdomain", D "own_domains=example.net", "bob@x.example.net",
	"", "", POLICY_FORWARDED, "SRS0=@srs.example.com"},
    {"the SRS domain", D, "bob@SRS.example.com", "", "", POLICY_OWN_DOMAIN, ""},
    {"another SRS domain", D "srs_domains=also.example", "bob@also.example", "",
	"", POLICY_OWN_DOMAIN, ""},
    {"any domain isn't every sender's", D "srs_domains=*", BOB, "", "",
	POLICY_FORWARDED, SRS0},
    {"the SRS domain, any", D "srs_domains=*", "bob@srs.example.com", "", "",
	POLICY_OWN_DOMAIN, ""},
    {"the SRS domain, not in srs_domains", D "srs_domains=also.example",
	"bob@srs.example.com", "", "", POLICY_OWN_DOMAIN, ""},
    {"the SRS domain of the forwarding domain",
	"fwdomain=srs.example.com, c.example=d.example\n"
	"srs_domains=srs.example.com",
	"bob@d.example", "", "c.example", POLICY_OWN_DOMAIN, ""},
    {"the SRS domain, always_rewrite", D "always_rewrite=yes",
	"bob@srs.example.com", "", "", POLICY_FORWARDED,
	"SRS0=@srs.example.com"},
    {"own domain before exclude_senders",
	D "own_domains=example.net\nexclude_senders=example.net", BOB, "", "",
	POLICY_OWN_DOMAIN, ""},

    /* exclude_senders before include_senders */
    {"excluded domain", D "exclude_senders=example.net", BOB, "", "",
	POLICY_SENDER_EXCLUDED, ""},
    {"excluded address", D "exclude_senders=bob@example.net",
	"Bob+x@example.net", "", "", POLICY_SENDER_EXCLUDED, ""},
    {"another address", D "exclude_senders=rob@example.net", BOB, "", "",
	POLICY_FORWARDED, SRS0},
    {"not included", D "include_senders=example.org", BOB, "", "",
	POLICY_SENDER_NOT_INCLUDED, ""},
    {"included", D "include_senders=example.org, example.net", BOB, "", "",
	POLICY_FORWARDED, SRS0},
    {"included and excluded",
	D "include_senders=example.net\nexclude_senders=bob@", BOB, "", "",
	POLICY_SENDER_EXCLUDED, ""},

    /* by forwarding domain */
    {"forwarding domain", D "", BOB, "", "", POLICY_FORWARDED, SRS0},
    {"its SRS domain",
	"fwdomain=srs.example.com, c.example=srs.customer.example", BOB, "",
	"C.Example", POLICY_FORWARDED,
	"SRS0=msJqy3=G3=example.net=bob@srs.customer.example"},
    {"another's", "fwdomain=srs.example.com, c.example=srs.customer.example",
	BOB, "", "d.example", POLICY_FORWARDED, SRS0},
    {"none for it", "fwdomain=c.example=srs.customer.example", BOB, "",
	"d.example", POLICY_NO_FWDOMAIN, ""},
    {"no fwdomain", "", BOB, "", "", POLICY_NO_FWDOMAIN, ""},
    {"forward_domains", D "forward_domains=c.example, .c.example", BOB, "",
	"x.C.example", POLICY_FORWARDED, SRS0},
    {"not in forward_domains", D "forward_domains=c.example", BOB, "",
	"d.example", POLICY_FORWARDER_NOT_INCLUDED, ""},
    {"unknown forwarder", D "forward_domains=c.example", BOB, "", "",
	POLICY_FORWARDED, SRS0},
    {"not in forward_domains, but ses",
	"forward_domains=c.example\nses=ses.example", "carol@ses.example", "",
	"d.example", POLICY_SES_SIGNED, SES},
    {"no fwdomain, but ses", "ses=ses.example", "carol@ses.example", "", "",
	POLICY_SES_SIGNED, SES},

    /* and then: rewritten */
    {"forwarded", D, BOB, "next.example", "", POLICY_FORWARDED, SRS0},
    {"case is kept", D, "Bob.Smith@Example.NET", "", "", POLICY_FORWARDED,
	"SRS0=yPsXf6=G3=Example.NET=Bob.Smith@srs.example.com"},
    {"foreign SRS0", D, FOREIGN, "", "", POLICY_FORWARDED, FOREIGN_SRS1},
    {"foreign SRS0, other separator", D,
	"SRS0+HHHH=TT=host.example=user@first.example", "", "",
	POLICY_FORWARDED,
	"SRS1=Cu3C2g=first.example=+HHHH=TT=host.example=user"
	"@srs.example.com"},
    {"foreign SRS1", D,
	"SRS1=AAAA=first.example==HHHH=TT=host.example=user@second.example", "",
	"", POLICY_FORWARDED, FOREIGN_SRS1},

    /* what can't be */
    {"too long", D,
	"a-local-part-of-forty-nine-octets-is-one-too-many-x@example.net", "",
	"", POLICY_TOO_LONG, ""},
    {"too long to sign", SIGN,
	"a-local-part-of-sixty-octets-has-no-room-for-a-signature-now"
	"@sign.example",
	"", "", POLICY_TOO_LONG, ""},
    {"too long for SES", SIGN,
	"a-local-part-of-sixty-octets-has-no-room-for-a-signature-now"
	"@ses.example",
	"", "", POLICY_TOO_LONG, ""},
    {"controls", D, "bo\nb@example.net", "", "", POLICY_BAD_ADDRESS, ""},
    {"no domain behind @", D, "bob@", "", "", POLICY_BAD_ADDRESS, ""},
};

/* "SRS0=@domain" expects any SRS0 address there. */
static void
expect_address(const char *name, struct mf_text have, const char *want)
{
	struct mf_text domain = text_from(mf_text_of(want), 5);

	if (text_starts(mf_text_of(want), MF_TEXT("SRS0=@"))) {
		assert_true(text_starts(have, MF_TEXT("SRS0=")));
		assert_true(text_ends_fold(have, domain));
		return;
	}
	expect_text(name, "address", have, mf_text_of(want));
}

static void
forward(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forward_rows); i++) {
		const struct forward_row *row = &forward_rows[i];
		struct policy_sender sender = {
		    .address = mf_text_of(row->sender),
		    .recipient_host = mf_text_of(row->host),
		    .forwarding_domain = mf_text_of(row->forwarding),
		    .message_id = 7,
		    .now_sec = NOW};
		struct policy_result out;
		struct heard heard;
		struct report report = report_to(&heard);
		struct made m;

		if (!make(&m, row->lines, &report))
			fail_msg("%s: %s", row->name, heard.text);
		memset(&out, 'x', sizeof(out));
		policy_forward(m.rewriter, &sender, &out);
		expect_str(row->name, "reason", policy_reason_text(out.reason),
		    policy_reason_text(row->reason));
		expect_address(row->name,
		    mf_text_at(out.address.text, out.address.len), row->expect);
		assert_int_equal(out.address.text[out.address.len], '\0');
		expect_int(row->name, "changed", policy_changed(out.reason),
		    row->expect[0] != '\0');
		/* What was planned is what came of it, unless it failed. */
		enum policy_reason plan = policy_plan(m.rewriter, &sender);
		if (policy_failed(row->reason))
			assert_true(policy_changed(plan));
		else
			expect_str(row->name, "plan", policy_reason_text(plan),
			    policy_reason_text(row->reason));
		unmake(&m);
	}
}

/* One that the gate has let pass stays as it is, with nothing left of it. */
static void
gate(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forward_rows); i++) {
		const struct forward_row *row = &forward_rows[i];
		struct policy_sender sender = {
		    .address = mf_text_of(row->sender),
		    .recipient_host = mf_text_of(row->host),
		    .forwarding_domain = mf_text_of(row->forwarding),
		    .now_sec = NOW};
		struct policy_result out;
		struct heard heard;
		struct report report = report_to(&heard);
		struct made m;

		if (row->reason != POLICY_FORWARDED)
			continue; /* it isn't asked */
		assert_true(make(&m, row->lines, &report));
		policy_forward(m.rewriter, &sender, &out);
		assert_true(policy_changed(out.reason));
		policy_spf_passes(&out);
		assert_string_equal(
		    policy_reason_text(out.reason), "spf_passes");
		assert_int_equal(out.address.len, 0);
		assert_int_equal(out.address.text[0], '\0');
		unmake(&m);
	}
}

static const struct reverse_row {
	const char *name, *lines, *address;
	int days; /* since NOW */
	enum policy_reason reason;
	const char *expect;
	/* The same asked with POLICY_ANY_DOMAIN, if that differs. */
	enum policy_reason any_reason;
	const char *any;
} reverse_rows[] = {
    {"SRS0", D, SRS0, 0, POLICY_RESTORED, BOB, 0, NULL},
    {"SRS0, last day", D, SRS0, 21, POLICY_RESTORED, BOB, 0, NULL},
    {"SRS0, expired", D, SRS0, 22, POLICY_EXPIRED, "", 0, NULL},
    {"SRS0 of tomorrow", D, SRS0, -1, POLICY_RESTORED, BOB, 0, NULL},
    {"SRS0 of the day after", D, SRS0, -2, POLICY_EXPIRED, "", 0, NULL},
    {"case smashed", D, "srs0=msjqy3=g3=example.net=bob@SRS.EXAMPLE.COM", 0,
	POLICY_RESTORED, BOB, 0, NULL},
    {"case raised", D, "SRS0=MSJQY3=G3=EXAMPLE.NET=BOB@srs.example.com", 0,
	POLICY_RESTORED, "BOB@EXAMPLE.NET", 0, NULL},
    {"SRS1", D, FOREIGN_SRS1, 0, POLICY_RESTORED, FOREIGN, 0, NULL},
    {"sign form", SIGN, SIGNED, 0, POLICY_RESTORED, "dave@sign.example", 0,
	NULL},
    {"SES", SIGN, SES, 0, POLICY_RESTORED, "carol@ses.example", 0, NULL},
    {"SES, expired", SIGN, SES_OLD, 0, POLICY_EXPIRED, "", 0, NULL},
    {"SES, forged fixed", SIGN, "SES=IEYJLRPY924__ML-W=victim@ses.example", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"SES, other local part", SIGN, "SES=BZEUL0UYG_C4XQVF-P=carl@ses.example",
	0, POLICY_BAD_SIGNATURE, "", 0, NULL},

    {"plain", D, BOB, 0, POLICY_NOT_SRS, "", 0, NULL},
    {"plain in the SRS domain", D, "bob@srs.example.com", 0, POLICY_NOT_SRS, "",
	0, NULL},
    {"null", D, "", 0, POLICY_NOT_SRS, "", 0, NULL},
    {"bare tag", D, "SRS0@srs.example.com", 0, POLICY_NOT_SRS, "", 0, NULL},

    {"foreign domain", D, FOREIGN, 0, POLICY_FOREIGN_DOMAIN, "",
	POLICY_BAD_SIGNATURE, ""},
    {"foreign domain, our hash", D,
	"SRS0=msJqy3=G3=example.net=bob@elsewhere.example", 0,
	POLICY_FOREIGN_DOMAIN, "", POLICY_RESTORED, BOB},
    {"foreign domain, SES", D, SES, 0, POLICY_FOREIGN_DOMAIN, "",
	POLICY_RESTORED, "carol@ses.example"},
    {"srs_domains", D "srs_domains=old.example, srs.example.com",
	"SRS0=msJqy3=G3=example.net=bob@old.example", 0, POLICY_RESTORED, BOB,
	0, NULL},
    {"any domain", D "srs_domains=*",
	"SRS0=msJqy3=G3=example.net=bob@elsewhere.example", 0, POLICY_RESTORED,
	BOB, 0, NULL},
    {"any domain, a foreign signature", D "srs_domains=*", FOREIGN, 0,
	POLICY_FOREIGN_DOMAIN, "", POLICY_BAD_SIGNATURE, ""},
    {"any domain, expired", D "srs_domains=*",
	"SRS0=msJqy3=G3=example.net=bob@elsewhere.example", 22,
	POLICY_FOREIGN_DOMAIN, "", POLICY_EXPIRED, ""},
    {"any domain, no address", D "srs_domains=*",
	"SRS0=msJqy3=G3=example.net@elsewhere.example", 0,
	POLICY_FOREIGN_DOMAIN, "", POLICY_BAD_ADDRESS, ""},
    {"any domain, the SRS domain's are forged", D "srs_domains=*",
	"SRS0=XXXXXX=G3=example.net=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"any domain, so are those of ses", SIGN "srs_domains=*",
	"SES=BZEUL0UYG_C4XQVF-P=carl@ses.example", 0, POLICY_BAD_SIGNATURE, "",
	0, NULL},
    {"any domain, and of those that are named too",
	D "srs_domains=* .old.example",
	"SRS0=XXXXXX=G3=example.net=bob@x.old.example", 0, POLICY_BAD_SIGNATURE,
	"", 0, NULL},
    {"any domain, all layers", D "srs_domains=*",
	"SRS1=C_aoKd=srs.example.com==msJqy3=G3=example.net=bob"
	"@elsewhere.example",
	0, POLICY_RESTORED, BOB, 0, NULL},
    {"no longer in srs_domains", D "srs_domains=old.example", SRS0, 0,
	POLICY_FOREIGN_DOMAIN, "", POLICY_RESTORED, BOB},

    {"forged", D, "SRS0=XXXXXX=G3=example.net=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"other user", D, "SRS0=msJqy3=G3=example.net=rob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"other host", D, "SRS0=msJqy3=G3=example.org=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"other day", D, "SRS0=msJqy3=G2=example.net=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"somebody's key", D, "SRS0=L8lXCh=G3=example.net=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"short hash", D, "SRS0=msJqy=G3=example.net=bob@srs.example.com", 0,
	POLICY_BAD_SIGNATURE, "", 0, NULL},
    {"no user", D, "SRS0=msJqy3=G3=example.net@srs.example.com", 0,
	POLICY_BAD_ADDRESS, "", 0, NULL},

    /* layers */
    {"SRS0 of our SES", SIGN,
	"SRS0=3VVh2G=G3=ses.example=SES=BZEUL0UYG_C4XQVF-P=carol"
	"@srs.example.com",
	0, POLICY_RESTORED, "carol@ses.example", 0, NULL},
    {"SRS0 of our signed", SIGN,
	"SRS0=ESLoE1=G3=sign.example=SRS0=u_37K-=G3==dave@srs.example.com", 0,
	POLICY_RESTORED, "dave@sign.example", 0, NULL},
    {"SRS1 of our SRS0", "fwdomain=srs.example.com, b.example=two.example.com",
	"SRS1=C_aoKd=srs.example.com==msJqy3=G3=example.net=bob"
	"@two.example.com",
	0, POLICY_RESTORED, BOB, 0, NULL},
    {"inner layer elsewhere", D "srs_domains=two.example.com",
	"SRS1=C_aoKd=srs.example.com==msJqy3=G3=example.net=bob"
	"@two.example.com",
	0, POLICY_RESTORED, SRS0, POLICY_RESTORED, BOB},
    {"inner layer expired",
	"fwdomain=srs.example.com, b.example=two.example.com",
	"SRS1=C_aoKd=srs.example.com==msJqy3=G3=example.net=bob"
	"@two.example.com",
	22, POLICY_RESTORED, SRS0, 0, NULL},
};

#define SES_BODY "BZEUL0UYG_C4XQVF-P"

/* The signature that is told is the one that was verified, as it was made. */
static const struct {
	const char *name, *lines, *address, *expect;
} signature_rows[] = {
    {"SES", SIGN, SES, SES_BODY},
    {"SES, case smashed", SIGN, "ses=bzeul0uyg_c4xqvf-p=carol@ses.example",
	SES_BODY},
    {"in SRS0", SIGN,
	"SRS0=3VVh2G=G3=ses.example=SES=" SES_BODY "=carol@srs.example.com",
	SES_BODY},
    {"SES, forged", SIGN, "SES=BZEUL0UYG_C4XQVF-Q=carol@ses.example", ""},
    {"SES, expired", SIGN, SES_OLD, ""},
    {"SES, not our domain", D, SES, ""},
    {"in SRS0, not our domain", D,
	"SRS0=3VVh2G=G3=ses.example=SES=" SES_BODY "=carol@srs.example.com",
	""},
    {"SRS0", D, SRS0, ""},
    {"plain", D, BOB, ""},
};

static void
signatures(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(signature_rows); i++) {
		const char *name = signature_rows[i].name;
		struct policy_result out;
		struct made m;

		make_well(&m, signature_rows[i].lines);
		policy_reverse(m.rewriter,
		    mf_text_of(signature_rows[i].address), POLICY_SRS_DOMAINS,
		    NOW, &out);
		expect_text(name, "signature",
		    mf_text_at(out.signature.text, out.signature.len),
		    mf_text_of(signature_rows[i].expect));
		/* Fractions of 6 hours, 21 days: max_age. */
		if (out.signature.len != 0)
			expect_int(name, "expires",
			    (long long)out.signature.expires_sec,
			    (long long)((NOW / 21600 + 84) * 21600));
		unmake(&m);
	}
}

/* One without a date is made to be used often. */
static void
fixed_signature(void **state)
{
	struct policy_result out;
	struct srs_addr fixed;
	struct made m;

	(void)state;
	make_well(&m, SIGN);
	assert_int_equal(ses_sign_fixed(m.rewriter->ses,
			     MF_TEXT("carol@ses.example"), 7, &fixed),
	    SRS_OK);
	policy_reverse(m.rewriter, mf_text_at(fixed.text, fixed.len),
	    POLICY_SRS_DOMAINS, NOW, &out);
	assert_int_equal(out.reason, POLICY_RESTORED);
	assert_int_equal(out.signature.len, 0);
	unmake(&m);
}

static void
check_reverse(const struct reverse_row *row, enum policy_scope scope)
{
	bool any = scope == POLICY_ANY_DOMAIN && row->any != NULL;
	const char *want = any ? row->any : row->expect;
	uint64_t now = NOW + (uint64_t)row->days * DAY;
	struct policy_result out;
	struct heard heard;
	struct report report = report_to(&heard);
	struct made m;

	if (!make(&m, row->lines, &report))
		fail_msg("%s: %s", row->name, heard.text);
	memset(&out, 'x', sizeof(out));
	policy_reverse(m.rewriter, mf_text_of(row->address), scope, now, &out);
	expect_str(row->name, any ? "reason, any domain" : "reason",
	    policy_reason_text(out.reason),
	    policy_reason_text(any ? row->any_reason : row->reason));
	expect_text(row->name, any ? "address, any domain" : "address",
	    mf_text_at(out.address.text, out.address.len), mf_text_of(want));
	assert_int_equal(out.address.text[out.address.len], '\0');
	unmake(&m);
}

static void
reverse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reverse_rows); i++) {
		check_reverse(&reverse_rows[i], POLICY_SRS_DOMAINS);
		check_reverse(&reverse_rows[i], POLICY_ANY_DOMAIN);
	}
}

/* What is rewritten comes back, whatever it was. */
static void
there_and_back(void **state)
{
	static const char *const lines[] = {D, D "always_rewrite=yes",
	    "fwdomain=srs.example.com\nses=.example\nsign=example.org",
	    D "separator=-\nhash_length=10\nhash_alphabet=base64"};
	static const char octets[] = "abcXYZ019._+=-!#$%&'*/?^`{|}~";
	static const char *const domains[] = {
	    "example.net", "example.org", "a.example", "[192.0.2.1]"};
	uint64_t seed = 4;
	size_t changed = 0;

	(void)state;
	for (size_t l = 0; l < COUNT(lines); l++) {
		struct made m;

		make_well(&m, lines[l]);
		for (int i = 0; i < 2000; i++) {
			struct policy_result there, back;
			char address[64];
			struct text_out a = text_out(address, sizeof(address));
			size_t len = 1 + random_next(&seed) % 30;

			while (len-- > 0)
				out_char(&a,
				    octets[random_next(&seed) %
					(sizeof(octets) - 1)]);
			/* What needs no quotes, which would be added. */
			for (size_t k = 0; k < a.len; k++)
				if (address[k] == '.' &&
				    (k == 0 || k + 1 == a.len ||
					address[k - 1] == '.'))
					address[k] = 'd';
			out_char(&a, '@');
			out_str(
			    &a, domains[random_next(&seed) % COUNT(domains)]);
			policy_forward(m.rewriter,
			    &(struct policy_sender){.address = out_view(&a),
				.message_id = random_next(&seed) >> 40,
				.now_sec = NOW},
			    &there);
			if (!policy_changed(there.reason))
				continue;
			changed++;
			policy_reverse(m.rewriter,
			    mf_text_at(there.address.text, there.address.len),
			    POLICY_SRS_DOMAINS, NOW + DAY, &back);
			expect_str(there.address.text, "reason",
			    policy_reason_text(back.reason), "restored");
			expect_text(there.address.text, "address",
			    mf_text_at(back.address.text, back.address.len),
			    out_view(&a));
		}
		unmake(&m);
	}
	assert_true(changed > 7000);
}

/* Every reason has a word, and is in one group. */
static void
reasons(void **state)
{
	(void)state;
	for (int r = POLICY_FORWARDED; r <= POLICY_EXPIRED; r++) {
		enum policy_reason reason = (enum policy_reason)r;

		assert_non_null(policy_reason_text(reason));
		assert_false(policy_changed(reason) && policy_failed(reason));
		for (int o = POLICY_FORWARDED; o < r; o++)
			assert_string_not_equal(policy_reason_text(reason),
			    policy_reason_text((enum policy_reason)o));
	}
	assert_true(policy_changed(POLICY_FORWARDED));
	assert_true(policy_changed(POLICY_RESTORED));
	assert_false(policy_changed(POLICY_NULL_SENDER));
	assert_false(policy_failed(POLICY_FOREIGN_DOMAIN));
	assert_true(policy_failed(POLICY_TOO_LONG));
	assert_true(policy_failed(POLICY_EXPIRED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forward),
	    cmocka_unit_test(gate),
	    cmocka_unit_test(reverse),
	    cmocka_unit_test(signatures),
	    cmocka_unit_test(fixed_signature),
	    cmocka_unit_test(there_and_back),
	    cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests_name(
	    "policy", tests, scratch_setup, scratch_teardown);
}
