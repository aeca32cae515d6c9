/* SPDX-License-Identifier: ISC */
/*
 * ses_sign() and ses_verify() on any address, under any parameters.
 *
 * Input: four octets of parameters, then the address.  What is signed verifies
 * until it expires and gives the address back; nothing verifies that wasn't
 * signed, so the fuzzer is welcome to find a signature.
 */
#include "tests/fuzz/fuzz.h"
#include <mailfrom/ses.h>

#define NOW UINT64_C(1700000000)

static void
check_address(const struct srs_addr *addr, enum srs_status status)
{
	size_t at = text_rfind(mf_text_at(addr->text, addr->len), '@');

	FUZZ_CHECK(addr->len <= SRS_ADDR_MAX);
	FUZZ_CHECK(addr->text[addr->len] == '\0');
	FUZZ_CHECK(status < SRS_BAD_PARAM);
	FUZZ_CHECK((status == SRS_OK) == (addr->len != 0));
	FUZZ_CHECK(at <= SRS_LOCAL_MAX);
	for (size_t i = 0; i < addr->len; i++)
		FUZZ_CHECK(
		    !ascii_is_control(addr->text[i]) || addr->text[i] == '\t');
}

static struct ses_params
parameters(struct mf_text *input)
{
	uint8_t first = fuzz_octet(input), second = fuzz_octet(input);

	return (struct ses_params){.hash_bits = SES_HASH_BITS_MIN +
		first % (SES_HASH_BITS_MAX - SES_HASH_BITS_MIN + 1),
	    .fraction_bits = second % (SES_FRACTION_BITS_MAX + 1),
	    .max_age_days = 1 + second * 2u % SRS_AGE_DAYS_MAX};
}

static void
sign(const struct ses_ctx *ctx, const struct ses_params *p,
    struct mf_text sender, uint64_t id, bool fixed)
{
	struct srs_addr out, back;
	struct ses_info info;
	uint64_t fraction = 86400u >> p->fraction_bits;
	uint64_t limit = (uint64_t)p->max_age_days << p->fraction_bits;
	enum srs_status status = fixed ? ses_sign_fixed(ctx, sender, id, &out)
				       : ses_sign(ctx, sender, id, NOW, &out);

	check_address(&out, status);
	if (status != SRS_OK)
		return;
	struct mf_text sig = mf_text_at(out.text, out.len);
	FUZZ_CHECK(ses_is_ses(sig));
	status = ses_verify(
	    ctx, sig, (NOW / fraction + limit) * fraction - 1, &back, &info);
	FUZZ_CHECK(status == SRS_OK);
	FUZZ_CHECK(fuzz_came_back(mf_text_at(back.text, back.len), sender));
	FUZZ_CHECK(info.message_id == id && info.fixed == fixed);
	FUZZ_CHECK(ses_verify(ctx, sig, (NOW / fraction + limit) * fraction,
		       &back, &info) == (fixed ? SRS_OK : SRS_EXPIRED));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	struct ses_params params = parameters(&input);
	uint8_t third = fuzz_octet(&input), fourth = fuzz_octet(&input);
	uint64_t id = (uint64_t)fourth << (third >> 2);
	struct ses_ctx *ctx = NULL;
	struct srs_addr out;

	FUZZ_CHECK(ses_ctx_new(&params, &ctx) == SRS_OK);
	FUZZ_CHECK(ses_ctx_add_key(ctx, MF_TEXT("secret")) == SRS_OK);
	sign(ctx, &params, input, id, third & 1);
	enum srs_status status = ses_verify(ctx, input, NOW, &out, NULL);
	check_address(&out, status);
	/* Sixteen bits can be found by chance. */
	FUZZ_CHECK(params.hash_bits < 64 ||
	    (status != SRS_OK && status != SRS_EXPIRED));
	ses_ctx_free(ctx);
	return 0;
}
