/* SPDX-License-Identifier: ISC */
/* srsd/shapes.h: any key; parts are parts of it, and only quotes are added. */
#include "srsd/shapes.h"
#include "tests/fuzz/fuzz.h"

static void
check_plain(struct mf_text address)
{
	size_t size = address.len + sizeof("<@>");
	char *room = malloc(size);
	struct text_out out = text_out(room, address.len + 2);

	FUZZ_CHECK(room != NULL);
	shapes_to_plain(address, &out);
	FUZZ_CHECK(!out.full);
	out = text_out(room, size);
	shapes_unchanged(address, &out);
	FUZZ_CHECK(!out.full && out.len != 0);
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text whole = mf_text_at((const char *)data, size);
	struct make_srs_key key = shapes_make_srs_key(whole);

	FUZZ_CHECK(key.host.len + key.address.len <= size);
	FUZZ_CHECK(text_starts(whole, key.host));
	FUZZ_CHECK(
	    mf_text_eq(key.address, text_from(whole, size - key.address.len)));
	check_plain(key.address);
	check_plain(whole);
	return 0;
}
