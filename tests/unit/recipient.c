/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/recipient.h: what becomes of a recipient, and where its mail goes.
 *
 * Signed addresses were computed apart from libsrs, with Python's hmac.
 */
#include "tests/unit/srsmilters.h"

#include "milter/path.h"
#include "srsmilter/recipient.h"
#include "srsmilter/rrs_findings.h"

#define D      "fwdomain=srs.example.com\n"
#define SIGN   D "ses=ses.example\nsign=sign.example\n"
#define ALL    "@\nrewrite=all\n"
#define DOMAIN "@\nrewrite=remote_domain\nlocal_domains=here.example\n"
#define MAILER "@\nrewrite=remote_mailer\n"
#define SPOOF  ALL "reject_spoofed=yes\n"

#define BOB     "bob@example.net"
#define CAROL   "carol@ses.example"
#define DAVE    "dave@sign.example"
#define SRS0    "SRS0=msJqy3=G3=example.net=bob@srs.example.com"
#define FORGED  "SRS0=XXXXXX=G3=example.net=bob@srs.example.com"
#define FIELDS  "SRS0=msJqy3=G3=example.net@srs.example.com"
#define SES     "SES=BZEUL0UYG_C4XQVF-P=carol@ses.example"
#define SES_OLD "SES=BTSGOD9N2HZ7FYVGVE=carol@ses.example"
#define SIGNED  "SRS0=u_37K-=G3==dave@sign.example"
#define FOREIGN "SRS0=HHHH=TT=host.example=user@first.example"
#define SRS1                                                  \
	"SRS1=C_aoKd=srs.example.com==msJqy3=G3=example.net=" \
	"bob@two.example.com"
#define RRS_KEY      D "rrs_secret_file=DIR/secret\nrrs_domains=here.example\n"
#define RRS          "rrs=uf5grwprgtt2=old.example=bob@here.example"
#define RRS_ANN      "rrs=uf5grwprgtt2=old.example=ann@here.example"
#define SRS1_DOMAINS "fwdomain=srs.example.com, b.example=two.example.com\n"

/* Who sends. */
enum who { BOUNCE, MAIL, OWN_BOUNCE, OWN_MAIL };

