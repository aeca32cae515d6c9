/* SPDX-License-Identifier: ISC */
/* common/sockaddr.h: any octets; what is accepted is a usable address. */
#include "common/sockaddr.h"
#include "tests/fuzz/fuzz.h"

static bool
is_string(const char *p, size_t size)
{
	return p[0] != '\0' && memchr(p, '\0', size) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	struct sockaddr_spec spec;
	const char *why = NULL;

	if (!sockaddr_parse(input, &spec, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return 0;
	}
	if (spec.family == SOCKADDR_UNIX) {
		FUZZ_CHECK(is_string(spec.path, sizeof(spec.path)));
		FUZZ_CHECK(spec.path[0] == '/');
	} else {
		FUZZ_CHECK(is_string(spec.host, sizeof(spec.host)));
		FUZZ_CHECK(spec.port != 0);
	}
	return 0;
}
