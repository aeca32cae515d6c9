/* SPDX-License-Identifier: ISC */
/*
 * Checks that the command line asks for: one, or a file of them.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_CHECKS_H
#define MAILFROM_TOOLS_SPFQUERY_CHECKS_H

#include "tools/spfquery/dns.h"

#define CHECKS_HOST_SIZE 256

struct checks {
	const struct spfquery_options *options;
	const struct evaluator *evaluator;
	struct dns *dns;
	/* Set by checks_open(). */
	struct spf_record *guess;
	char receiver[CHECKS_HOST_SIZE];
};

void checks_open(struct checks *checks);
void checks_close(struct checks *checks);

/* The exit status: that of the result, or SPFQUERY_USAGE. */
int checks_one(const struct checks *checks);

/* --file: SPFQUERY_OK whatever the results, or SPFQUERY_USAGE. */
int checks_file(const struct checks *checks);

#endif