static const struct row {
	const char *name, *lines, *address;
	enum who who;
	int days; /* since NOW */
	enum recipient_fate fate;
	const char *restored; /* of RECIPIENT_RESTORED */
} rows[] = {
    /* bounces */
    {"plain", D ALL, BOB, BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"SRS0", D ALL, SRS0, BOUNCE, 0, RECIPIENT_RESTORED, BOB},
    {"SRS0, case smashed", D ALL,
	"srs0=msjqy3=g3=example.net=bob@SRS.example.COM", BOUNCE, 0,
	RECIPIENT_RESTORED, BOB},
    {"SRS0, case kept", D ALL,
	"SRS0=yPsXf6=G3=Example.NET=Bob.Smith@srs.example.com", BOUNCE, 0,
	RECIPIENT_RESTORED, "Bob.Smith@Example.NET"},
    {"SRS0, last day", D ALL, SRS0, BOUNCE, 21, RECIPIENT_RESTORED, BOB},
    {"SRS0, expired", D ALL, SRS0, BOUNCE, 22, RECIPIENT_EXPIRED, ""},
    {"SRS0 of the day after tomorrow", D ALL, SRS0, BOUNCE, -2,
	RECIPIENT_EXPIRED, ""},
    {"SRS0, forged", D ALL, FORGED, BOUNCE, 0, RECIPIENT_FORGED, ""},
    {"SRS0, fields missing", D ALL, FIELDS, BOUNCE, 0, RECIPIENT_FORGED, ""},
    {"SRS0, somebody else's", D ALL, FOREIGN, BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"SRS0, any domain", D "srs_domains=*\n" ALL,
	"SRS0=msJqy3=G3=example.net=bob@elsewhere.example", BOUNCE, 0,
	RECIPIENT_RESTORED, BOB},
    {"SRS0, any domain, somebody else's", D "srs_domains=*\n" ALL, FOREIGN,
	BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"SRS0, any domain, expired", D "srs_domains=*\n" ALL,
	"SRS0=msJqy3=G3=example.net=bob@elsewhere.example", BOUNCE, 22,
	RECIPIENT_PASSES, ""},
    {"SRS0, any domain, forged in one that is named", D "srs_domains=*\n" ALL,
	FORGED, BOUNCE, 0, RECIPIENT_FORGED, ""},
    {"SES", SIGN ALL, SES, BOUNCE, 0, RECIPIENT_RESTORED, CAROL},
    {"SES, expired", SIGN ALL, SES_OLD, BOUNCE, 0, RECIPIENT_EXPIRED, ""},
    {"SES, forged", SIGN ALL, "SES=BZEUL0UYG_C4XQVF-P=carl@ses.example", BOUNCE,
	0, RECIPIENT_FORGED, ""},
    {"SES, forged without a date", SIGN ALL,
	"SES=IEYJLRPY924__ML-W=victim@ses.example", BOUNCE, 0, RECIPIENT_FORGED,
	""},
    {"sign form", SIGN ALL, SIGNED, BOUNCE, 0, RECIPIENT_RESTORED, DAVE},
    {"SES within SRS0", SIGN ALL,
	"SRS0=3VVh2G=G3=ses.example=SES=BZEUL0UYG_C4XQVF-P=carol"
	"@srs.example.com",
	BOUNCE, 0, RECIPIENT_RESTORED, CAROL},
    {"quoted", D ALL, "\"SRS0=cvjIMS=G3=example.net=a b\"@srs.example.com",
	BOUNCE, 0, RECIPIENT_RESTORED, "\"a b\"@example.net"},

    /* ours to MTAs: "\\S" is "S" to both, Postfix adds its own domain */
    {"unqualified", D ALL, "SRS0=msJqy3=G3=example.net=bob", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"unqualified, from a host of ours", D ALL,
	"SRS0=msJqy3=G3=example.net=bob", OWN_BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"backslash before it", D ALL,
	"\"\\SRS0=XXXXXX=G3=example.net=bob\"@srs.example.com", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"backslash before it, in mail", D ALL,
	"\"\\SRS0=XXXXXX=G3=example.net=bob\"@srs.example.com", MAIL, 0,
	RECIPIENT_UNCLEAR, ""},
    {"backslash within", D ALL,
	"\"SRS0\\=msJqy3=G3=example.net=bob\"@srs.example.com.", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"backslashes in SES", SIGN ALL,
	"\"S\\E\\S=BZEUL0UYG_C4XQVF-P=carl\"@ses.example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"backslash, somebody else's", D ALL,
	"\"\\SRS0=HHHH=TT=host.example=user\"@first.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"backslash, no signature", D ALL, "\"a\\\"<b\"@srs.example.com", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"address in a local part", D ALL, "\"" FORGED "\"@mx.example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"address with a comment in a local part", D ALL,
	"\"SRS0=XXXXXX=G3=example.net=bob@(x)srs.example.com\"@mx.example",
	BOUNCE, 0, RECIPIENT_UNCLEAR, ""},
    {"address with dots in a local part", D ALL,
	"\"SRS0=XXXXXX=G3=example.net=bob@srs.example.com..\"@mx.example",
	BOUNCE, 0, RECIPIENT_UNCLEAR, ""},
    {"percent", D ALL,
	"SRS0=XXXXXX=G3=example.net=bob%srs.example.com@mx.example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"percents", D ALL,
	"SRS0=XXXXXX=G3=example.net=bob%srs.example.com%a@mx.example", MAIL, 0,
	RECIPIENT_UNCLEAR, ""},
    {"bang", D ALL,
	"a!srs.example.com!SRS0=XXXXXX=G3=example.net=bob@mx.example", BOUNCE,
	0, RECIPIENT_UNCLEAR, ""},
    {"bang and percent", D ALL,
	"srs.example.com!SRS0=XXXXXX=G3=example.net=bob%b@mx.example", BOUNCE,
	0, RECIPIENT_UNCLEAR, ""},
    {"too many of them", D ALL, "a!b!c!d!e!f!g!h!i@mx.example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"others", D ALL, "a!b!c%d%\"e@f\"@mx.example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"others, plain", D ALL, "\"a!b!c%d%e@f\"@mx.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    /* Postfix 3.7.11 folds them; IDNA maps the domain, which is ours then */
    {"long s in the domain", D ALL,
	"SRS0=XXXXXX=G3=example.net=bob@\xc5\xbfrs.example.com", BOUNCE, 0,
	RECIPIENT_FORGED, ""},
    {"long s in the tag", D ALL,
	"SR\xc5\xbf"
	"0=XXXXXX=G3=example.net=bob@srs.example.com",
	MAIL, 0, RECIPIENT_UNCLEAR, ""},
    {"it in another's", D ALL,
	"\xc5\xbfRS0=HHHH=TT=host.example=user@first.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"sharp s", D ALL,
	"stra\xc3\x9f"
	"e@srs.example.com",
	BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"dots behind it", D ALL, FORGED "..", BOUNCE, 0, RECIPIENT_UNCLEAR, ""},
    {"local part alone", D ALL, "bob", BOUNCE, 0, RECIPIENT_PASSES, ""},

    /* what is behind a signature of ours may be one of ours that isn't good */
    {"SRS1", SRS1_DOMAINS ALL, SRS1, BOUNCE, 0, RECIPIENT_RESTORED, BOB},
    {"SRS1 around one that has expired", SRS1_DOMAINS ALL, SRS1, BOUNCE, 22,
	RECIPIENT_EXPIRED, ""},
    {"the same from a host of ours", SRS1_DOMAINS ALL, SRS1, OWN_BOUNCE, 22,
	RECIPIENT_PASSES, ""},

    /* hosts of ours are never refused */
    {"own, SRS0", D ALL, SRS0, OWN_BOUNCE, 0, RECIPIENT_RESTORED, BOB},
    {"own, SRS0, expired", D ALL, SRS0, OWN_BOUNCE, 22, RECIPIENT_PASSES, ""},
    {"own, forged", D ALL, FORGED, OWN_BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"own, SES, expired", SIGN ALL, SES_OLD, OWN_BOUNCE, 0, RECIPIENT_PASSES,
	""},
    {"own mail, SRS0", D ALL, SRS0, OWN_MAIL, 0, RECIPIENT_RESTORED, BOB},
    {"own mail, forged", D ALL, FORGED, OWN_MAIL, 0, RECIPIENT_PASSES, ""},

    /* mail that is no bounce */
    {"mail, plain", D ALL, BOB, MAIL, 0, RECIPIENT_PASSES, ""},
    {"mail, SRS0", D ALL, SRS0, MAIL, 0, RECIPIENT_NOT_A_BOUNCE, ""},
    {"mail, expired", D ALL, SRS0, MAIL, 22, RECIPIENT_NOT_A_BOUNCE, ""},
    {"mail, forged", D ALL, FORGED, MAIL, 0, RECIPIENT_NOT_A_BOUNCE, ""},
    {"mail, fields missing", D ALL, FIELDS, MAIL, 0, RECIPIENT_NOT_A_BOUNCE,
	""},
    {"mail, SES", SIGN ALL, SES, MAIL, 0, RECIPIENT_NOT_A_BOUNCE, ""},
    {"mail, foreign", D ALL, FOREIGN, MAIL, 0, RECIPIENT_PASSES, ""},
    {"mail, reverse all", D ALL "reverse=all\n", SRS0, MAIL, 0,
	RECIPIENT_RESTORED, BOB},
    {"mail, reverse all, forged", D ALL "reverse=all\n", FORGED, MAIL, 0,
	RECIPIENT_FORGED, ""},
    {"mail, reverse all, expired", D ALL "reverse=all\n", SRS0, MAIL, 22,
	RECIPIENT_EXPIRED, ""},
    /* postmaster is reached by the return path too, if it is ours */
    {"mail, signed postmaster", SIGN ALL,
	"SRS0=2VSEsD=G3==postmaster@sign.example", MAIL, 0, RECIPIENT_RESTORED,
	"postmaster@sign.example"},
    {"mail, somebody's postmaster", D ALL,
	"SRS0=KwaBHZ=G3=example.net=postmaster@srs.example.com", MAIL, 0,
	RECIPIENT_NOT_A_BOUNCE, ""},
    {"mail, forged postmaster", SIGN ALL,
	"SRS0=XXXXXX=G3==postmaster@sign.example", MAIL, 0,
	RECIPIENT_NOT_A_BOUNCE, ""},

    /* reject_spoofed */
    {"unsigned, allowed", SIGN ALL, CAROL, BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"unsigned, ses", SIGN SPOOF, CAROL, BOUNCE, 0, RECIPIENT_SPOOFED, ""},
    {"unsigned, sign", SIGN SPOOF, DAVE, BOUNCE, 0, RECIPIENT_SPOOFED, ""},
    {"unsigned, case", SIGN SPOOF, "Carol@SES.Example", BOUNCE, 0,
	RECIPIENT_SPOOFED, ""},
    {"unsigned, below", SIGN SPOOF, "carol@x.ses.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, the SRS domain", SIGN SPOOF, "carol@srs.example.com", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, elsewhere", SIGN SPOOF, BOB, BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"unsigned, mail", SIGN SPOOF, CAROL, MAIL, 0, RECIPIENT_PASSES, ""},
    {"unsigned, own bounce", SIGN SPOOF, CAROL, OWN_BOUNCE, 0, RECIPIENT_PASSES,
	""},
    {"unsigned, postmaster", SIGN SPOOF, "Postmaster@ses.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, abuse", SIGN SPOOF, "abuse+x@sign.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, postmaster alone", SIGN SPOOF, "postmaster", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, local part alone", SIGN SPOOF, "carol", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"unsigned, in a local part", SIGN SPOOF,
	"\"carol\\@ses.example\"@mx.example", BOUNCE, 0, RECIPIENT_SPOOFED, ""},
    {"unsigned, percent", SIGN SPOOF, "carol%ses.example@mx.example", BOUNCE, 0,
	RECIPIENT_SPOOFED, ""},
    {"unsigned, bang", SIGN SPOOF, "a!ses.example!carol@mx.example", BOUNCE, 0,
	RECIPIENT_SPOOFED, ""},
    {"percent, elsewhere", SIGN SPOOF, "carol%b.example@mx.example", BOUNCE, 0,
	RECIPIENT_PASSES, ""},
    {"mail, percent", SIGN SPOOF, "carol%ses.example@mx.example", MAIL, 0,
	RECIPIENT_PASSES, ""},
    {"unsigned, long s", SIGN SPOOF, "carol@se\xc5\xbf.example", BOUNCE, 0,
	RECIPIENT_SPOOFED, ""},
    {"unsigned, one label", SIGN SPOOF, "carol@ses", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"unsigned, dots", SIGN SPOOF, CAROL "..", BOUNCE, 0, RECIPIENT_UNCLEAR,
	""},
    {"mail, local part alone", SIGN SPOOF, "carol", MAIL, 0, RECIPIENT_PASSES,
	""},
    {"unsigned, not exempt any more", SIGN SPOOF "exempt_recipients=x@\n",
	"postmaster@ses.example", BOUNCE, 0, RECIPIENT_SPOOFED, ""},
    /* sendmail and Postfix read carol@ses.example in the first of these */
    {"a comment in the domain", SIGN SPOOF, "carol@ses(x).example", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"the same in mail", D ALL, "SRS0=a=b=c=d@srs(x).example.com", MAIL, 0,
	RECIPIENT_UNCLEAR, ""},
    {"the same from a host of ours", SIGN SPOOF, "carol@ses(x).example",
	OWN_BOUNCE, 0, RECIPIENT_PASSES, ""},
    {"a group", SIGN SPOOF, "x: carol@ses.example;", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"unclear, but ours", D ALL,
	"SRS0=cvjIMS=G3=example.net=a b@srs.example.com", BOUNCE, 0,
	RECIPIENT_UNCLEAR, ""},
    {"a path in front of ours", D ALL, "<>" SRS0, BOUNCE, 0, RECIPIENT_UNCLEAR,
	""},
    {"a path in front of it, from a host of ours", D ALL, "<>" SRS0, OWN_BOUNCE,
	0, RECIPIENT_PASSES, ""},
    /* RRS: what SPF says of the forwarder comes later */
    {"RRS, bounce", RRS_KEY ALL, RRS, BOUNCE, 0, RECIPIENT_RESTORED,
	"bob@here.example"},
    {"RRS, mail, years later", RRS_KEY ALL, RRS, MAIL, 3000, RECIPIENT_RESTORED,
	"bob@here.example"},
    {"RRS, case", RRS_KEY ALL, "RRS=UF5GRWPRGTT2=OLD.example=Bob@HERE.example",
	OWN_MAIL, 0, RECIPIENT_RESTORED, "Bob@HERE.example"},
    {"RRS, forged", RRS_KEY ALL, RRS_ANN, MAIL, 0, RECIPIENT_RRS_FORGED, ""},
    {"RRS, forged, own", RRS_KEY ALL, RRS_ANN, OWN_MAIL, 0,
	RECIPIENT_RRS_FORGED, ""},
    {"RRS, fields missing", RRS_KEY ALL, "rrs=x@here.example", BOUNCE, 0,
	RECIPIENT_RRS_FORGED, ""},
    {"RRS without a domain", RRS_KEY ALL, "rrs=x=y.example=z", MAIL, 0,
	RECIPIENT_RRS_FORGED, ""},
    {"RRS of another domain", RRS_KEY ALL, "rrs=x=y.example=z@there.example",
	MAIL, 0, RECIPIENT_PASSES, ""},
    {"RRS without a key", D ALL, RRS, MAIL, 0, RECIPIENT_PASSES, ""},
    {"RRS, revoked", RRS_KEY "rrs_revoked=UF5GRWPRGTT2\n" ALL, RRS, MAIL, 0,
	RECIPIENT_RRS_REVOKED, ""},
    {"RRS, another one revoked", RRS_KEY "rrs_revoked=aaaaaaaaaaaa\n" ALL, RRS,
	MAIL, 0, RECIPIENT_RESTORED, "bob@here.example"},
    {"RRS, own_domains", D "rrs_secret_file=DIR/secret\nown_domains=x\n" ALL,
	RRS, MAIL, 0, RECIPIENT_PASSES, ""},
    {"RRS, all domains", D "rrs_secret_file=DIR/secret\n" ALL, RRS, MAIL, 0,
	RECIPIENT_RESTORED, "bob@here.example"},
    {"RRS in a local part", RRS_KEY ALL,
	"rrs=x=y.example=z%here.example@there.example", MAIL, 0,
	RECIPIENT_UNCLEAR, ""},
    {"RRS with a backslash", RRS_KEY ALL, "\"r\\rs=x=y.z=z\"@here.example",
	MAIL, 0, RECIPIENT_UNCLEAR, ""},
    {"RRS, a group", RRS_KEY ALL, "x: " RRS ";", MAIL, 0, RECIPIENT_UNCLEAR,
	""},
    {"signed, reject_spoofed", SIGN SPOOF, SES, BOUNCE, 0, RECIPIENT_RESTORED,
	CAROL},
};

static void
judge(const struct srsmilter_config *c, const struct row *row,
    const char *mailer, struct recipient *out)
{
	struct path path = path_recipient(mf_text_of(row->address));

	recipient_judge(c,
	    &(struct recipient_facts){.address = path.mailbox,
		.is_ambiguous = path.kind == PATH_AMBIGUOUS,
		.mailer = mf_text_of(mailer),
		.is_bounce = row->who == BOUNCE || row->who == OWN_BOUNCE,
		.from_exempt_host =
		    row->who == OWN_BOUNCE || row->who == OWN_MAIL,
		.now_sec = NOW + (uint64_t)(row->days * (int)DAY)},
	    out);
}

static void
fates(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct srsmilter_config *c = config_well(row->lines);
		struct recipient out;

		judge(c, row, NULL, &out);
		expect_str(row->name, "fate", recipient_fate_text(out.fate),
		    recipient_fate_text(row->fate));
		if (out.fate == RECIPIENT_RESTORED)
			expect_text(row->name, "address",
			    mf_text_at(out.reversed.address.text,
				out.reversed.address.len),
			    mf_text_of(row->restored));
		config_release(c);
	}
}

/* --- destinations --- */

static const struct destination_row {
	const char *name, *lines, *address, *mailer;
	enum destination expect;
} destination_rows[] = {
    {"all", D ALL, "ann@here.example", NULL, DESTINATION_FORWARDED},
    {"all, unqualified", D ALL, "ann", NULL, DESTINATION_FORWARDED},
    {"all, local mailer", D ALL, BOB, "local", DESTINATION_FORWARDED},
    {"none", D "@\nrewrite=none\n", BOB, "esmtp", DESTINATION_LOCAL},

    {"domain, local", D DOMAIN, "ann@Here.Example", NULL, DESTINATION_LOCAL},
    {"domain, below", D DOMAIN, "ann@x.here.example", NULL,
	DESTINATION_FORWARDED},
    {"domain, remote", D DOMAIN, BOB, "local", DESTINATION_FORWARDED},
    {"domain, unqualified", D DOMAIN, "ann", NULL, DESTINATION_LOCAL},
    {"domain, the SRS domain", D DOMAIN, "postmaster@srs.example.com", NULL,
	DESTINATION_LOCAL},
    {"domain, signing", SIGN DOMAIN, CAROL, NULL, DESTINATION_LOCAL},
    {"domain, .sub", D "@\nlocal_domains=.here.example\n", "ann@x.here.example",
	NULL, DESTINATION_LOCAL},
    {"domain, a dot at its end", D DOMAIN, "ann@here.example.", NULL,
	DESTINATION_LOCAL},
    {"domain, quoted @", D DOMAIN, "\"ann@example.net\"@here.example", NULL,
	DESTINATION_LOCAL},

    {"mailer, remote", D MAILER, "ann@here.example", "esmtp",
	DESTINATION_FORWARDED},
    {"mailer, local", D MAILER, BOB, "local", DESTINATION_LOCAL},
    {"mailer, file", D MAILER, BOB, "*file*", DESTINATION_LOCAL},
    {"mailer, include", D MAILER, BOB, "*include*", DESTINATION_LOCAL},
    {"mailer, prog", D MAILER, BOB, "prog", DESTINATION_LOCAL},
    {"mailer, not told", D MAILER, BOB, NULL, DESTINATION_LOCAL},
    {"mailer, one's own", D MAILER "local_mailers=maildrop\n", BOB, "Maildrop",
	DESTINATION_LOCAL},
    {"mailer, instead of the usual", D MAILER "local_mailers=maildrop\n", BOB,
	"local", DESTINATION_FORWARDED},

    /* a restored one counts as who it is */
    {"domain, restored, remote", D DOMAIN, SRS0, NULL, DESTINATION_FORWARDED},
    {"domain, restored, local", SIGN DOMAIN, SES, NULL, DESTINATION_LOCAL},
    {"mailer, restored, remote", D MAILER, SRS0, "local",
	DESTINATION_FORWARDED},
    {"mailer, restored, local", SIGN MAILER, SES, "esmtp", DESTINATION_LOCAL},

    /* who wants the sender kept */
    {"nosrs", D "nosrs=example.net\n" ALL, BOB, NULL, DESTINATION_EXCLUDED},
    {"exclude_recipients", D "exclude_recipients=.net\n" ALL, BOB, NULL,
	DESTINATION_EXCLUDED},
    {"nosrs, but local", D "nosrs=here.example\n" DOMAIN, "ann@here.example",
	NULL, DESTINATION_LOCAL},
    {"nosrs, restored", D "nosrs=example.net\n" ALL, SRS0, NULL,
	DESTINATION_EXCLUDED},
    {"nosrs, another", D "nosrs=example.org\n" ALL, BOB, NULL,
	DESTINATION_FORWARDED},
};

static void
destinations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(destination_rows); i++) {
		const struct destination_row *row = &destination_rows[i];
		const struct row r = {.address = row->address, .who = BOUNCE};
		struct srsmilter_config *c = config_well(row->lines);
		struct recipient out;

		judge(c, &r, row->mailer, &out);
		expect_int(
		    row->name, "destination", out.destination, row->expect);
		config_release(c);
	}
}

