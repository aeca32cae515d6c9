/* SPDX-License-Identifier: ISC */
/* tools/mailfrom/convert_confuse.c: any bytes as libconfuse's dialect. */
#include "tests/fuzz/convert.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_convert(FOREIGN_CONF_POSTSRSD2, data, size);
	return 0;
}
