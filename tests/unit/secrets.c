/* SPDX-License-Identifier: ISC */
/* rewrite/secrets.h: what of a secret file is a secret. */
#include "tests/unit/support.h"

#include "rewrite/secrets.h"

#define COMMENT \
	"treated as a comment; postsrsd 1.x would use this line as a secret\n"
#define NO_SECRET \
	"error: DIR/s: contains no secret; create one with: srs keygen > DIR/s\n"
#define WARN(n, what) "warning: DIR/s:" n ": " what "\n"
#define BEGINS(n)     WARN(n, "begins with a blank, which is part of the secret")
#define ENDS(n)       WARN(n, "ends with a blank, which is part of the secret")
#define HAS_CR(n)     WARN(n, "contains a CR, which is part of the secret")
/* Of SECRETS_PLAIN, and what the other mode says instead. */
#define CR_LF(n)                                                           \
	WARN(n,                                                            \
	    "ends with CR LF: the CR is not part of the secret here, but " \
	    "may be in other software")
#define CR_LF_KEPT(n)                                       \
	WARN(n,                                             \
	    "ends with CR LF, which is part of the secret " \
	    "(secret_line_end)")

static const struct {
	const char *name;
	struct mf_text contents;
	const char *expect; /* secrets, each in <> */
	const char *with_line_end;
	const char *said; /* of CR LF: in SECRETS_PLAIN */
} rows[] = {
    {"one", BYTES("secret\n"), "<secret>", "<secret\n>", ""},
    {"no line end", BYTES("secret"), "<secret>", "<secret>", ""},
    {"several", BYTES("new\nold\nolder\n"), "<new><old><older>",
	"<new\n><old\n><older\n>", ""},
    {"CR LF", BYTES("new\r\nold\r\n"), "<new><old>", "<new\r\n><old\r\n>",
	CR_LF("1") CR_LF("2")},
    {"CR within", BYTES("a\rb\n"), "<a\rb>", "<a\rb\n>", HAS_CR("1")},
    {"two CRs", BYTES("a\r\r\n"), "<a\r>", "<a\r\r\n>", HAS_CR("1") CR_LF("1")},
    {"blanks are part of it", BYTES(" a b \t\n"), "< a b \t>", "< a b \t\n>",
	BEGINS("1") ENDS("1")},
    {"a blank at the end", BYTES("a\nb \n"), "<a><b >", "<a\n><b \n>",
	ENDS("2")},
    {"a blank and no line end", BYTES("a "), "<a >", "<a >", ENDS("1")},
    {"a blank in front of CR LF", BYTES("a \r\n"), "<a >", "<a \r\n>",
	ENDS("1") CR_LF("1")},
    {"byte order mark",
	BYTES("\xef\xbb\xbf"
	      "a\n"),
	"<\xef\xbb\xbf"
	"a>",
	"<\xef\xbb\xbf"
	"a\n>",
	WARN(
	    "1", "begins with a byte order mark, which is part of the secret")},
    {"byte order mark of UTF-16",
	BYTES("\xff\xfe"
	      "a\0"),
	NULL, NULL, "error: DIR/s:1: contains a NUL byte\n"},
    {"no-break space", BYTES("a\xc2\xa0\n"), "<a\xc2\xa0>", "<a\xc2\xa0\n>",
	ENDS("1")},
    {"zero width space",
	BYTES("\xe2\x80\x8b"
	      "a\n"),
	"<\xe2\x80\x8b"
	"a>",
	"<\xe2\x80\x8b"
	"a\n>",
	BEGINS("1")},
    {"another character at the end", BYTES("a\xe2\x82\xac\n"),
	"<a\xe2\x82\xac>", "<a\xe2\x82\xac\n>", ""},
    {"a blank line of blanks", BYTES(" \n"), "< >", "< \n>",
	BEGINS("1") ENDS("1")},
    {"empty lines", BYTES("\n\na\n\r\n\nb\n\n"), "<a><b>", "<a\n><b\n>", ""},
    {"quotes are part of it", BYTES("\"a\"\n"), "<\"a\">", "<\"a\"\n>", ""},
    {"octets", BYTES("\xff\x01\x80\n"), "<\xff\x01\x80>", "<\xff\x01\x80\n>",
	""},
    {"comment", BYTES("# made by hand\nsecret\n"), "<secret>", "<secret\n>",
	"warning: DIR/s:1: " COMMENT},
    {"comment behind", BYTES("a\n#b\nc#d\n #e\n"), "<a><c#d>< #e>",
	"<a\n><c#d\n>< #e\n>", "warning: DIR/s:2: " COMMENT BEGINS("4")},

    {"empty file", BYTES(""), NULL, NULL, NO_SECRET},
    {"empty lines only", BYTES("\n\r\n"), NULL, NULL, NO_SECRET},
    {"comments only", BYTES("\n# a\n"), NULL, NULL,
	"warning: DIR/s:2: " COMMENT NO_SECRET},
    {"NUL", BYTES("a\nb\0c\n"), NULL, NULL,
	"error: DIR/s:2: contains a NUL byte\n"},
    {"NUL alone", BYTES("\0"), NULL, NULL,
	"error: DIR/s:1: contains a NUL byte\n"},
};

