/* SPDX-License-Identifier: ISC */
/*
 * Memory, or the end of the program.
 */
#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

void *
spfquery_must(void *memory)
{
	if (memory != NULL)
		return memory;
	fprintf(stderr, "spfquery: out of memory\n");
	exit(SPFQUERY_USAGE);
}

char *
spfquery_copy(struct mf_text t)
{
	char *copy = spfquery_must(malloc(t.len + 1));

	if (t.len != 0)
		memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	return copy;
}
