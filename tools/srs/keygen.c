/* SPDX-License-Identifier: ISC */
/*
 * srs keygen: a new secret from the system's randomness.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/srs/srs.h"

#define KEYGEN_OCTETS 32

int
srs_keygen(void)
{
	unsigned char octets[KEYGEN_OCTETS];

	if (getentropy(octets, sizeof(octets)) < 0) {
		fprintf(stderr, "srs: no randomness: %s\n", strerror(errno));
		return SRS_EXIT_FAILED;
	}
	for (size_t i = 0; i < sizeof(octets); i++)
		printf("%02x", octets[i]);
	putchar('\n');
	explicit_bzero(octets, sizeof(octets));
	return SRS_EXIT_OK;
}
