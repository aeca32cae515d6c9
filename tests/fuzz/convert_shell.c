/* SPDX-License-Identifier: ISC */
/* tools/mailfrom/convert_shell.c: any bytes as variables of a shell. */
#include "tests/fuzz/convert.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_convert(FOREIGN_CONF_POSTSRSD1, data, size);
	return 0;
}
