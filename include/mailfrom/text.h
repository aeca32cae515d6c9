/* SPDX-License-Identifier: ISC */
/*
 * Text as (pointer, length): what libsrs and libspf take and give.
 */
#ifndef MAILFROM_TEXT_H
#define MAILFROM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A view: len octets at p, owned by somebody else.  p may be NULL if len is 0.
 * No NUL is needed behind them.
 */
struct mf_text {
	const char *p;
	size_t len;
};

/* A view of a string literal. */
#define MF_TEXT(literal) ((struct mf_text){"" literal, sizeof(literal) - 1})

/* A view of a NUL-terminated string; NULL is empty. */
static inline struct mf_text
mf_text_of(const char *s)
{
	return (struct mf_text){s, s != NULL ? strlen(s) : 0};
}

/* A view of len octets at p. */
static inline struct mf_text
mf_text_at(const char *p, size_t len)
{
	return (struct mf_text){p, len};
}

/* Whether two texts are the same, octet for octet. */
static inline bool
mf_text_eq(struct mf_text a, struct mf_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

#endif
