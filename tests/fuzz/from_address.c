/* SPDX-License-Identifier: ISC */
/*
 * from_domain() on any value of From.
 *
 * What it finds is a piece of the value that a domain can be, behind an "@", and
 * folding or a comment at the end makes no difference; another address does.
 */
#include "spfmilter/from_address.h"
#include "tests/fuzz/fuzz.h"

static bool
is_found(const char *before, struct mf_text value, const char *after,
    struct mf_text *domain)
{
	static char store[4096];
	struct text_out out = text_out(store, sizeof(store));

	out_str(&out, before);
	out_text(&out, value);
	out_str(&out, after);
	return !out.full && from_domain(out_view(&out), domain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text value = mf_text_at((const char *)data, size);
	struct mf_text domain = MF_TEXT(""), other;

	if (size > 900 || !from_domain(value, &domain))
		return 0;
	FUZZ_CHECK(domain.p >= value.p && domain.len != 0 &&
	    domain.p + domain.len <= value.p + value.len);
	for (size_t i = 0; i < domain.len; i++)
		FUZZ_CHECK((unsigned char)domain.p[i] > ' ' &&
		    strchr("<>@,;:\\\"", domain.p[i]) == NULL);
	FUZZ_CHECK(text_find(value, '@') != value.len);
	FUZZ_CHECK(is_found("\n ", value, "\n\t(x)", &other));
	FUZZ_CHECK(mf_text_eq(domain, other));
	FUZZ_CHECK(!is_found("", value, ", eve@evil.example", &other));
	FUZZ_CHECK(!is_found("<eve@evil.example> ", value, "", &other));
	FUZZ_CHECK(!is_found("", value, "\n\tSender: x\001", &other));
	return 0;
}
