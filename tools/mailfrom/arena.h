/* SPDX-License-Identifier: ISC */
/*
 * Memory for text that lives as long as the command that reads it: allocated
 * piece by piece, freed at once.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_ARENA_H
#define MAILFROM_TOOLS_MAILFROM_ARENA_H

#include "common/text.h"

struct arena_block;
struct arena {
	struct arena_block *newest;
};

/*
 * size bytes, zeroed and aligned for anything; never NULL: without memory, the
 * program reports that and exits, because it has changed nothing yet.
 */
void *arena_new(struct arena *arena, size_t size);

/* A copy of t, with a NUL after it. */
struct mf_text arena_copy(struct arena *arena, struct mf_text t);

/* What printf() would print, with a NUL after it. */
struct mf_text arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Parts in this order, with a NUL after them; the last one is NULL. */
struct mf_text arena_join(struct arena *arena, ...) __attribute__((sentinel));

/*
 * An array with place for another item: items (count of them, each of size
 * bytes), or a larger copy of it.
 */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t size);

/* What from has is to's from now on; from is empty. */
void arena_adopt(struct arena *to, struct arena *from);

void arena_free(struct arena *arena);

#endif
