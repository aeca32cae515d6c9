/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE 65536
#define ALIGNMENT  16

struct arena_block {
	struct arena_block *older;
	size_t used, size;
	_Alignas(ALIGNMENT) char bytes[];
};

static void *
or_exit(void *memory)
{
	if (memory == NULL) {
		fputs("mailfrom: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void *
arena_new(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->newest;
	size_t need = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	if (need < size || need > SIZE_MAX / 2)
		or_exit(NULL);
	if (block == NULL || block->size - block->used < need) {
		size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;

		block = or_exit(calloc(1, sizeof(*block) + room));
		block->older = arena->newest;
		block->size = room;
		arena->newest = block;
	}
	void *memory = block->bytes + block->used;
	block->used += need;
	return memory;
}

struct mf_text
arena_copy(struct arena *arena, struct mf_text t)
{
	char *p = arena_new(arena, t.len + 1);

	if (t.len != 0)
		memcpy(p, t.p, t.len);
	return mf_text_at(p, t.len);
}

struct mf_text
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		or_exit(NULL);
	char *p = arena_new(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(p, (size_t)len + 1, format, args);
	va_end(args);
	return mf_text_at(p, (size_t)len);
}

struct mf_text
arena_join(struct arena *arena, ...)
{
	const char *part;
	size_t len = 0;
	va_list args;

	va_start(args, arena);
	while ((part = va_arg(args, const char *)) != NULL)
		len += strlen(part);
	va_end(args);
	struct text_out out = text_out(arena_new(arena, len + 1), len);
	va_start(args, arena);
	while ((part = va_arg(args, const char *)) != NULL)
		out_str(&out, part);
	va_end(args);
	return out_view(&out);
}

/* Arrays double: a new one is due whenever count is a power of two. */
void *
arena_grow(struct arena *arena, void *items, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return items;
	if (size != 0 && count > SIZE_MAX / 4 / size)
		or_exit(NULL);
	void *larger = arena_new(arena, (count == 0 ? 1 : 2 * count) * size);
	if (count != 0)
		memcpy(larger, items, count * size);
	return larger;
}

void
arena_adopt(struct arena *to, struct arena *from)
{
	struct arena_block *oldest = from->newest;

	if (oldest == NULL)
		return;
	while (oldest->older != NULL)
		oldest = oldest->older;
	oldest->older = to->newest;
	to->newest = from->newest;
	from->newest = NULL;
}

void
arena_free(struct arena *arena)
{
	for (struct arena_block *block = arena->newest, *older; block != NULL;
	     block = older) {
		older = block->older;
		free(block);
	}
	arena->newest = NULL;
}
