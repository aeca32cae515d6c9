/* SPDX-License-Identifier: ISC */
/*
 * The body in canonical form (RFC 6376 3.4.3, 3.4.4), while it comes.
 *
 * Ends of lines are written when more text follows them, so none is at the end
 * that shouldn't be.  Only CRLF ends a line: other CR and LF are text, and a
 * signature doesn't survive one that is put in or taken out.
 *
 * Relaxed, blanks at the end of a line go, those of a last line without CRLF
 * too, before empty lines at the end go; so a body of blanks is empty.
 */
#include <stdlib.h>

#include "libdkim/dkim_.h"

/* --- hashing --- */

static void
flush(struct body_ *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct body_hash_ *hash = &b->hashes[i];
		uint64_t left =
		    hash->limit > b->hashed ? hash->limit - b->hashed : 0;
		size_t len = left < b->used ? (size_t)left : b->used;

		if (!digest_add_(hash->digest, mf_text_at(b->room, len)))
			b->failed = true;
	}
	b->hashed += b->used;
	b->used = 0;
}

static void
put(struct body_ *b, char c)
{
	if (b->used == BODY_ROOM_)
		flush(b);
	b->room[b->used++] = c;
	b->length++;
}

static void
put_run(struct body_ *b, const char *p, size_t len)
{
	b->length += len;
	while (len != 0) {
		size_t room = BODY_ROOM_ - b->used;
		size_t part = len < room ? len : room;

		memcpy(b->room + b->used, p, part);
		b->used += part;
		p += part;
		len -= part;
		if (b->used == BODY_ROOM_)
			flush(b);
	}
}

/* --- canonical forms --- */

/* Text follows: write what was held back. */
static void
put_held(struct body_ *b)
{
	for (; b->lines != 0; b->lines--)
		put_run(b, "\r\n", 2);
	if (b->blank)
		put(b, ' ');
	b->blank = false;
	b->any = true;
}

static bool
is_plain(const struct body_ *b, char c)
{
	return c != '\r' && !(b->relaxed && ascii_is_blank(c));
}

/* The octets at p that are text like any other. */
static size_t
plain_run(const struct body_ *b, const char *p, const char *end)
{
	const char *start = p;

	while (p != end && is_plain(b, *p))
		p++;
	return (size_t)(p - start);
}

/* What follows a CR.  False: it was text, and so is c. */
static bool
end_line(struct body_ *b, char c)
{
	b->cr = false;
	if (c == '\n') {
		b->lines++;
		b->blank = false;
		return true;
	}
	put_held(b);
	put(b, '\r');
	return false;
}

void
body_add_(struct body_ *b, struct mf_text piece)
{
	const char *p = piece.p, *end = piece.p + piece.len;

	while (p != end) {
		size_t run;

		if (b->cr && end_line(b, *p)) {
			p++;
			continue;
		}
		run = plain_run(b, p, end);
		if (run != 0) {
			put_held(b);
			put_run(b, p, run);
			p += run;
		} else if (*p++ == '\r')
			b->cr = true;
		else
			b->blank = true;
	}
}

void
body_end_(struct body_ *b)
{
	if (b->cr) {
		b->cr = false;
		put_held(b);
		put(b, '\r');
	}
	/* Simple, an empty body is one empty line. */
	if (!b->relaxed || b->any)
		put_run(b, "\r\n", 2);
	flush(b);
	for (size_t i = 0; i < b->count; i++)
		if (!digest_end_(b->hashes[i].digest, b->hashes[i].hash))
			b->failed = true;
}

/* --- what is wanted --- */

struct body_hash_ *
body_want_(struct body_ *b, uint64_t limit)
{
	struct body_hash_ *hash;

	for (size_t i = 0; i < b->count; i++)
		if (b->hashes[i].limit == limit)
			return &b->hashes[i];
	hash = &b->hashes[b->count];
	*hash = (struct body_hash_){.digest = digest_new_(), .limit = limit};
	if (hash->digest == NULL)
		return NULL;
	b->count++;
	return hash;
}

void
body_clear_(struct body_ *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->count; i++)
		digest_free_(b->hashes[i].digest);
	free(b);
}
