/* SPDX-License-Identifier: ISC */
/*
 * rewrite/legacy.h: pysrs.cfg in our words, with pysrs's defaults, and what a
 * rewriter made from it signs and accepts.
 *
 * Signatures were computed apart from libsrs, with Python's hmac, by the
 * formulas that pysrs uses.
 */
#include "tests/unit/rewriters.h"

#include "rewrite/legacy.h"
#include "settings/sections.h"

/* What the message about pysrs's own secret ends with. */
#define PUBLISHED                                                      \
	"pysrs: anybody can forge its addresses; replace it with the " \
	"output of srs keygen (mailfrom-srs(7) describes the move)\n"

#define KEY        "secret=" SECRET "\n"
#define LENGTH_8   "[srs] hash_length=8 @0\n"
#define AGE_8      "[srs] max_age=8 @0\n"
#define LISTEN     "[srsd] listen=/var/run/milter/pysrs @0\n"
#define ALPHABET   "[srs] hash_alphabet=base64 @0\n"
#define ALWAYS     "[srs] always_rewrite=yes @0\n"
#define REVERSE    "[srsmilter] reverse=all @0\n"
#define KEEPS      "[srsmilter] rewrite=none @0\n"
#define M_LISTEN   "[srsmilter] listen=/var/run/milter/srsmilter @0\n"
#define MILTER     REVERSE KEEPS M_LISTEN
#define DEFAULTS   LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS MILTER
#define TEN(s)     s s s s s s s s s s
#define LONG_PATH  TEN(TEN("abc"))
#define LONG_START TEN("abcabcabcabcabcabc") "abcabcabcabcabcabca"
#define NO_SECRET \
	"error: pysrs.cfg: secret: not set; pysrs's default is public, so its signatures can be forged; create a secret with: srs keygen\n"

/* In the shape of the sample that comes with pysrs, all keys in use. */
static const char sample[] =
    "# SRS configuration of a site\n"
    "[srs]\n"
    "secret = " SECRET "\n"
    ";maxage=21\n"
    ";hashlength=5\n"
    "# opaque rewriting\n"
    ";database=/var/log/milter/srsdata\n"
    "ses = localdomain1.example, localdomain2.example\n"
    "sign = signed.example\n"
    "# rewrite all other domains to this domain\n"
    "fwdomain = mydomain.example\n"
    "srs = otherdomain.example\n"
    "nosrs = braindeadmail.example\n"
    "banned_users = mailer-daemon, clamav, postmaster\n"
    "\n"
    "[srsmilter]\n"
    "datadir=/var/lib/milter\n"
    "socketname = /var/run/milter/srsmilter\n"
    "miltername = pysrsfilter\n"
    "reject_spoofed = true\n"
    ";trusted_relay = 192.0.2.4\n"
    "internal_connect = 192.168.*.*,127.0.0.1,::1\n"
    "miltersrs = false\n";

