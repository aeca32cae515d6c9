/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory in libdkim, and in OpenSSL behind it: the n-th allocation
 * fails, for every n.  Each time the status says so, nothing leaks, and no
 * signature passes.
 */
#include <openssl/evp.h>

#include "tests/unit/dkim_messages.h"
#include "tests/unit/shortage.h"
#include "tests/unit/support.h"

EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
EVP_PKEY_CTX *__real_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *engine);
EVP_PKEY_CTX *__wrap_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *engine);

EVP_MD_CTX *
__wrap_EVP_MD_CTX_new(void)
{
	return refuse() ? NULL : __real_EVP_MD_CTX_new();
}

EVP_PKEY_CTX *
__wrap_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *engine)
{
	return refuse() ? NULL : __real_EVP_PKEY_CTX_new(key, engine);
}

static enum dkim_status
verify(struct dkim_check *check, struct mf_text message)
{
	enum dkim_status status = DKIM_OK;

	while (message.len != 0 && status == DKIM_OK) {
		status = dkim_check_message(check, text_head(message, 50));
		message = text_from(message, 50);
	}
	if (status == DKIM_OK)
		status = dkim_check_message_end(check);
	if (status != DKIM_OK)
		return status;
	answer_dinner(check);
	return dkim_check_end(check);
}

/* True: memory was enough. */
static bool
try(struct mf_text message, long n)
{
	struct dkim_check *check;
	bool ok = false, passed = false;

	shortage_begin(n);
	check = dkim_check_new(1700000000, NULL);
	if (check != NULL) {
		ok = verify(check, message) == DKIM_OK;
		passed = dkim_check_result(check) == DKIM_PASS;
	}
	dkim_check_free(check);
	shortage_end();
	assert_int_equal(held, 0);
	if (ok)
		assert_true(passed);
	return ok;
}

static void
shortage(void **state)
{
	const struct mf_text messages[] = {
	    MF_TEXT(RFC6376_SIGNED DINNER_HEADER "\r\n" DINNER_BODY),
	    MF_TEXT(RFC8463_SIGNED DINNER_HEADER "\r\n" DINNER_BODY),
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		long n = 1;

		while (!try(messages[i], n))
			n++;
		assert_true(n > 8);
		assert_true(n == allocations + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shortage)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
