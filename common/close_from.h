/* SPDX-License-Identifier: ISC */
/*
 * Close all descriptors from lowest on: closefrom(), which glibc and the BSDs
 * have, and musl hasn't.
 */
#ifndef MAILFROM_COMMON_CLOSE_FROM_H
#define MAILFROM_COMMON_CLOSE_FROM_H

#include <unistd.h>

#if defined(__linux__) && !defined(__GLIBC__)
#include <sys/syscall.h>

/* Kernels before 5.9 lack the call: one by one, then. */
static inline void
close_from(int lowest)
{
	long end = sysconf(_SC_OPEN_MAX);

	if (syscall(SYS_close_range, (unsigned)lowest, ~0u, 0u) == 0)
		return;
	for (long fd = lowest; fd < end; fd++)
		close((int)fd);
}
#else
static inline void
close_from(int lowest)
{
	closefrom(lowest);
}
#endif

#endif
