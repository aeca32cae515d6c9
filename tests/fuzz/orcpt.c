/* SPDX-License-Identifier: ISC */
/* milter/orcpt.h: any octets; what is found is a domain, as it is written. */
#include "milter/orcpt.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char value[1024];
	char *parameters[] = {"NOTIFY=NEVER", value, NULL};
	char room[DOMAIN_MAX], again_room[DOMAIN_MAX];
	struct text_out again = text_out(again_room, sizeof(again_room));
	struct mf_text found;
	const char *why;

	if (size >= sizeof(value))
		return 0;
	memcpy(value, data, size);
	value[size] = '\0';
	found = orcpt_domain(parameters, room);
	FUZZ_CHECK(found.len <= DOMAIN_MAX);
	if (found.len == 0)
		return 0;
	FUZZ_CHECK(text_is_ascii(found) && !text_has_control(found));
	FUZZ_CHECK(domain_read(found, &again, &why));
	FUZZ_CHECK(mf_text_eq(out_view(&again), found));
	return 0;
}
