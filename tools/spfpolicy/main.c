/* SPDX-License-Identifier: ISC */
/*
 * spfpolicy: what an access file says of an SPF result, and which key says so;
 * and what is wrong with the file.
 */
#include <stdio.h>

#include "access/access.h"
#include "tools/spfpolicy/spfpolicy.h"

static int
run(const struct spfpolicy_options *o)
{
	struct report report = report_to_stderr();
	struct access *access;
	int rc;

	if (o->lint)
		return spfpolicy_lint(o);
	if (access_load(mf_text_of(o->access), true, &access, &report) !=
	    ACCESS_OK)
		return SPFPOLICY_USAGE;
	rc = spfpolicy_ask(o, access);
	access_free(access);
	return rc;
}

int
main(int argc, char **argv)
{
	struct spfpolicy_options o;
	bool done;
	int rc = spfpolicy_options(argc, argv, &o, &done);

	if (rc == SPFPOLICY_OK && !done)
		rc = run(&o);
	if (fflush(stdout) != 0) {
		perror("spfpolicy: stdout");
		return SPFPOLICY_USAGE;
	}
	return rc;
}
