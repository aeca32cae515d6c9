/* SPDX-License-Identifier: ISC */
/*
 * In the place of libspf-engine/guard.c: lets everything through.  A helper
 * linked with it crashes where the guard should have stood, which shows what
 * becomes of a helper that meets a record nobody has thought of.
 */
#include "libspf-engine/guard.h"

bool
guard_record_ok_(struct mf_text record)
{
	return record.len <= GUARD_TEXT_MAX * 2;
}

bool
guard_text_ok_(struct mf_text text)
{
	return text.len <= GUARD_TEXT_MAX;
}
