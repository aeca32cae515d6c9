/* SPDX-License-Identifier: ISC */
/* Aliases of libsrs: srs_alias() and srs_alias_digest(). */
#include "tests/unit/support.h"

#include <mailfrom/srs.h>

/* Computed by Python's hmac and base64. */
#define DIGEST_OF_SENDER "0EUF3VP4S1HB2AICOJ3PI2LS70GOR2BR"

static const struct mf_text domain = MF_TEXT("srs.example");
static const struct mf_text sender = MF_TEXT(
    "a.local.part.of.no.fewer.than.fifty.characters.of.text@long.example");

static struct srs_ctx *
context(const char *first, const char *second)
{
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx;

	assert_int_equal(srs_ctx_new(&params, &ctx), SRS_OK);
	if (first != NULL)
		assert_int_equal(
		    srs_ctx_add_key(ctx, mf_text_of(first)), SRS_OK);
	if (second != NULL)
		assert_int_equal(
		    srs_ctx_add_key(ctx, mf_text_of(second)), SRS_OK);
	return ctx;
}

static struct mf_text
view(const struct srs_addr *a)
{
	return mf_text_at(a->text, a->len);
}

/* The digest: base32hex(HMAC-SHA1("secret of ours", "ALIAS " sender)). */
static void
alias_has_its_shape(void **state)
{
	struct srs_ctx *ctx = context("secret of ours", NULL);
	char digest[SRS_DIGEST_SIZE], found[SRS_DIGEST_SIZE];
	struct srs_addr alias, original;

	(void)state;
	assert_int_equal(
	    srs_alias(ctx, sender, domain, NOW, &alias, digest), SRS_OK);
	assert_string_equal(digest, DIGEST_OF_SENDER);
	assert_int_equal(
	    strspn(digest, "0123456789ABCDEFGHIJKLMNOPQRSTUV"), SRS_DIGEST_LEN);
	assert_memory_equal(alias.text, "SRS0=", 5);
	assert_string_equal(
	    alias.text + 5 + 6, "=G3=1=" DIGEST_OF_SENDER "@srs.example");
	assert_int_equal(
	    srs_decode(ctx, view(&alias), NOW, &original, NULL), SRS_OK);
	assert_true(srs_alias_digest(view(&original), found));
	assert_string_equal(found, digest);
	srs_ctx_free(ctx);
}

/* Every MTA may fold the case of a local part. */
static void
case_makes_no_difference(void **state)
{
	struct srs_ctx *ctx = context("secret of ours", NULL);
	char digest[SRS_DIGEST_SIZE], found[SRS_DIGEST_SIZE];
	struct srs_addr alias, original;

	(void)state;
	srs_alias(ctx, sender, domain, NOW, &alias, digest);
	ascii_lower_all(alias.text, alias.len);
	assert_int_equal(
	    srs_decode(ctx, view(&alias), NOW, &original, NULL), SRS_OK);
	assert_true(srs_alias_digest(view(&original), found));
	assert_string_equal(found, digest);
	srs_ctx_free(ctx);
}

/* Of the signing key alone; the row stays where it is when that changes. */
static void
digest_is_keyed(void **state)
{
	struct srs_ctx *old = context("an older secret", NULL);
	struct srs_ctx *new = context("secret of ours", "an older secret");
	char one[SRS_DIGEST_SIZE], two[SRS_DIGEST_SIZE], found[SRS_DIGEST_SIZE];
	struct srs_addr alias, original;

	(void)state;
	srs_alias(new, sender, domain, NOW, &alias, two);
	srs_alias(old, sender, domain, NOW, &alias, one);
	assert_string_not_equal(one, two);
	assert_int_equal(
	    srs_decode(new, view(&alias), NOW, &original, NULL), SRS_OK);
	assert_true(srs_alias_digest(view(&original), found));
	assert_string_equal(found, one);
	srs_ctx_free(old);
	srs_ctx_free(new);
}

static void
alias_has_the_statuses_of_srs(void **state)
{
	struct srs_ctx *ctx = context("secret of ours", NULL);
	struct srs_ctx *empty = context(NULL, NULL);
	char digest[SRS_DIGEST_SIZE], text[SRS_ADDR_MAX + 2];
	struct srs_addr alias;
	const struct {
		const struct srs_ctx *ctx;
		struct mf_text sender, domain;
		enum srs_status expected;
	} rows[] = {
	    {empty, sender, domain, SRS_NO_KEY},
	    {ctx, MF_TEXT(""), domain, SRS_NULL_SENDER},
	    {ctx, MF_TEXT("<>"), domain, SRS_NULL_SENDER},
	    {ctx, MF_TEXT("nobody"), domain, SRS_BAD_SYNTAX},
	    {ctx, MF_TEXT("a\n@b.example"), domain, SRS_BAD_SYNTAX},
	    {ctx, sender, MF_TEXT(""), SRS_BAD_SYNTAX},
	    {ctx, MF_TEXT("a@b"), domain, SRS_OK},
	    {ctx, mf_text_at(text, SRS_ADDR_MAX), domain, SRS_OK},
	    {ctx, mf_text_at(text, SRS_ADDR_MAX + 1), domain, SRS_NO_SPACE},
	};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[60] = '@';
	for (size_t i = 100; i < sizeof(text) - 2; i += 40)
		text[i] = '.';
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum srs_status status = srs_alias(rows[i].ctx, rows[i].sender,
		    rows[i].domain, NOW, &alias, digest);

		expect_int(srs_status_text(rows[i].expected), "status", status,
		    rows[i].expected);
		assert_int_equal(alias.len != 0, status == SRS_OK);
		assert_true(alias.len <= 64 + 1 + domain.len);
	}
	srs_ctx_free(ctx);
	srs_ctx_free(empty);
}

static void
others_are_no_aliases(void **state)
{
	static const char *const rows[] = {"", "@1", "user@1",
	    "0123456789ABCDEFGHIJKLMNOPQRSTU@1",
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVV@1",
	    "0123456789ABCDEFGHIJKLMNOPQRSTUW@1",
	    "0123456789ABCDEFGHIJKLMNOPQRSTUV@2",
	    "0123456789ABCDEFGHIJKLMNOPQRSTUV@1.example",
	    "0123456789ABCDEFGHIJKLMNOPQRSTUV.1"};
	char digest[SRS_DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_false(srs_alias_digest(mf_text_of(rows[i]), digest));
		assert_string_equal(digest, "");
	}
	assert_true(srs_alias_digest(
	    MF_TEXT("0123456789abcdefghijklmnopqrstuv@1"), digest));
	assert_string_equal(digest, "0123456789ABCDEFGHIJKLMNOPQRSTUV");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(alias_has_its_shape),
	    cmocka_unit_test(case_makes_no_difference),
	    cmocka_unit_test(digest_is_keyed),
	    cmocka_unit_test(alias_has_the_statuses_of_srs),
	    cmocka_unit_test(others_are_no_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