static void
check(size_t i, enum secrets_mode mode, const char *expect)
{
	const char *path = scratch_write("s", rows[i].contents, 0600);
	struct heard heard;
	struct report report = report_to(&heard);
	struct secrets secrets;
	char have[256];
	struct text_out out = text_out(have, sizeof(have) - 1);
	bool ok = secrets_load(path, mode, &secrets, &report);

	if (mode == SECRETS_PLAIN || strstr(rows[i].said, "CR LF") == NULL)
		expect_str(rows[i].name, "said", heard.text, rows[i].said);
	expect_int(rows[i].name, "ok", ok, expect != NULL);
	for (size_t k = 0; ok && k < secrets.count; k++) {
		out_char(&out, '<');
		out_text(&out, secrets.items[k]);
		out_char(&out, '>');
	}
	if (ok)
		expect_text(rows[i].name, "secrets", out_view(&out),
		    mf_text_of(expect));
	secrets_free(&secrets);
	assert_int_equal(secrets.count, 0);
	assert_null(secrets.items);
	for (size_t f = 0; f < SECRET_FILES_MAX; f++)
		assert_null(secrets.files[f].data);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(i, SECRETS_PLAIN, rows[i].expect);
		check(i, SECRETS_WITH_LINE_END, rows[i].with_line_end);
	}
}

static void
line_end_that_is_kept(void **state)
{
	const char *path = scratch_write("s", MF_TEXT("a\r\nb\n"), 0600);
	struct heard heard;
	struct report report = report_to(&heard);
	struct secrets secrets;

	(void)state;
	assert_true(
	    secrets_load(path, SECRETS_WITH_LINE_END, &secrets, &report));
	assert_string_equal(heard.text, CR_LF_KEPT("1"));
	secrets_free(&secrets);
}

static void
no_file(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct secrets secrets;

	(void)state;
	assert_false(
	    secrets_load(scratch("none"), SECRETS_PLAIN, &secrets, &report));
	assert_string_equal(heard.text,
	    "error: DIR/none: cannot read secrets: "
	    "No such file or directory\n");
	secrets_free(&secrets);
}

