/* SPDX-License-Identifier: ISC */
/* srsd/shapes.h: any key; parts are parts of it, and nothing grows. */
#include <stdlib.h>

#include "srsd/shapes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_plain(struct text address)
{
	char *room = malloc(address.len + 1);
	struct text_out out = text_out(room, address.len);

	if (room == NULL)
		return;
	shapes_to_plain(address, &out);
	if (out.full)
		abort();
	free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = text_at((const char *)data, size);
	struct make_srs_key key = shapes_make_srs_key(whole);

	if (!text_starts(whole, key.host) ||
	    !text_eq(key.address, text_from(whole, size - key.address.len)) ||
	    key.host.len + key.address.len > size)
		abort();
	check_plain(key.address);
	check_plain(whole);
	return 0;
}
