/* SPDX-License-Identifier: ISC */
/* access/berkeley.c: any octets. */
#include "tests/fuzz/access.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_reader(
	    mf_text_at((const char *)data, size), access_read_berkeley_);
	return 0;
}
