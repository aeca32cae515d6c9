/* SPDX-License-Identifier: ISC */
#include "common/similar.h"

unsigned
similar_distance(struct mf_text a, struct mf_text b)
{
	unsigned d[SIMILAR_MAX + 1][SIMILAR_MAX + 1];

	if (a.len > SIMILAR_MAX || b.len > SIMILAR_MAX)
		return SIMILAR_MAX;
	for (unsigned i = 0; i <= a.len; i++)
		for (unsigned j = 0; j <= b.len; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			char x = ascii_lower(a.p[i - 1]);
			char y = ascii_lower(b.p[j - 1]);
			unsigned best = d[i - 1][j - 1] + (x != y);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) &&
			    y == ascii_lower(a.p[i - 2]) &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[a.len][b.len];
}

struct similar
similar_start(struct mf_text name)
{
	return (struct similar){.name = name, .best = name.len >= 6 ? 3 : 2};
}

void
similar_look(struct similar *search, const char *word)
{
	size_t len = strlen(word);
	unsigned d = similar_distance(search->name, mf_text_at(word, len));

	/* Half of a word is no likeness. */
	if (d < search->best && d < len / 2 + 1 && len > 1) {
		search->best = d;
		search->found = word;
	}
}

const char *
similar_word(struct mf_text name, const char *const *words)
{
	struct similar search = similar_start(name);

	for (; *words != NULL; words++)
		similar_look(&search, *words);
	return search.found;
}
