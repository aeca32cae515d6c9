/* SPDX-License-Identifier: ISC */
/*
 * srs_encode(), srs_sign() and srs_decode() on any address.
 *
 * Input: three octets of parameters, then the address.  What is rewritten is
 * within the limits, has nothing in it that ends a line, and comes back as it
 * was; what isn't gives an empty address.  Whether the address itself happens
 * to decode is asked too, and asked with other letters and another alphabet.
 */
#include "tests/fuzz/fuzz.h"
#include <mailfrom/srs.h>

#define NOW UINT64_C(1700000000)
#define DAY 86400

static struct srs_ctx *
context(struct mf_text *input, bool *always)
{
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx = NULL;
	uint8_t first = fuzz_octet(input), second = fuzz_octet(input);

	params.hash_length = 1 + first % SRS_HASH_MAX;
	params.hash_min = 1 + second % params.hash_length;
	params.separator = "=+-"[first % 3];
	params.alphabet = second & 1 ? SRS_BASE64 : SRS_BASE64URL;
	params.always_rewrite = *always = second & 2;
	params.future_days = second & 4 ? 1 : 0;
	FUZZ_CHECK(srs_ctx_new(&params, &ctx) == SRS_OK);
	FUZZ_CHECK(srs_ctx_add_key(ctx, MF_TEXT("secret")) == SRS_OK);
	if (second & 8)
		FUZZ_CHECK(srs_ctx_add_key(ctx, MF_TEXT("older")) == SRS_OK);
	return ctx;
}

/* An address that may be given to an MTA, or "" with any status but OK. */
static void
check_address(const struct srs_addr *addr, enum srs_status status)
{
	struct mf_text t = mf_text_at(addr->text, addr->len);

	FUZZ_CHECK(addr->len <= SRS_ADDR_MAX);
	FUZZ_CHECK(addr->text[addr->len] == '\0');
	FUZZ_CHECK(status < SRS_BAD_PARAM);
	if (status != SRS_OK) {
		FUZZ_CHECK(addr->len == 0);
		return;
	}
	size_t at = text_rfind(t, '@');
	FUZZ_CHECK(at <= SRS_LOCAL_MAX && at + 1 < t.len);
	for (size_t i = 0; i < t.len; i++)
		FUZZ_CHECK(!ascii_is_control(t.p[i]) || t.p[i] == '\t');
	bool quoted = at >= 2 && t.p[0] == '"' && t.p[at - 1] == '"';
	for (size_t i = quoted ? at : 0; i < t.len; i++)
		FUZZ_CHECK(t.p[i] != '<' && t.p[i] != '>');
	FUZZ_CHECK(text_find(text_from(t, at), '=') == t.len - at);
}

static bool
has_tag(struct mf_text address, char version)
{
	size_t quote = address.len != 0 && address.p[0] == '"';

	return srs_is_srs(address) && address.p[quote + 3] == version;
}

/* The same but for quotes, and the tag, which comes back in capitals. */
static void
check_back(struct mf_text sender, const struct srs_addr *back)
{
	char copy[SRS_INPUT_MAX];
	size_t tag = sender.p[0] == '"';

	memcpy(copy, sender.p, sender.len);
	if (has_tag(sender, '0'))
		memcpy(copy + tag, "SRS", 3);
	FUZZ_CHECK(fuzz_came_back(
	    mf_text_at(back->text, back->len), mf_text_at(copy, sender.len)));
}

static void
rewrite(
    const struct srs_ctx *ctx, struct mf_text sender, bool sign, bool always)
{
	struct mf_text domain = MF_TEXT("f.example");
	struct srs_addr out, back;
	struct srs_info info;
	enum srs_status status = sign
	    ? srs_sign(ctx, sender, NOW, &out)
	    : srs_encode(ctx, sender, domain, NOW, &out);

	check_address(&out, status);
	if (status != SRS_OK)
		return;
	struct mf_text rewritten = mf_text_at(out.text, out.len);
	if (!sign && !always && fuzz_came_back(rewritten, sender))
		return; /* in the domain already */
	FUZZ_CHECK(srs_is_srs(rewritten));
	status = srs_decode(ctx, rewritten, NOW + 21 * DAY, &back, &info);
	check_address(&back, status);
	FUZZ_CHECK(info.verified && info.key == 0);
	/* An SRS1 sender loses the hash of the forwarder before. */
	if (has_tag(sender, '1')) {
		FUZZ_CHECK(status == SRS_OK || status == SRS_NO_SPACE);
		return;
	}
	FUZZ_CHECK(status == SRS_OK);
	check_back(sender, &back);
	FUZZ_CHECK(srs_decode(ctx, rewritten, NOW + 22 * DAY, &back, NULL) ==
	    (info.version == 0 ? SRS_EXPIRED : SRS_OK));
}

/* Whatever it is, letter case and alphabet of its hash don't matter. */
static void
decode(const struct srs_ctx *ctx, struct mf_text address)
{
	struct srs_addr out, again;
	struct srs_info info;
	char copy[SRS_INPUT_MAX];
	enum srs_status status = srs_decode(ctx, address, NOW, &out, &info);

	check_address(&out, status);
	FUZZ_CHECK(srs_is_srs(address) || status == SRS_NOT_SRS ||
	    status == SRS_BAD_SYNTAX);
	FUZZ_CHECK(status != SRS_OK || info.verified);
	if (address.len > sizeof(copy))
		return;
	for (size_t i = 0; i < address.len; i++)
		copy[i] = ascii_upper(address.p[i]);
	FUZZ_CHECK(srs_decode(ctx, mf_text_at(copy, address.len), NOW, &again,
		       NULL) == status);
	FUZZ_CHECK(text_eq_fold(
	    mf_text_at(out.text, out.len), mf_text_at(again.text, again.len)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	bool always, sign = fuzz_octet(&input) & 1;
	struct srs_ctx *ctx = context(&input, &always);

	rewrite(ctx, input, sign, always);
	decode(ctx, input);
	srs_ctx_free(ctx);
	return 0;
}
