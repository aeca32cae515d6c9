/* SPDX-License-Identifier: ISC */
/*
 * Which word somebody may have meant who wrote another one.
 */
#ifndef MAILFROM_COMMON_SIMILAR_H
#define MAILFROM_COMMON_SIMILAR_H

#include "common/text.h"

/* Octets of words that are compared; longer ones are like none. */
#define SIMILAR_MAX 24

/*
 * Insertions, deletions, replacements and swaps of neighbours that make b of a;
 * ASCII case doesn't count.  SIMILAR_MAX if either is longer than that.
 */
unsigned similar_distance(struct mf_text a, struct mf_text b);

/* A search: start with a name, and look at each word. */
struct similar {
	struct mf_text name;
	unsigned best;     /* as many edits are too many */
	const char *found; /* the word that name is most like so far, or NULL */
};

struct similar similar_start(struct mf_text name);
void similar_look(struct similar *search, const char *word);

/*
 * The word, of those up to a NULL, that name is most like; the first of them.
 * NULL: none is like it, which is two edits at most, one in short names.
 */
const char *similar_word(struct mf_text name, const char *const *words);

#endif
