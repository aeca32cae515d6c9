/* SPDX-License-Identifier: ISC */
/*
 * authres: whether Authentication-Results are ours, for test_disguises.py.
 *
 * Each line of stdin is an authserv-id and a field's value, both in hexadecimal
 * with a blank between; each line of stdout is 1 or 0.
 */
#include <stdio.h>
#include <stdlib.h>

#include "spfmilter/authres.h"

static struct mf_text
decode(char *p)
{
	size_t len = 0, hex_len = strlen(p);
	unsigned octet;

	for (size_t i = 0; i + 1 < hex_len; i += 2) {
		if (sscanf(p + i, "%2x", &octet) != 1)
			exit(2);
		p[len++] = (char)octet;
	}
	return mf_text_at(p, len);
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		char *blank = strchr(line, ' ');

		if (blank == NULL)
			return 2;
		line[strcspn(line, "\n")] = *blank = '\0';
		struct mf_text id = decode(line), value = decode(blank + 1);
		puts(authres_is_of(value, id) ? "1" : "0");
	}
	free(line);
	return ferror(stdin) || fflush(stdout) != 0;
}
