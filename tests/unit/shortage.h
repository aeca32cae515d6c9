/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory: between shortage_begin() and shortage_end() the n-th
 * allocation fails, and what is not freed is counted.
 *
 * Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free.
 */
#ifndef MAILFROM_TESTS_UNIT_SHORTAGE_H
#define MAILFROM_TESTS_UNIT_SHORTAGE_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *p);

/* Of this thread: the resolver's has nothing to do here. */
static _Thread_local bool counting;
static long fail_at; /* from 1; 0: none */
static long allocations, held;

static inline void
shortage_begin(long n)
{
	allocations = held = 0;
	fail_at = n;
	counting = true;
}

static inline void
shortage_end(void)
{
	counting = false;
}

static bool
refuse(void)
{
	return counting && ++allocations == fail_at;
}

static void *
count_held(void *p)
{
	if (counting && p != NULL)
		held++;
	return p;
}

void *
__wrap_malloc(size_t size)
{
	return refuse() ? NULL : count_held(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : count_held(__real_calloc(count, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
	void *p;

	if (refuse())
		return NULL;
	p = __real_realloc(old, size);
	return old == NULL ? count_held(p) : p;
}

void
__wrap_free(void *p)
{
	if (counting && p != NULL)
		held--;
	__real_free(p);
}

#endif