static void
weakness(void **state)
{
	static const char published[] =
	    "the secret is the one published with pysrs: anybody can forge "
	    "its addresses; replace it with the output of srs keygen "
	    "(mailfrom-srs(7) describes the move)";
	static const char short_one[] =
	    "the secret is too short (minimum 12 bytes); use the output of srs keygen";
	static const struct {
		struct mf_text secret;
		const char *expect;
	} weak[] = {
	    {BYTES("shhhh!"), published},
	    {BYTES("\"shhhh!\""), published},
	    {BYTES("shhhh!\n"), published}, /* with its line end */
	    {BYTES(" shhhh! "), published},
	    {BYTES(""), short_one},
	    {BYTES("12345678901"), short_one},
	    {BYTES("SHHHH!"), short_one},
	    {BYTES("123456789012"), NULL},
	    {BYTES("shhhh!shhhh!"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(weak); i++) {
		const char *have = secret_weakness(weak[i].secret);

		if (weak[i].expect == NULL)
			assert_null(have);
		else
			assert_string_equal(have, weak[i].expect);
	}
}

static void
fingerprints(void **state)
{
	static const struct {
		struct mf_text secret;
		const char *expect;
	} keys[] = {
	    {BYTES("correct horse battery"), "HeMqGEeA"},
	    {BYTES("correct horse battery "), "b2YZxWL0"},
	    {BYTES("\xef\xbb\xbf"
		   "correct horse battery"),
		"-4gaGmGg"},
	    {BYTES("x"), "xt1owAzc"},
	    {BYTES(""), ""},
	};
	static char huge[SRS_KEY_MAX + 1];
	char have[SECRET_FINGERPRINT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		secret_fingerprint(keys[i].secret, have);
		assert_string_equal(have, keys[i].expect);
	}
	memset(huge, 'x', sizeof(huge));
	secret_fingerprint(mf_text_at(huge, sizeof(huge)), have);
	assert_string_equal(have, "");
}

/* An address that the secret signs has none of the fingerprint in its hash. */
static void
fingerprint_is_no_signature(void **state)
{
	const struct mf_text secret = MF_TEXT("correct horse battery");
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx;
	struct srs_addr address;
	char fingerprint[SECRET_FINGERPRINT_SIZE];
	char forged[SRS_ADDR_SIZE];

	(void)state;
	params.hash_min = 1;
	params.max_age_days = SRS_AGE_DAYS_MAX;
	secret_fingerprint(secret, fingerprint);
	assert_int_equal(srs_ctx_new(&params, &ctx), SRS_OK);
	assert_int_equal(srs_ctx_add_key(ctx, secret), SRS_OK);
	snprintf(forged, sizeof(forged),
	    "SRS0=%s=AA=invalid=fingerprint@a.test", fingerprint);
	assert_int_equal(srs_decode(ctx, mf_text_of(forged), 0, &address, NULL),
	    SRS_BAD_HASH);
	srs_ctx_free(ctx);
}

/* In the order of names, without what is hidden; as one file would be. */
static void
directory(void **state)
{
	static const char *const names[] = {"20-old", "10-new", ".hidden", "b"};
	struct heard heard;
	struct report report = report_to(&heard);
	struct secrets secrets;
	char path[128], name[40];

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch("secrets.d"));
	assert_int_equal(mkdir(path, 0755), 0);
	assert_false(secrets_load(path, SECRETS_PLAIN, &secrets, &report));
	assert_non_null(strstr(heard.text, "contains no secret"));
	secrets_free(&secrets);
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[64];

		snprintf(name, sizeof(name), "secrets.d/%s", names[i]);
		snprintf(text, sizeof(text), "first of %s\nsecond of %s\n",
		    names[i], names[i]);
		scratch_write(name, mf_text_of(text), i == 0 ? 0640 : 0600);
	}
	assert_true(secrets_load(path, SECRETS_PLAIN, &secrets, &report));
	assert_int_equal(secrets.count, 6);
	assert_true(mf_text_eq(secrets.items[0], MF_TEXT("first of 10-new")));
	assert_true(mf_text_eq(secrets.items[2], MF_TEXT("first of 20-old")));
	assert_true(mf_text_eq(secrets.items[5], MF_TEXT("second of b")));
	assert_int_equal(secrets.mode & 0777, 0640);
	secrets_free(&secrets);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(name, sizeof(name), "secrets.d/%s", names[i]);
		unlink(scratch(name));
	}
	assert_int_equal(rmdir(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(line_end_that_is_kept),
	    cmocka_unit_test(no_file),
	    cmocka_unit_test(directory),
	    cmocka_unit_test(weakness),
	    cmocka_unit_test(fingerprints),
	    cmocka_unit_test(fingerprint_is_no_signature),
	};

	return cmocka_run_group_tests_name(
	    "secrets", tests, scratch_setup, scratch_teardown);
}
