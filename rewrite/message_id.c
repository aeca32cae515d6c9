/* SPDX-License-Identifier: ISC */
#include "rewrite/message_id.h"

#include <unistd.h>

/*
 * Bits of the random start.  Each makes a signature longer by a fifth of a
 * character, which is taken from the address that can be signed.
 */
#define START_BITS 24

bool
message_ids_begin(struct message_ids *ids, enum message_id_program program)
{
	uint32_t start = 0;

	if (getentropy(&start, sizeof(start)) < 0)
		return false;
	ids->program = program;
	atomic_init(&ids->next, start >> (32 - START_BITS));
	return true;
}

uint64_t
message_id_next(struct message_ids *ids, uint8_t server)
{
	uint64_t n =
	    atomic_fetch_add_explicit(&ids->next, 1, memory_order_relaxed);

	return n << 9 | (uint64_t)ids->program << 8 | server;
}
