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

const char *
similar_word(struct mf_text name, const char *const *words)
{
	const char *found = NULL;
	unsigned best = name.len >= 6 ? 3 : 2;

	for (; *words != NULL; words++) {
		struct mf_text word = mf_text_of(*words);
		unsigned d = similar_distance(name, word);

		/* Half of a word is no likeness. */
		if (d < best && d < word.len / 2 + 1 && word.len > 1) {
			best = d;
			found = *words;
		}
	}
	return found;
}
