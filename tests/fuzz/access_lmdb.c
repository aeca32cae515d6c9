/* SPDX-License-Identifier: ISC */
/* access/lmdb.c: any octets. */
#include "tests/fuzz/access.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_reader(mf_text_at((const char *)data, size), access_read_lmdb_);
	return 0;
}
