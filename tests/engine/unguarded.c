/* SPDX-License-Identifier: ISC */
/*
 * In the place of libspf/engine_guard.c: lets everything through.  A helper
 * linked with it crashes where the guard should have stood, which shows what
 * becomes of a helper that meets a record nobody has thought of.
 */
#include "libspf/engine_.h"

bool
guard_record_ok_(struct text record)
{
	return record.len <= GUARD_TEXT_MAX * 2;
}

bool
guard_text_ok_(struct text text)
{
	return text.len <= GUARD_TEXT_MAX;
}