static const struct {
	const char *name, *input;
	const char *entries;        /* in our words */
	const char *secrets;        /* in <> */
	unsigned hash_min, max_age; /* accepted besides */
	const char *said;
} rows[] = {
    {"sample", sample,
	"[srs] fwdomain=mydomain.example @11\n"
	"[srs] ses=localdomain1.example, localdomain2.example @8\n"
	"[srs] sign=signed.example @9\n"
	"[srs] nosrs=braindeadmail.example @13\n"
	"[srs] srs_domains=otherdomain.example @12\n"
	"[srsmilter] banned_users=mailer-daemon, clamav, postmaster @14\n"
	"[srsmilter] internal_connect=192.168.*.*,127.0.0.1,::1 @22\n"
	"[srsmilter] reject_spoofed=true @20\n" LENGTH_8 AGE_8 LISTEN ALPHABET
	    ALWAYS REVERSE "[srsmilter] rewrite=none @23\n"
	"[srsmilter] listen=/var/run/milter/srsmilter @18\n",
	"<" SECRET ">", 5, 21, ""},
    {"secret alone", "[srs]\n" KEY, DEFAULTS, "<" SECRET ">", 5, 21, ""},
    {"every key of the daemon",
	"[srs]\n" KEY "maxage: 14\nhashlength: 6\nseparator: +\n"
	"socket: /run/pysrs\nfwdomain: s.example\n",
	"[srs] max_age=14 @3\n[srs] hash_length=6 @4\n"
	"[srs] separator=+ @5\n[srsd] listen=/run/pysrs @6\n"
	"[srs] fwdomain=s.example @7\n" ALPHABET ALWAYS MILTER,
	"<" SECRET ">", 0, 0, ""},
    {"maxage alone", "[srs]\n" KEY "maxage=21\n",
	"[srs] max_age=21 @3\n" LENGTH_8 LISTEN ALPHABET ALWAYS MILTER,
	"<" SECRET ">", 5, 0, ""},
    {"hashlength alone", "[srs]\n" KEY "hashlength=5\n",
	"[srs] hash_length=5 @3\n" AGE_8 LISTEN ALPHABET ALWAYS MILTER,
	"<" SECRET ">", 0, 21, ""},

    {"several secrets",
	"[srs]\nsecret.2=third\nsecret.0=first\nsecret=new\nsecret.1=second\n",
	DEFAULTS, "<new><first><second><third>", 5, 21, ""},
    {"a gap ends them", "[srs]\nsecret=new\nsecret.0=first\nsecret.2=third\n",
	DEFAULTS, "<new><first>", 5, 21, ""},
    {"a gap at the start", "[srs]\nsecret=new\nsecret.1=second\n", DEFAULTS,
	"<new>", 5, 21, ""},
    {"secret.3 isn't read", "[srs]\nsecret=new\nsecret.3=x\n", DEFAULTS,
	"<new>", 5, 21,
	"warning: pysrs.cfg:3: [srs] secret.3: unknown pysrs key; "
	"ignored\n"},
    {"secret as it stands", "[srs]\nsecret = abc ;def#g \"h\"%%\n", DEFAULTS,
	"<abc ;def#g \"h\"%>", 5, 21, ""},
    {"the last one counts", "[srs]\nsecret=a\nsecret=b\n", DEFAULTS, "<b>", 5,
	21, ""},

    {"from DEFAULT",
	"[DEFAULT]\nfwdomain=s.example\n" KEY "maxage=9\n[srs]\nmaxage=10\n",
	"[srs] max_age=10 @6\n[srs] fwdomain=s.example @2\n" LENGTH_8 LISTEN
	    ALPHABET ALWAYS MILTER,
	"<" SECRET ">", 5, 0, ""},
    {"keys fold", "[srs]\nSecret=abc\nFwDomain=S.Example\n",
	"[srs] fwdomain=S.Example @3\n" DEFAULTS, "<abc>", 5, 21, ""},
    {"unknown keys", "[srs]\n" KEY "max_age=3\nhashmin=4\n[bms]\nx=y\n",
	DEFAULTS, "<" SECRET ">", 5, 21,
	"warning: pysrs.cfg:3: [srs] max_age: unknown pysrs key; ignored\n"
	"warning: pysrs.cfg:4: [srs] hashmin: unknown pysrs key; ignored\n"
	"warning: pysrs.cfg:6: [bms] x: unknown pysrs key; ignored\n"},
    {"a milter key in the wrong section", "[srs]\n" KEY "miltersrs=true\n",
	DEFAULTS, "<" SECRET ">", 5, 21,
	"warning: pysrs.cfg:3: [srs] miltersrs: unknown pysrs key; "
	"ignored\n"},
    {"both names",
	"[srs]\n" KEY "[srsmilter]\nname=a\nmiltername=b\n"
	"socket=c\nsocketname=d\n",
	LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS REVERSE KEEPS
	"[srsmilter] listen=d @7\n",
	"<" SECRET ">", 5, 21, ""},
    {"the milter's other name of its socket",
	"[srs]\n" KEY "[srsmilter]\nsocket=/c\n",
	LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS REVERSE KEEPS
	"[srsmilter] listen=/c @4\n",
	"<" SECRET ">", 5, 21, ""},
    {"a socket below datadir",
	"[srs]\n" KEY "[srsmilter]\ndatadir=/var/run\nsocketname=milter/c\n",
	LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS REVERSE KEEPS
	"[srsmilter] listen=/var/run/milter/c @5\n",
	"<" SECRET ">", 5, 21, ""},
    {"a socket with a host",
	"[srs]\n" KEY "[srsmilter]\ndatadir=/var/run\nsocketname=inet:1@h\n",
	LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS REVERSE KEEPS
	"[srsmilter] listen=inet:1@h @5\n",
	"<" SECRET ">", 5, 21, ""},
    {"the milter rewrites", "[srs]\n" KEY "[srsmilter]\nmiltersrs=Yes\n",
	LENGTH_8 AGE_8 LISTEN ALPHABET ALWAYS REVERSE
	"[srsmilter] rewrite=all @4\n" M_LISTEN,
	"<" SECRET ">", 5, 21, ""},
    {"miltersrs that is neither",
	"[srs]\n" KEY "[srsmilter]\nmiltersrs=maybe\n", NULL, NULL, 0, 0,
	"error: pysrs.cfg:4: miltersrs: expected true or false: \"maybe\"\n"},
    {"a socket that is too long",
	"[srs]\n" KEY "[srsmilter]\nsocketname=/" LONG_PATH "\n", NULL, NULL, 0,
	0, "error: pysrs.cfg:4: socketname: too long: \"/" LONG_START "\"\n"},
    {"domains to decode", "[srs]\n" KEY "srs=a.example,b.example\n",
	"[srs] srs_domains=a.example,b.example @3\n" LENGTH_8 AGE_8 LISTEN
	    ALPHABET ALWAYS MILTER,
	"<" SECRET ">", 5, 21, ""},

    {"no secret", "[srs]\nfwdomain=s.example\n", NULL, NULL, 0, 0, NO_SECRET},
    {"nothing", "", NULL, NULL, 0, 0, NO_SECRET},
    {"secret elsewhere", "[srsmilter]\nsecret=abc\n", NULL, NULL, 0, 0,
	"warning: pysrs.cfg:2: [srsmilter] secret: unknown pysrs key; "
	"ignored\n" NO_SECRET},
    {"only secret.0", "[srs]\nsecret.0=abc\n", NULL, NULL, 0, 0, NO_SECRET},
};

