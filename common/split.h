/* SPDX-License-Identifier: ISC */
/*
 * Text cut into the items of a list: commas, blanks and line ends separate them.
 *
 * A quoted string at the start of an item, as in "a b"@example.com, is a part of
 * it with all that it holds, if it ends in the same line.
 */
#ifndef MAILFROM_COMMON_SPLIT_H
#define MAILFROM_COMMON_SPLIT_H

#include "common/text.h"

struct split {
	struct mf_text rest;
	bool has_comments; /* "#" at the start of an item, to the line's end */
	bool has_pairs;    /* "a = b" is one item, with its blanks */
	unsigned line;     /* of the next item; the caller sets the first */
};

/* The next item, none of them empty; false at the end. */
bool split_next(struct split *s, struct mf_text *item);

#endif
