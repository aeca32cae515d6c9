/* SPDX-License-Identifier: ISC */
/*
 * Arrays that grow by one.
 */
#ifndef MAILFROM_COMMON_ARRAY_H
#define MAILFROM_COMMON_ARRAY_H

#include <stdlib.h>

/*
 * Room for one more behind the count elements of array, which has room for
 * *room, each of size octets: the array, which may have moved.  It at least
 * doubles, so adding n takes O(n).  NULL: out of memory; array stays as it was.
 */
static inline void *
array_grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 16 : *room * 2;

	if (count < *room)
		return array;
	array = realloc(array, wanted * size);
	if (array != NULL)
		*room = wanted;
	return array;
}

#endif