static void
render(const struct legacy *l, char *entries, size_t size, char *secrets,
    size_t secrets_size)
{
	struct text_out out = text_out(entries, size - 1);
	struct text_out keys = text_out(secrets, secrets_size - 1);

	for (size_t i = 0; i < l->ini.count; i++) {
		const struct ini_entry *e = &l->ini.entries[i];

		out_char(&out, '[');
		out_text(&out, e->section);
		out_str(&out, "] ");
		out_text(&out, e->key);
		out_char(&out, '=');
		out_text(&out, e->value);
		out_str(&out, " @");
		out_uint(&out, e->line);
		out_char(&out, '\n');
	}
	for (size_t i = 0; i < l->rewriter.secret_count; i++) {
		out_char(&keys, '<');
		out_text(&keys, l->rewriter.secrets[i]);
		out_char(&keys, '>');
	}
	assert_false(out.full || keys.full);
	entries[out.len] = secrets[keys.len] = '\0';
}

static void
table(void **state)
{
	char entries[2048], secrets[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].name;
		struct heard heard;
		struct report report = report_to(&heard);
		struct legacy l;
		struct ini ini;
		bool ok;

		assert_true(ini_parse(&ini, "pysrs.cfg",
		    mf_text_of(rows[i].input), INI_CONFIGPARSER, &report));
		ok = legacy_translate(&ini, &l, &report);
		expect_str(name, "said", heard.text, rows[i].said);
		expect_int(name, "ok", ok, rows[i].entries != NULL);
		if (ok) {
			render(&l, entries, sizeof(entries), secrets,
			    sizeof(secrets));
			expect_str(name, "entries", entries, rows[i].entries);
			expect_str(name, "secrets", secrets, rows[i].secrets);
			expect_int(name, "hash", l.rewriter.accept_hash_min,
			    rows[i].hash_min);
			expect_int(name, "age", l.rewriter.accept_max_age,
			    rows[i].max_age);
			assert_string_equal(l.ini.name, "pysrs.cfg");
		}
		legacy_free(&l);
		ini_free(&ini);
	}
}