/* --- senders --- */

static void
banned_senders(void **state)
{
	static const struct {
		const char *sender;
		bool expect;
	} senders[] = {
	    {"mailer-daemon@example.net", true},
	    {"MAILER-DAEMON@example.net", true},
	    {"Mailer-Daemon", true},
	    {"clamav@x.example", true},
	    {"mailer-daemon2@example.net", false},
	    {"x@mailer-daemon", false},
	    {"bob@example.net", false},
	    {"@example.net", false},
	    {"", false},
	};
	struct srsmilter_config *c =
	    config_well(D ALL "banned_users=mailer-daemon, clamav\n");
	struct srsmilter_config *none = config_well(D ALL);

	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		expect_int(senders[i].sender, "banned",
		    recipient_is_banned_sender(
			c, mf_text_of(senders[i].sender)),
		    senders[i].expect);
		assert_false(recipient_is_banned_sender(
		    none, mf_text_of(senders[i].sender)));
	}
	config_release(c);
	config_release(none);
}

/* --- replies --- */

static void
replies(void **state)
{
	(void)state;
	for (int f = RECIPIENT_PASSES; f < RECIPIENT_FATES; f++) {
		enum recipient_fate fate = (enum recipient_fate)f;
		struct reply reply = recipient_reply(fate);

		assert_non_null(recipient_fate_text(fate));
		for (int o = RECIPIENT_PASSES; o < f; o++)
			assert_string_not_equal(recipient_fate_text(fate),
			    recipient_fate_text((enum recipient_fate)o));
		if (f <= RECIPIENT_RESTORED) {
			assert_int_equal(reply.step, STEP_CONTINUE);
			continue;
		}
		bool is_for_now = f >= RECIPIENT_FORWARDER_UNKNOWN;

		assert_int_equal(
		    reply.step, is_for_now ? STEP_TEMPFAIL : STEP_REJECT);
		assert_int_equal(reply.code,
		    is_for_now                      ? 451
			: fate >= RECIPIENT_UNCLEAR ? 553
						    : 550);
		assert_string_equal(reply.dsn,
		    fate == RECIPIENT_NOT_FORWARDER           ? "5.7.23"
			: fate == RECIPIENT_FORWARDER_UNKNOWN ? "4.7.24"
			: is_for_now                          ? "4.3.0"
			: fate == RECIPIENT_UNCLEAR           ? "5.1.3"
			: fate == RECIPIENT_BAD_SENDER        ? "5.1.7"
							      : "5.7.1");
		/* As it stands: a sentence, nothing that libmilter refuses. */
		assert_true(text_is_printable(mf_text_of(reply.text)));
		assert_int_equal(text_count(mf_text_of(reply.text), '%'), 0);
		assert_true(strlen(reply.text) > 20);
	}
}

