/* SPDX-License-Identifier: ISC */
/*
 * Domains as the command line gives them: arguments, of which "-" is standard
 * input, and a file; a line has a domain, or a comment after "#".
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_DOMAINS_H
#define MAILFROM_TOOLS_SPFQUERY_DOMAINS_H

#include "tools/spfquery/spfquery.h"

struct domains {
	const struct spfquery_options *options;
	size_t argument; /* the next */
	bool file_done;
	FILE *file; /* that is being read */
	const char *path;
	size_t line;
	bool failed; /* something that was given is no domain */
};

void domains_begin(
    struct domains *domains, const struct spfquery_options *options);

/*
 * The next one, in A-labels and lower case; of a mail address it is the part
 * after the "@".  What isn't one is told on stderr and skipped.  False: there
 * are no more.
 */
bool domains_next(struct domains *domains, char out[static SPF_NAME_SIZE]);

#endif
