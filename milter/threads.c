/* SPDX-License-Identifier: ISC */
/* pthread_setattr_default_np() is the GNU C library's. */
#define _GNU_SOURCE
#include "milter/threads.h"

#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

/*
 * The deepest callback evaluates SPF from answers that are cached, through
 * libspf2's engine (100 KB, spf_engine.h) and our own (spf.h: 12 KB and 1 KB
 * for each of 10 levels), below it a line of the log (8 KB) and libmilter.
 */
#define STACK_NEEDED (128 * 1024)

/* Sanitizers multiply what a function takes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (16 * STACK_NEEDED)
#else
#define STACK_SIZE (2 * STACK_NEEDED)
#endif

/*
 * malloc() reserves 64 MB of addresses for each arena, and by default makes
 * eight for each core: more than RLIMIT_AS allows where it is set.
 */
#define ARENAS_MAX 8

static int
arenas(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 || cores >= ARENAS_MAX / 2 ? ARENAS_MAX
						    : (int)(2 * cores);
}

void
threads_make_small(void)
{
#ifdef __GLIBC__
	pthread_attr_t attr;

	mallopt(M_ARENA_MAX, arenas());
	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, STACK_SIZE) == 0)
		pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
#endif
}
