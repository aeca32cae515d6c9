/* SPDX-License-Identifier: ISC */
/*
 * What the parts of the spfpolicy command share.
 */
#ifndef MAILFROM_TOOLS_SPFPOLICY_SPFPOLICY_H
#define MAILFROM_TOOLS_SPFPOLICY_SPFPOLICY_H

#include "access/lookup.h"

/* Exit statuses. */
#define SPFPOLICY_OK     0
#define SPFPOLICY_FAILED 1 /* --lint has found errors */
#define SPFPOLICY_USAGE  2 /* or a file that can't be read */

/* What the command line says.  NULL: not said. */
struct spfpolicy_options {
	const char *access;
	const char *sender, *helo, *auth, *recipient, *dkim;
	bool asks_sender; /* whether identity and result are to be looked up */
	enum lookup_identity identity;
	enum spf_result result;
	enum lookup_defaults defaults;
	enum lookup_recipients delay_checks;
	bool trace, lint;
};

/*
 * Read the command line.  SPFPOLICY_OK; or SPFPOLICY_USAGE after a message;
 * *done: --help or --version has been answered.
 */
int spfpolicy_options(
    int argc, char **argv, struct spfpolicy_options *out, bool *done);

struct access;

/* Look up what options ask for, and print the answer.  The exit status. */
int spfpolicy_ask(
    const struct spfpolicy_options *options, const struct access *access);

/* Check the whole file.  The exit status. */
int spfpolicy_lint(const struct spfpolicy_options *options);

#endif
