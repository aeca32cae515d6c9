/* SPDX-License-Identifier: ISC */
/*
 * rrs_encode() and rrs_decode() on any forwarder and address.
 *
 * Input: a forwarder, a line end, an address.  What is written is within the
 * limits, has nothing in it that ends a line, verifies in any case and gives
 * the address back; nothing verifies that wasn't signed.
 */
#include "tests/fuzz/fuzz.h"
#include <mailfrom/rrs.h>

static void
check_address(const struct srs_addr *addr, enum srs_status status)
{
	struct mf_text t = mf_text_at(addr->text, addr->len);

	FUZZ_CHECK(addr->len <= SRS_ADDR_MAX);
	FUZZ_CHECK(addr->text[addr->len] == '\0');
	FUZZ_CHECK((status == SRS_OK) == (addr->len != 0));
	FUZZ_CHECK(text_rfind(t, '@') <= SRS_LOCAL_MAX || addr->len == 0);
	for (size_t i = 0; i < t.len; i++)
		FUZZ_CHECK(!ascii_is_control(t.p[i]) || t.p[i] == '\t');
}

static void
encode(const struct rrs_ctx *ctx, struct mf_text forwarder,
    struct mf_text recipient)
{
	struct srs_addr out, back;
	struct rrs_info info;
	enum srs_status status = rrs_encode(ctx, forwarder, recipient, &out);

	check_address(&out, status);
	if (status != SRS_OK)
		return;
	struct mf_text address = mf_text_at(out.text, out.len);
	FUZZ_CHECK(rrs_is_rrs(address));
	status = rrs_decode(ctx, address, &back, &info);
	FUZZ_CHECK(status == SRS_OK && info.verified && info.key == 0);
	FUZZ_CHECK(mf_text_eq(info.forwarder, forwarder));
	FUZZ_CHECK(fuzz_came_back(mf_text_at(back.text, back.len), recipient));
	for (size_t i = 0; i < out.len; i++)
		out.text[i] = ascii_upper(out.text[i]);
	FUZZ_CHECK(rrs_decode(ctx, address, &back, NULL) == SRS_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	struct mf_text forwarder = MF_TEXT("");
	struct rrs_ctx *ctx = NULL;
	struct rrs_info info;
	struct srs_addr out;

	FUZZ_CHECK(rrs_ctx_new(&ctx) == SRS_OK);
	FUZZ_CHECK(rrs_ctx_add_key(ctx, MF_TEXT("secret")) == SRS_OK);
	FUZZ_CHECK(rrs_ctx_add_key(ctx, MF_TEXT("older")) == SRS_OK);
	text_cut(&input, '\n', &forwarder);
	encode(ctx, forwarder, input);
	enum srs_status status = rrs_decode(ctx, input, &out, &info);
	check_address(&out, status);
	/* Sixty bits aren't found by chance; the corpus has what is signed. */
	FUZZ_CHECK((status == SRS_OK) <= info.verified);
	FUZZ_CHECK(rrs_is_rrs(input) || status == SRS_NOT_SRS ||
	    status == SRS_BAD_SYNTAX);
	rrs_ctx_free(ctx);
	return 0;
}
