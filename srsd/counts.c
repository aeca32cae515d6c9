/* SPDX-License-Identifier: ISC */
#include "srsd/counts.h"

void
counts_lookup(struct srsd_counts *counts, const struct map_lookup *lookup)
{
	counts_add(&counts->maps[lookup->map]);
	if (lookup->kind == MAP_FORWARD)
		counts_add(&counts->forward[lookup->result.reason]);
	else if (lookup->kind == MAP_REVERSE)
		counts_add(&counts->reverse[lookup->result.reason]);
}
