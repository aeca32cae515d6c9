/* SPDX-License-Identifier: ISC */
/*
 * The time that the resolver measures by: no calendar, never set back.
 */
#ifndef MAILFROM_LIBSPF_DNS_CLOCK_H
#define MAILFROM_LIBSPF_DNS_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_us_(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t
clock_ms_(void)
{
	return clock_us_() / 1000;
}

#endif
