/* SPDX-License-Identifier: ISC */
/*
 * Every answer of tests/conformance/srs.tsv and ses.tsv, asked of libsrs.
 * The files say whose answers they are and where ours differs, and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <mailfrom/ses.h>

#include "common/text.h"

#define FIELDS_MAX 16
#define LINE_SIZE  4096

struct row {
	struct mf_text field[FIELDS_MAX];
	size_t count;
	char line[LINE_SIZE];
};

enum { /* columns of srs.tsv */
	CASE,
	OP,
	NOW,
	SECRETS,
	HASH_LENGTH,
	HASH_MIN,
	SEPARATOR,
	MAX_AGE,
	ALWAYS,
	INPUT,
	DOMAIN,
	EXPECT
};

enum { /* columns of ses.tsv */
	SES_CASE,
	SES_OP,
	SES_NOW,
	SES_SECRETS,
	SES_HASH_BITS,
	SES_MAX_AGE,
	SES_FRACTION_BITS,
	SES_KIND,
	SES_ID,
	SES_INPUT,
	SES_EXPECT,
	SES_TIME_CODE,
	SES_ID_READ
};

/* Undo \\ \t \n \r in place. */
static struct mf_text
unescape(char *p, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (c == '\\' && i + 1 < len) {
			c = p[++i];
			c = c == 't'   ? '\t'
			    : c == 'n' ? '\n'
			    : c == 'r' ? '\r'
				       : c;
		}
		p[to++] = c;
	}
	return mf_text_at(p, to);
}

static bool
row_read(FILE *file, struct row *row)
{
	do {
		if (fgets(row->line, sizeof(row->line), file) == NULL)
			return false;
	} while (row->line[0] == '#');
	char *at = row->line;
	row->count = 0;
	for (char *end = at; row->count < FIELDS_MAX; end++) {
		if (*end != '\t' && *end != '\n' && *end != '\0')
			continue;
		bool last = *end != '\t';
		row->field[row->count++] = unescape(at, (size_t)(end - at));
		at = end + 1;
		if (last)
			break;
	}
	return true;
}

static uint64_t
number(struct mf_text t)
{
	uint64_t n = 0;

	if (!text_uint(t, UINT64_MAX, &n))
		fail_msg("not a number: %.*s", (int)t.len, t.p);
	return n;
}

static void
add_keys(void *ctx, enum srs_status (*add)(void *, struct mf_text),
    struct mf_text secrets)
{
	struct mf_text one;

	while (text_cut(&secrets, '|', &one))
		assert_int_equal(add(ctx, one), SRS_OK);
	assert_int_equal(add(ctx, secrets), SRS_OK);
}

static enum srs_status
add_srs_key(void *ctx, struct mf_text key)
{
	return srs_ctx_add_key(ctx, key);
}

static enum srs_status
add_ses_key(void *ctx, struct mf_text key)
{
	return ses_ctx_add_key(ctx, key);
}

static void
check(const struct row *row, enum srs_status status, const struct srs_addr *out,
    struct mf_text expect)
{
	bool want_error = mf_text_eq(expect, MF_TEXT("!"));

	if (want_error ? status != SRS_OK
		       : status == SRS_OK &&
		    mf_text_eq(mf_text_at(out->text, out->len), expect))
		return;
	fail_msg("case %.*s: want %.*s, have %s (%s)",
	    (int)row->field[CASE].len, row->field[CASE].p, (int)expect.len,
	    expect.p, out->text, srs_status_text(status));
}

static void
srs_row(const struct row *row)
{
	const struct mf_text *f = row->field;
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx = NULL;
	struct srs_addr out = {.len = 0};
	enum srs_status status;

	params.hash_length = (unsigned)number(f[HASH_LENGTH]);
	params.hash_min = (unsigned)number(f[HASH_MIN]);
	params.separator = f[SEPARATOR].p[0];
	params.max_age_days = (unsigned)number(f[MAX_AGE]);
	params.always_rewrite = number(f[ALWAYS]) != 0;
	params.alphabet = SRS_BASE64;
	status = srs_ctx_new(&params, &ctx);
	if (status == SRS_OK) {
		add_keys(ctx, add_srs_key, f[SECRETS]);
		uint64_t now = number(f[NOW]);

		if (mf_text_eq(f[OP], MF_TEXT("forward")))
			status =
			    srs_encode(ctx, f[INPUT], f[DOMAIN], now, &out);
		else if (mf_text_eq(f[OP], MF_TEXT("sign")))
			status = srs_sign(ctx, f[INPUT], now, &out);
		else
			status = srs_decode(ctx, f[INPUT], now, &out, NULL);
	}
	check(row, status, &out, f[EXPECT]);
	srs_ctx_free(ctx);
}

static void
ses_row(const struct row *row)
{
	const struct mf_text *f = row->field;
	struct ses_params params = {
	    .hash_bits = (unsigned)number(f[SES_HASH_BITS]),
	    .fraction_bits = (unsigned)number(f[SES_FRACTION_BITS]),
	    .max_age_days = (unsigned)number(f[SES_MAX_AGE])};
	struct ses_ctx *ctx = NULL;
	struct ses_info info = {0};
	struct srs_addr out = {.len = 0};
	uint64_t now = number(f[SES_NOW]);
	enum srs_status status;

	assert_int_equal(ses_ctx_new(&params, &ctx), SRS_OK);
	add_keys(ctx, add_ses_key, f[SES_SECRETS]);
	if (mf_text_eq(f[SES_OP], MF_TEXT("verify")))
		status = ses_verify(ctx, f[SES_INPUT], now, &out, &info);
	else if (mf_text_eq(f[SES_KIND], MF_TEXT("fixed")))
		status =
		    ses_sign_fixed(ctx, f[SES_INPUT], number(f[SES_ID]), &out);
	else
		status =
		    ses_sign(ctx, f[SES_INPUT], number(f[SES_ID]), now, &out);
	check(row, status, &out, f[SES_EXPECT]);
	if (status == SRS_OK && mf_text_eq(f[SES_OP], MF_TEXT("verify"))) {
		assert_int_equal(info.message_id, number(f[SES_ID_READ]));
		assert_int_equal(info.time_code, number(f[SES_TIME_CODE]));
	}
	ses_ctx_free(ctx);
}

static void
each_row(const char *path, size_t columns, size_t at_least,
    void (*ask)(const struct row *))
{
	static struct row row;
	FILE *file = fopen(path, "r");
	size_t rows = 0;

	if (file == NULL)
		fail_msg("cannot read %s", path);
	for (; row_read(file, &row); rows++) {
		if (row.count < columns)
			fail_msg(
			    "%s: %zu fields in row %zu", path, row.count, rows);
		ask(&row);
	}
	fclose(file);
	assert_true(rows >= at_least);
}

static void
srs_vectors(void **state)
{
	(void)state;
	each_row("tests/conformance/srs.tsv", EXPECT + 1, 120, srs_row);
}

static void
ses_vectors(void **state)
{
	(void)state;
	each_row("tests/conformance/ses.tsv", SES_ID_READ + 1, 60, ses_row);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(srs_vectors),
	    cmocka_unit_test(ses_vectors),
	};

	return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
