/* SPDX-License-Identifier: ISC */
/*
 * What a thread of libmilter's costs.  It makes them itself, one for each
 * callback that waits, with the defaults of the C library.
 */
#ifndef MAILFROM_MILTER_THREADS_H
#define MAILFROM_MILTER_THREADS_H

/*
 * Give the threads of this process, from now on, stacks of the size that they
 * need, each with its guard page, and few arenas to allocate from.
 */
void threads_make_small(void);

#endif
