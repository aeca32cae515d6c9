/* SPDX-License-Identifier: ISC */
/*
 * The samples of etc/ in the program: scripts/embed makes the table.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_SAMPLES_H
#define MAILFROM_TOOLS_MAILFROM_SAMPLES_H

#include <stddef.h>

struct sample {
	const char *name; /* such as "etc/postfix/milter.main.cf" */
	const unsigned char *bytes;
	size_t size;
};

extern const struct sample samples[]; /* name NULL at the end */

#endif
