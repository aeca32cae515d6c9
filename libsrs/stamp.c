/* SPDX-License-Identifier: ISC */
#include "libsrs/stamp_.h"

#include "common/text.h"

#define SECONDS_PER_DAY 86400

/* A day stamp this far ahead is a clock, not a message of three years ago. */
#define FUTURE_DAYS_PLAUSIBLE 31

static const char base32_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void
stamp_create_(uint64_t now_sec, char out[static STAMP_LEN])
{
	unsigned day = (unsigned)(now_sec / SECONDS_PER_DAY % STAMP_DAYS);

	out[0] = base32_digits[day >> 5];
	out[1] = base32_digits[day & 31];
}

static int
base32_value(char c)
{
	c = ascii_upper(c);
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	return -1;
}

bool
stamp_age_(struct mf_text stamp, uint64_t now_sec, int *age_days)
{
	int hi, lo, age;

	if (stamp.len != STAMP_LEN)
		return false;
	hi = base32_value(stamp.p[0]);
	lo = base32_value(stamp.p[1]);
	if (hi < 0 || lo < 0)
		return false;
	age = (int)(now_sec / SECONDS_PER_DAY % STAMP_DAYS) - (hi * 32 + lo);
	if (age < 0)
		age += STAMP_DAYS;
	if (age >= STAMP_DAYS - FUTURE_DAYS_PLAUSIBLE)
		age -= STAMP_DAYS;
	*age_days = age;
	return true;
}
