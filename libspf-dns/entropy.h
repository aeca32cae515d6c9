/* SPDX-License-Identifier: ISC */
/*
 * Octets that nobody can guess, got from the system many at a time.
 */
#ifndef MAILFROM_LIBSPF_DNS_ENTROPY_H
#define MAILFROM_LIBSPF_DNS_ENTROPY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* What getentropy() gives at once. */
#define ENTROPY_SIZE 256

/* All zero to begin with.  Of one thread. */
struct entropy {
	size_t left;
	uint8_t octets[ENTROPY_SIZE];
};

/* len octets, at most ENTROPY_SIZE.  False: the system has none. */
static inline bool
entropy_get_(struct entropy *e, void *out, size_t len)
{
	if (e->left < len) {
		if (getentropy(e->octets, sizeof(e->octets)) < 0)
			return false;
		e->left = sizeof(e->octets);
	}
	e->left -= len;
	memcpy(out, e->octets + e->left, len);
	memset(e->octets + e->left, 0, len);
	return true;
}

#endif