static void
detection(void **state)
{
	static const struct {
		const char *path, *input;
		bool expect;
	} files[] = {
	    {"/etc/mail/pysrs.cfg", "", true},
	    {"pysrs.cfg", "[srs]\nsecret_file=x\n", true},
	    {"/etc/mailfrom/mailfrom.conf", "[srs]\nsecret=x\n", false},
	    {"/etc/mail/srs.conf", "[srs]\nsecret=x\n", true},
	    {"/etc/mail/srs.conf", "[srs]\nmaxage=x\n", true},
	    {"/etc/mail/srs.conf", "[srs]\nhashlength=8\n", true},
	    {"/etc/mail/srs.conf", "[srs]\nsocket=/x\n", true},
	    {"/etc/mail/srs.conf", "[srs]\nsecret_file=/x\n", false},
	    {"/etc/mail/srs.conf", "[srs]\nfwdomain=s.example\n", false},
	    {"/etc/mail/srs.conf", "[srsd]\nsocket=x\n", false},
	    {"/etc/mail/srs.conf", "", false},
	    {"/etc/pysrs.cfg/srs.conf", "", false},
	    {"my-pysrs.cfg", "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct report report = {.say = report_ignore};
		struct ini ini;

		ini_parse(&ini, files[i].path, mf_text_of(files[i].input),
		    INI_OURS, &report);
		if (legacy_detect(files[i].path, &ini) != files[i].expect)
			fail_msg("%s: %s", files[i].path, files[i].input);
		ini_free(&ini);
	}
}

/* --- what becomes of it --- */

static bool
make_legacy(struct made *m, const char *input, struct report *report)
{
	struct conf_section sections[SECTION_COUNT];
	struct legacy l = {.secrets = NULL};
	struct ini ini;
	bool ok;

	*m = (struct made){.conf = NULL};
	settings_sections(
	    &(struct settings_wanted){.srs = &m->settings}, sections);
	ok = ini_parse(&ini, "pysrs.cfg", mf_text_of(input), INI_CONFIGPARSER,
		 report) &&
	    legacy_translate(&ini, &l, report) &&
	    conf_load(&m->conf, &l.ini, sections, SECTION_COUNT, report) &&
	    rewriter_new(&m->settings, m->conf, "pysrs.cfg", &l.rewriter,
		&m->rewriter, report);
	legacy_free(&l);
	ini_free(&ini);
	return ok;
}

static const struct {
	const char *name, *input, *said;
	bool ok;
} made_rows[] = {
    {"a database",
	"[srs]\nsecret=0123456789ab\nfwdomain=s.example\n"
	"database=/var/x\ntrusted_forwarder=\n",
	"warning: pysrs.cfg:4: database: ignored, as by pysrs's daemon; "
	"addresses that pysrs's milter has put into a database can't be "
	"reversed\n",
	true},
    {"trusted_forwarder",
	"[srs]\nsecret=0123456789ab\nfwdomain=s.example\n"
	"trusted_forwarder=f.example\n",
	"warning: pysrs.cfg:4: trusted_forwarder: ignored, as by pysrs; "
	"spfmilter has such a key in [spf]\n",
	true},
    {"published", "[srs]\nsecret=shhhh!\nfwdomain=s.example\n",
	"error: pysrs.cfg: secret: the secret is the one published with " PUBLISHED,
	false},
    {"published in quotes", "[srs]\nsecret=\"shhhh!\"\nfwdomain=s.example\n",
	"error: pysrs.cfg: secret: the secret is the one published with " PUBLISHED,
	false},
    {"published among others",
	"[srs]\n" KEY "secret.0=shhhh!\nfwdomain=s.example\n",
	"error: pysrs.cfg: secret: the secret is the one published with " PUBLISHED,
	false},
    {"short is warned of", "[srs]\nsecret=short\nfwdomain=s.example\n",
	"warning: pysrs.cfg: secret: the secret is too short (minimum 12 bytes); use the output of srs keygen\n",
	true},
    {"an item is warned of once",
	"[srs]\n" KEY "fwdomain=s.example\nses=a.example, *.b.example\n"
	"srs=c.example\n",
	"warning: pysrs.cfg:4: ses: not a domain (example.com, or "
	".example.com for those below it): \"*.b.example\"; write .b.example; "
	"ignored\n",
	true},
    {"without fwdomain", "[srs]\n" KEY,
	"warning: pysrs.cfg: fwdomain: not set: no sender will be "
	"rewritten\n",
	true},
    {"wrong number", "[srs]\n" KEY "maxage=many\nfwdomain=s.example\n",
	"error: pysrs.cfg:3: max_age: not a number from 1 to 500: "
	"\"many\"\n",
	false},
};

static void
made_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(made_rows); i++) {
		struct heard heard;
		struct report report = report_to(&heard);
		struct made m;

		expect_int(made_rows[i].name, "ok",
		    make_legacy(&m, made_rows[i].input, &report),
		    made_rows[i].ok);
		expect_str(
		    made_rows[i].name, "said", heard.text, made_rows[i].said);
		unmake(&m);
	}
}

