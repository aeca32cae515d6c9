/* SPDX-License-Identifier: ISC */
/*
 * The timestamp of SRS0: the day, modulo 1024, in two characters of base 32.
 */
#ifndef MAILFROM_LIBSRS_STAMP__H
#define MAILFROM_LIBSRS_STAMP__H

#include <mailfrom/text.h>

#define STAMP_DAYS 1024 /* until it repeats */
#define STAMP_LEN  2

/* The stamp of now_sec, seconds since 1970 UTC.  Not NUL-terminated. */
void stamp_create_(uint64_t now_sec, char out[static STAMP_LEN]);

/*
 * Age in days of a stamp at now_sec: 0..1023, the stamp being cyclic.  What
 * would be up to a month short of a full cycle is counted as a day to come, and
 * negative.  False: not a stamp.
 */
bool stamp_age_(struct mf_text stamp, uint64_t now_sec, int *age_days);

#endif
