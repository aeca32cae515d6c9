/* SPDX-License-Identifier: ISC */
/*
 * Pages of a Berkeley DB file, and items over several of them.
 */
#include "access/berkeley_pages.h"

#include <stdlib.h>

#include "access/readers.h"

/* --- numbers --- */

unsigned
berkeley_u8_(struct mf_text t, size_t at)
{
	return (unsigned char)t.p[at];
}

unsigned
berkeley_u16_(const struct berkeley *db, struct mf_text t, size_t at)
{
	unsigned first = berkeley_u8_(t, at), second = berkeley_u8_(t, at + 1);

	return db->is_big_endian ? first << 8 | second : second << 8 | first;
}

uint32_t
berkeley_u32_(const struct berkeley *db, struct mf_text t, size_t at)
{
	uint32_t first = berkeley_u16_(db, t, at);
	uint32_t second = berkeley_u16_(db, t, at + 2);

	return db->is_big_endian ? first << 16 | second : second << 16 | first;
}

/* --- pages --- */

struct mf_text
berkeley_page_(const struct berkeley *db, uint32_t number)
{
	return mf_text_at(db->bytes.p + number * db->page_size, db->page_size);
}

bool
berkeley_is_used_(const struct berkeley *db, uint32_t number)
{
	return (db->used[number / 8] & 1 << number % 8) != 0;
}

bool
berkeley_is_blank_(const struct berkeley_page *page)
{
	return page->number == 0 && page->type == BERKELEY_FREE &&
	    page->entries == 0 && page->next == 0;
}

bool
berkeley_use_page_(
    struct berkeley *db, uint32_t number, struct berkeley_page *out)
{
	struct mf_text octets;

	if (number == 0 || number >= db->pages || berkeley_is_used_(db, number))
		return false;
	db->used[number / 8] =
	    (unsigned char)(db->used[number / 8] | 1 << number % 8);
	octets = berkeley_page_(db, number);
	*out = (struct berkeley_page){.number = berkeley_u32_(db, octets, 8),
	    .previous = berkeley_u32_(db, octets, 12),
	    .next = berkeley_u32_(db, octets, 16),
	    .entries = berkeley_u16_(db, octets, 20),
	    .first_item = berkeley_u16_(db, octets, 22),
	    .level = berkeley_u8_(octets, 24),
	    .type = berkeley_u8_(octets, 25),
	    .octets = octets};
	/* 65536 doesn't fit: an empty page of that size. */
	if (out->first_item == 0)
		out->first_item = BERKELEY_PAGE_MAX;
	return out->number == number || berkeley_is_blank_(out);
}

size_t
berkeley_item_(
    const struct berkeley *db, const struct berkeley_page *page, size_t n)
{
	return berkeley_u16_(db, page->octets, BERKELEY_HEADER_SIZE + n * 2);
}

bool
berkeley_has_items_(const struct berkeley *db, const struct berkeley_page *page)
{
	size_t lowest = db->page_size;

	if (page->first_item > db->page_size ||
	    page->first_item < BERKELEY_HEADER_SIZE + page->entries * 2)
		return false;
	for (size_t n = 0; n < page->entries; n++) {
		size_t at = berkeley_item_(db, page, n);

		if (at < page->first_item || at >= db->page_size)
			return false;
		lowest = at < lowest ? at : lowest;
	}
	return lowest == page->first_item;
}

/* --- items --- */

static bool
grow(struct berkeley_buffer *buffer, size_t size)
{
	char *more;

	if (size <= buffer->size)
		return true;
	more = realloc(buffer->p, size);
	if (more == NULL)
		return false;
	buffer->p = more;
	buffer->size = size;
	return true;
}

const char *
berkeley_overflow_(struct berkeley *db, struct mf_text item,
    struct berkeley_buffer *buffer, struct mf_text *out)
{
	struct berkeley_page page;
	struct text_out all;
	uint32_t number;
	size_t len;

	if (item.len != 12)
		return ACCESS_DAMAGED;
	number = berkeley_u32_(db, item, 4);
	len = berkeley_u32_(db, item, 8);
	if (len > db->bytes.len)
		return ACCESS_DAMAGED;
	if (!grow(buffer, len + 1))
		return ACCESS_NO_MEMORY;
	all = text_out(buffer->p, len);
	for (; number != 0; number = page.next) {
		/* first_item is the number of octets here. */
		if (!berkeley_use_page_(db, number, &page) ||
		    page.type != BERKELEY_OVERFLOW ||
		    page.first_item > db->page_size - BERKELEY_HEADER_SIZE)
			return ACCESS_DAMAGED;
		out_text(&all,
		    mf_text_at(
			page.octets.p + BERKELEY_HEADER_SIZE, page.first_item));
	}
	*out = out_view(&all);
	return all.full || all.len != len ? ACCESS_DAMAGED : NULL;
}

const char *
berkeley_add_(struct berkeley *db, struct mf_text key, struct mf_text value)
{
	db->entries++;
	return access_table_add(db->table, key, value, 0) ? NULL
							  : ACCESS_NO_MEMORY;
}