/* An empty secret would let anybody sign. */
static void
empty_secret(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct made m;

	(void)state;
	assert_false(
	    make_legacy(&m, "[srs]\nsecret=\nfwdomain=s.example\n", &report));
	assert_null(m.rewriter);
	assert_null(strstr(heard.text, "secret_file"));
	assert_non_null(strstr(heard.text, "error: pysrs.cfg: secret: "));
	unmake(&m);
}

#define SIGNED_8  "SRS0=msJqy39c=G3=example.net=bob@mydomain.example"
#define DAYS_20_5 "SRS0=KQbNn=GH=example.net=bob@mydomain.example"
#define SES_8     "SES=31_RF3VGR273ISPY3=carol@ses.example"
#define SES_21    "SES=BVJ7EIXRX9R80R-9VP=carol@ses.example" /* 15 days old */

/* Eight characters are written, and those of the milter accepted too. */
static void
signs_as_the_daemon(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srs_addr out;
	struct made m;

	(void)state;
	assert_true(make_legacy(&m, sample, &report));
	assert_string_equal(heard.text, "");
	assert_true(m.rewriter->always_rewrite);
	assert_int_equal(srs_encode(m.rewriter->srs, MF_TEXT("bob@example.net"),
			     m.rewriter->fwdomain, NOW, &out),
	    SRS_OK);
	assert_string_equal(out.text, SIGNED_8);
	assert_int_equal(
	    srs_decode(m.rewriter->srs, MF_TEXT(DAYS_20_5), NOW, &out, NULL),
	    SRS_OK);
	assert_int_equal(srs_decode(m.rewriter->srs, MF_TEXT(DAYS_20_5),
			     NOW + 2 * DAY, &out, NULL),
	    SRS_EXPIRED);
	/* Four characters are nobody's default. */
	assert_int_equal(
	    srs_decode(m.rewriter->srs,
		MF_TEXT("SRS0=msJq=G3=example.net=bob@mydomain.example"), NOW,
		&out, NULL),
	    SRS_SHORT_HASH);
	/* SES has 8 days in the daemon and 21, of another width, beside it. */
	assert_int_equal(
	    ses_verify(m.rewriter->ses, MF_TEXT(SES_8), NOW, &out, NULL),
	    SRS_OK);
	assert_non_null(m.rewriter->ses_legacy);
	assert_int_equal(ses_verify(m.rewriter->ses_legacy, MF_TEXT(SES_21),
			     NOW, &out, NULL),
	    SRS_OK);
	unmake(&m);
}

/* A file that says how long is taken at its word, by both programs. */
static void
explicit_values_are_all(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srs_addr out;
	struct made m;

	(void)state;
	assert_true(make_legacy(&m,
	    "[srs]\n" KEY "maxage=8\nhashlength=8\nfwdomain=s.example\n",
	    &report));
	assert_null(m.rewriter->ses_legacy);
	assert_int_equal(srs_decode(m.rewriter->srs,
			     MF_TEXT("SRS0=msJqy=G3=example.net=bob@s.example"),
			     NOW, &out, NULL),
	    SRS_SHORT_HASH);
	assert_int_equal(srs_decode(m.rewriter->srs, MF_TEXT(SIGNED_8),
			     NOW + 9 * DAY, &out, NULL),
	    SRS_EXPIRED);
	unmake(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(detection),
	    cmocka_unit_test(made_or_not),
	    cmocka_unit_test(empty_secret),
	    cmocka_unit_test(signs_as_the_daemon),
	    cmocka_unit_test(explicit_values_are_all),
	};

	return cmocka_run_group_tests_name(
	    "legacy", tests, scratch_setup, scratch_teardown);
}
