/* SPDX-License-Identifier: ISC */
/* store/store_url.h: any bytes; what is accepted can be connected to. */
#include "store/store_url.h"
#include "tests/fuzz/fuzz.h"

static bool
is_string(const char *p, size_t size)
{
	return p[0] != '\0' && memchr(p, '\0', size) != NULL;
}

static void
check_hosts(const struct store_url *url)
{
	FUZZ_CHECK(url->host_count >= 1);
	FUZZ_CHECK(url->host_count <= STORE_SENTINELS_MAX);
	for (unsigned i = 0; i < url->host_count; i++) {
		FUZZ_CHECK(
		    is_string(url->hosts[i].name, sizeof(url->hosts[i].name)));
		FUZZ_CHECK(url->hosts[i].port != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	struct store_url url;
	const char *why = NULL;

	if (!store_url_parse(input, &url, &why)) {
		FUZZ_CHECK(why != NULL && *why != '\0');
		return 0;
	}
	FUZZ_CHECK(url.database <= STORE_DATABASE_MAX);
	switch (url.scheme) {
	case STORE_NONE:
		break;
	case STORE_SQLITE:
	case STORE_REDIS_UNIX:
		FUZZ_CHECK(is_string(url.path, sizeof(url.path)));
		FUZZ_CHECK(url.path[0] == '/');
		break;
	case STORE_REDIS_SENTINEL:
		FUZZ_CHECK(is_string(url.master, sizeof(url.master)));
		check_hosts(&url);
		break;
	case STORE_REDIS:
	case STORE_REDIS_TLS:
		check_hosts(&url);
		break;
	}
	return 0;
}
