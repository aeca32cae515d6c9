/* SPDX-License-Identifier: ISC */
/*
 * What a guess at an SRS address is worth: the hash is all that is secret, so
 * every string is tried at lengths at which that can be done.  And what the
 * format lets one signature say.  SECURITY.md draws its figures from here.
 */
#include "tests/unit/support.h"

#include <mailfrom/srs.h>

#define DOMAIN "srs.example.com"

/* Senders, each of which has another hash. */
#define SENDERS 2000

/* How the hash folds: a letter's two cases, "+-" and "/_" are one each. */
#define CLASSES 38

/* The 26 letters are worth twice as much as what follows; best first. */
static const char best_first[CLASSES + 1] =
    "abcdefghijklmnopqrstuvwxyz0123456789-_";

static struct srs_ctx *
context_of(unsigned hash_length)
{
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx;

	params.hash_length = params.hash_min = hash_length;
	assert_int_equal(srs_ctx_new(&params, &ctx), SRS_OK);
	assert_int_equal(
	    srs_ctx_add_key(ctx, MF_TEXT("a secret of this test")), SRS_OK);
	return ctx;
}

/* Whether "SRS0=HASH=G3=example.net=uN" verifies. */
static bool
verifies(const struct srs_ctx *ctx, const char *hash, size_t len, unsigned n)
{
	char text[SRS_ADDR_SIZE];
	struct srs_addr out;
	int size = snprintf(text, sizeof(text),
	    "SRS0=%.*s=G3=example.net=u%u@" DOMAIN, (int)len, hash, n);

	return srs_decode(ctx, mf_text_at(text, (size_t)size), NOW, &out,
		   NULL) == SRS_OK;
}

/* --- every string --- */

/* How many spellings one symbol of a hash has. */
static unsigned
spellings(char symbol)
{
	return symbol >= '0' && symbol <= '9' ? 1 : 2;
}

/* How many strings of any octets verify, of 255^len. */
static unsigned
count_all(const struct srs_ctx *ctx, size_t len, unsigned sender)
{
	unsigned count = 0;
	char hash[2];

	for (unsigned a = 1; a < 256; a++) {
		hash[0] = (char)a;
		if (len == 1)
			count += verifies(ctx, hash, 1, sender);
		for (unsigned b = 1; b < 256 && len == 2; b++) {
			hash[1] = (char)b;
			count += verifies(ctx, hash, 2, sender);
		}
	}
	return count;
}

/* Tries until the hash is found, best guesses first: 1 is the first. */
static unsigned
tries(const struct srs_ctx *ctx, size_t len, unsigned sender, char found[2])
{
	unsigned count = 0;

	/* With every rare symbol half the chance. */
	for (unsigned rare = 0; rare <= len; rare++)
		for (unsigned a = 0; a < CLASSES; a++)
			for (unsigned b = 0; b < (len == 2 ? CLASSES : 1);
			     b++) {
				if ((a >= 26u) + (len == 2 && b >= 26u) !=
				    (int)rare)
					continue;
				found[0] = best_first[a];
				found[1] = best_first[b];
				count++;
				if (verifies(ctx, found, len, sender))
					return count;
			}
	fail_msg("sender %u: no string verifies", sender);
	return 0;
}

static void
strings_that_verify(void **state)
{
	(void)state;
	for (unsigned len = 1; len <= 2; len++) {
		struct srs_ctx *ctx = context_of(len);

		for (unsigned sender = 0; sender < 4; sender++) {
			char found[2];
			unsigned expect;

			tries(ctx, len, sender, found);
			expect = spellings(found[0]) *
			    (len == 2 ? spellings(found[1]) : 1);
			expect_int("all strings", "that verify",
			    (int)count_all(ctx, len, sender), (int)expect);
		}
		srs_ctx_free(ctx);
	}
}

/*
 * SECURITY.md: 17.06 tries on average at one character, and 572.9 at two; the
 * first guess is right once in 32^len.  The senders are always the same, so
 * these are as well; they may be off by three standard errors.
 */
