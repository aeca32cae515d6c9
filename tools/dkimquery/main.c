/* SPDX-License-Identifier: ISC */
/*
 * dkimquery: verify the DKIM signatures of a message on the command line, and
 * say why each has its result.
 */
#include <errno.h>
#include <string.h>

#include "tools/dkimquery/dkimquery.h"

/* Exit statuses: spfquery's, and policy where that has softfail. */
static const int statuses[] = {
    [DKIM_PASS] = 0,
    [DKIM_FAIL] = 1,
    [DKIM_POLICY] = 2,
    [DKIM_NEUTRAL] = 3,
    [DKIM_PERMERROR] = 4,
    [DKIM_TEMPERROR] = 5,
    [DKIM_NONE] = 6,
};

static int
verify(const struct dkimquery_options *o, struct dkim_check *check,
    struct dkimquery_trace *trace)
{
	struct dkimquery_key keys[DKIM_SIGNATURES_MAX] = {{.asked = false}};

	if (!dkimquery_message(check, o->file) ||
	    !dkimquery_keys(o, check, keys))
		return DKIMQUERY_ERROR;
	if (dkim_check_end(check) != DKIM_OK) {
		fputs("dkimquery: out of memory\n", stderr);
		return DKIMQUERY_ERROR;
	}
	if (trace != NULL)
		dkimquery_trace_end(trace);
	if (o->json)
		dkimquery_report_json(stdout, check, keys, trace);
	else
		dkimquery_report(stdout, check, keys, trace);
	return statuses[dkim_check_result(check)];
}

static int
run(const struct dkimquery_options *o)
{
	struct dkimquery_trace trace = {.texts = {NULL}};
	bool traced = o->trace && dkimquery_trace_open(&trace);
	struct dkim_check *check =
	    dkim_check_new(o->now_sec, traced ? &trace.handle : NULL);
	int rc = DKIMQUERY_ERROR;

	if (check == NULL || traced != o->trace)
		fputs("dkimquery: out of memory\n", stderr);
	else
		rc = verify(o, check, traced ? &trace : NULL);
	dkim_check_free(check);
	dkimquery_trace_free(&trace);
	return rc;
}

int
main(int argc, char **argv)
{
	struct dkimquery_options options;
	bool done;
	int rc = dkimquery_options(argc, argv, &options, &done);

	if (rc != DKIMQUERY_OK || done)
		return rc;
	rc = run(&options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "dkimquery: stdout: %s\n", strerror(errno));
		return DKIMQUERY_ERROR;
	}
	return rc;
}