/* --- forwarders --- */

static const struct {
	enum spf_result result, helo;
	enum recipient_fate fate;
	const char *text;
} forwarders[] = {
    {SPF_PASS, SPF_NONE, RECIPIENT_RESTORED, "SPF pass: "},
    {SPF_PASS, SPF_FAIL, RECIPIENT_RESTORED, "SPF pass: "},
    {SPF_PASS, SPF_TEMPERROR, RECIPIENT_RESTORED, NULL},
    {SPF_FAIL, SPF_PASS, RECIPIENT_RESTORED, NULL},
    {SPF_TEMPERROR, SPF_PASS, RECIPIENT_RESTORED, NULL},
    {SPF_FAIL, SPF_NONE, RECIPIENT_NOT_FORWARDER,
	"SPF fail: 192.0.2.1 is not allowed to send mail for old.example, the "
	"only sender that this address accepts"},
    {SPF_NONE, SPF_NONE, RECIPIENT_NOT_FORWARDER, "SPF none: "},
    {SPF_NEUTRAL, SPF_SOFTFAIL, RECIPIENT_NOT_FORWARDER, "SPF neutral: "},
    {SPF_SOFTFAIL, SPF_NEUTRAL, RECIPIENT_NOT_FORWARDER, "SPF softfail: "},
    {SPF_PERMERROR, SPF_FAIL, RECIPIENT_NOT_FORWARDER, "SPF permerror: "},
    {SPF_TEMPERROR, SPF_NONE, RECIPIENT_FORWARDER_UNKNOWN,
	"SPF temperror: 192.0.2.1 cannot be checked for old.example, the only "
	"sender that this address accepts"},
    {SPF_TEMPERROR, SPF_FAIL, RECIPIENT_FORWARDER_UNKNOWN, "SPF temperror: "},
    {SPF_FAIL, SPF_TEMPERROR, RECIPIENT_FORWARDER_UNKNOWN, "SPF temperror: "},
};

static void
fates_by_forwarder(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forwarders); i++) {
		struct rrs_findings f = {"old.example", forwarders[i].result,
		    forwarders[i].helo, SPF_CAUSE_NONE};
		char text[REPLY_SIZE];

		assert_int_equal(rrs_findings_fate(&f), forwarders[i].fate);
		rrs_findings_text(&f, MF_TEXT("192.0.2.1"), text);
		if (forwarders[i].text != NULL &&
		    !text_starts(
			mf_text_of(text), mf_text_of(forwarders[i].text)))
			fail_msg("%zu: %s", i, text);
		rrs_findings_text(&f, MF_TEXT(""), text);
		assert_non_null(strstr(text, ": the client "));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fates),
	    cmocka_unit_test(destinations),
	    cmocka_unit_test(banned_senders),
	    cmocka_unit_test(replies),
	    cmocka_unit_test(fates_by_forwarder),
	};

	return cmocka_run_group_tests_name(
	    "recipient", tests, scratch_setup, scratch_teardown);
}
