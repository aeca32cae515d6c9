/* SPDX-License-Identifier: ISC */
/*
 * tools/mailfrom/convert_plain.c: any bytes in both dialects; and
 * common/foreign_conf.h, which looks at files of all kinds.
 */
#include "tests/fuzz/convert.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	foreign_conf_detect("fuzz", mf_text_at((const char *)data, size));
	fuzz_convert(FOREIGN_CONF_PYSPF_MILTER, data, size);
	fuzz_convert(FOREIGN_CONF_SMF_SPF, data, size);
	return 0;
}
