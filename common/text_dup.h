/* SPDX-License-Identifier: ISC */
/*
 * Text that outlives what it was a view of.
 */
#ifndef MAILFROM_COMMON_TEXT_DUP_H
#define MAILFROM_COMMON_TEXT_DUP_H

#include <stdlib.h>

#include "common/text.h"

/* A NUL-terminated copy, for free(); NULL: out of memory. */
static inline char *
text_dup(struct mf_text t)
{
	char *copy = malloc(t.len + 1);

	if (copy == NULL)
		return NULL;
	if (t.len != 0)
		memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	return copy;
}

#endif
