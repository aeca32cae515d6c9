/* SPDX-License-Identifier: ISC */
/*
 * spfquery: check a sender with SPF on the command line, and say why; look for
 * what is wrong with a record; run test suites.
 */
#include <errno.h>

#include "common/text.h"
#include "tools/spfquery/checks.h"
#include "tools/spfquery/suite.h"
#include "tools/spfquery/views.h"

/* --record is for the only domain there is. */
static void
override_first(struct dns *dns, const struct spfquery_options *o)
{
	const char *domain = o->arguments[0], *at = strrchr(domain, '@');

	dns_override(dns, mf_text_of(at != NULL ? at + 1 : domain),
	    mf_text_of(o->record));
}

static void
override(struct dns *dns, const struct spfquery_options *o)
{
	for (size_t i = 0; i < o->override_count; i++) {
		struct mf_text record = mf_text_of(o->overrides[i]);
		struct mf_text domain = MF_TEXT("");

		text_cut(&record, '=', &domain);
		dns_override(dns, domain, record);
	}
	/* --flatten compares it with what is published. */
	if (o->view != VIEW_NONE && o->view != VIEW_FLATTEN &&
	    o->record != NULL)
		override_first(dns, o);
}

static int
run_checks(const struct spfquery_options *o, const struct evaluator *evaluator,
    struct dns *dns)
{
	struct checks checks = {
	    .options = o, .evaluator = evaluator, .dns = dns};
	int rc;

	checks_open(&checks);
	rc = o->file != NULL ? checks_file(&checks) : checks_one(&checks);
	checks_close(&checks);
	return rc;
}

static int
run_view(const struct spfquery_options *o, struct dns *dns)
{
	static const struct {
		jobs_report *report;
		void (*head)(FILE *to);
	} views[] = {
	    [VIEW_LINT] = {lint_view, lint_view_head},
	    [VIEW_TREE] = {tree_view, tree_view_head},
	    [VIEW_NETWORKS] = {networks_view, networks_view_head},
	    [VIEW_FLATTEN] = {flatten_view, flatten_view_head},
	};

	if (o->csv)
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
		views[o->view].head(stdout);
	return jobs_run(o, o->html ? html_view : views[o->view].report, dns);
}

static int
run(const struct spfquery_options *o)
{
	struct evaluator evaluator = {
	    .engine = o->engine, .records = o->trace || o->json};
	struct dns *dns;
	int rc;

	if (o->suite)
		return suite_run(o->arguments, o->argument_count);
	dns = o->view != VIEW_NONE ? dns_open(o, jobs_evaluate, NULL)
				   : dns_open(o, evaluator_run, &evaluator);
	if (dns == NULL)
		return SPFQUERY_USAGE;
	override(dns, o);
	rc = o->view != VIEW_NONE ? run_view(o, dns)
				  : run_checks(o, &evaluator, dns);
	dns_close(dns);
	evaluator_reset(&evaluator);
	return rc;
}

int
main(int argc, char **argv)
{
	struct spfquery_options options;
	bool done;
	int rc = spfquery_options(argc, argv, &options, &done);

	if (rc != SPFQUERY_OK || done)
		return rc;
	rc = run(&options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "spfquery: stdout: %s\n", strerror(errno));
		return SPFQUERY_USAGE;
	}
	return rc;
}
