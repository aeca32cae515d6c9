/* SPDX-License-Identifier: ISC */
/*
 * The clock that deadlines are on: it never jumps, and isn't the date.
 */
#ifndef MAILFROM_COMMON_CLOCK_H
#define MAILFROM_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline uint64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

#endif