static void
expected_tries(void **state)
{
	static const struct {
		double mean, off, first, first_off;
	} expect[] = {
	    {17.06, 0.70, SENDERS / 32.0, 24},
	    {572.9, 27, SENDERS / 1024.0, 4.2},
	};

	(void)state;
	for (unsigned len = 1; len <= 2; len++) {
		struct srs_ctx *ctx = context_of(len);
		unsigned sum = 0, first = 0, most = 0;

		for (unsigned sender = 0; sender < SENDERS; sender++) {
			char found[2];
			unsigned n = tries(ctx, len, sender, found);

			sum += n;
			first += n == 1;
			most = n > most ? n : most;
		}
		srs_ctx_free(ctx);
		print_message("length %u: %.2f tries on average, %u at most, "
			      "%u of %u at the first\n",
		    len, (double)sum / SENDERS, most, first, SENDERS);
		assert_true(most <= (len == 1 ? CLASSES : CLASSES * CLASSES));
		assert_true((double)sum / SENDERS >
			expect[len - 1].mean - expect[len - 1].off &&
		    (double)sum / SENDERS <
			expect[len - 1].mean + expect[len - 1].off);
		assert_true(
		    first > expect[len - 1].first - expect[len - 1].first_off &&
		    first < expect[len - 1].first + expect[len - 1].first_off);
	}
}

/* --- what one signature says --- */

/* The hash of bob@victim.test, in front of other fields. */
static enum srs_status
decode_as(const char *fields, uint64_t now, struct srs_addr *out)
{
	struct srs_ctx *ctx = context_of(6);
	struct srs_addr address;
	char text[SRS_ADDR_SIZE];
	enum srs_status status;
	int size;

	assert_int_equal(srs_encode(ctx, MF_TEXT("bob@victim.test"),
			     MF_TEXT(DOMAIN), NOW, &address),
	    SRS_OK);
	size = snprintf(
	    text, sizeof(text), "%.12s%s@" DOMAIN, address.text, fields);
	status =
	    srs_decode(ctx, mf_text_at(text, (size_t)size), now, out, NULL);
	srs_ctx_free(ctx);
	return status;
}

/* The format signs the fields without what divides them. */
static void
no_delimiters(void **state)
{
	static const struct {
		const char *fields, *address;
	} same[] = {
	    {"G3=victim.test=bob", "bob@victim.test"},
	    {"G3=victim.tes=tbob", "tbob@victim.tes"},
	    {"G3=victim.testb=ob", "ob@victim.testb"},
	    {"G3=v=ictim.testbob", "ictim.testbob@v"},
	};
	static const char *const others[] = {"G3=victim.test=boc",
	    "G3=victim.test=bobb", "G3=victim.test=bo", "G4=victim.test=bob",
	    "G=3victim.test=bob", "G3v=ictim.test=bob"};
	struct srs_addr out;

	(void)state;
	for (size_t i = 0; i < COUNT(same); i++) {
		expect_int(same[i].fields, "status",
		    decode_as(same[i].fields, NOW, &out), SRS_OK);
		expect_str(
		    same[i].fields, "address", out.text, same[i].address);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		expect_int(others[i], "verifies",
		    decode_as(others[i], NOW, &out) == SRS_OK, false);
}

/* Stamps count to 1024 days: rotate before. */
static void
stamps_come_back(void **state)
{
	static const struct {
		unsigned days;
		enum srs_status status;
	} cases[] = {
	    {0, SRS_OK},
	    {21, SRS_OK},
	    {22, SRS_EXPIRED},
	    {1023, SRS_FUTURE},
	    {1024, SRS_OK},
	    {1024 + 21, SRS_OK},
	    {1024 + 22, SRS_EXPIRED},
	};
	struct srs_addr out;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect_int("days", "status",
		    decode_as("G3=victim.test=bob",
			NOW + (uint64_t)cases[i].days * DAY, &out),
		    cases[i].status);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strings_that_verify),
	    cmocka_unit_test(expected_tries),
	    cmocka_unit_test(no_delimiters),
	    cmocka_unit_test(stamps_come_back),
	};

	return cmocka_run_group_tests_name("guessing", tests, NULL, NULL);
}
