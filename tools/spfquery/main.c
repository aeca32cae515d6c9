/* SPDX-License-Identifier: ISC */
/*
 * spfquery: check a sender with SPF on the command line, and say why; look for
 * what is wrong with a record; run test suites.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "tools/spfquery/dns.h"
#include "tools/spfquery/suite.h"
#include <mailfrom/spf_header.h>

#define HOST_SIZE 256

/* Exit statuses: Mail::SPF's. */
static const int statuses[] = {
    [SPF_PASS] = 0,
    [SPF_FAIL] = 1,
    [SPF_SOFTFAIL] = 2,
    [SPF_NEUTRAL] = 3,
    [SPF_PERMERROR] = 4,
    [SPF_TEMPERROR] = 5,
    [SPF_NONE] = 6,
};

struct job {
	const struct spfquery_options *options;
	struct dns *dns;
	struct spf_record *guess;
	char receiver[HOST_SIZE];
};

/* --- one check --- */

static void
print_header(const char *name, const char *value)
{
	printf("%s: %s\n", name, value);
}

static void
print_audit(const struct spfquery_audit *audit)
{
	printf("libspf2: %s (%s)\n",
	    audit->opinion[0] != '\0' ? audit->opinion
				      : spf_result_text(audit->verdict.result),
	    audit->outcome);
}

static void
print_report(const struct job *job, const struct spfquery_report *report)
{
	const struct spf_verdict *v = report->verdict;
	char header[SPF_HEADER_SIZE];

	if (job->options->json) {
		spfquery_json(stdout, report);
		return;
	}
	puts(spf_result_text(v->result));
	if (job->options->trace)
		spfquery_trace(stdout, report);
	else {
		printf("why: ");
		spfquery_put_why(stdout, v);
		putchar('\n');
	}
	if (report->audit->made)
		print_audit(report->audit);
	if (v->explanation[0] != '\0') {
		printf("explanation: ");
		spfquery_put(stdout, mf_text_of(v->explanation));
		putchar('\n');
	}
	spf_header_received(report->request, v, report->receiver, header);
	print_header("Received-SPF", header);
	printf("Authentication-Results: %s;\n\t", job->receiver);
	spf_header_authentication(report->request, v, header);
	printf("%s\n", header);
}

/* <a@b> as a@b. */
static struct mf_text
without_brackets(struct mf_text t)
{
	if (t.len >= 2 && t.p[0] == '<' && t.p[t.len - 1] == '>')
		return mf_text_at(t.p + 1, t.len - 2);
	return t;
}

/* The first name that is asked for: the domain that is checked. */
struct probe {
	size_t len;
	char name[SPF_NAME_SIZE];
};

static const struct spf_answer *
probe_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct probe *probe = arg;

	(void)rr;
	if (probe->len == 0) {
		probe->len = name.len;
		memcpy(probe->name, name.p, name.len);
	}
	return NULL;
}

/* Have record for the domain of the request, whichever that is. */
static void
use_record(const struct job *job, const struct spf_request *request)
{
	struct probe probe = {.len = 0};
	const struct spf_source source = {probe_lookup, &probe};
	struct spf_verdict verdict;

	spf_evaluate(request, &source, &verdict);
	if (probe.len != 0)
		dns_override(job->dns, mf_text_at(probe.name, probe.len),
		    mf_text_of(job->options->record));
}

static int
run_check(const struct job *job, struct mf_text ip, struct mf_text sender,
    struct mf_text helo, enum spf_identity identity)
{
	const struct spfquery_options *o = job->options;
	struct spf_verdict verdict;
	struct spfquery_audit audit;
	struct spf_request request = {.identity = identity,
	    .sender = without_brackets(sender),
	    .helo = helo,
	    .receiver = mf_text_of(job->receiver),
	    .now_sec = o->now_sec != 0 ? o->now_sec : (uint64_t)time(NULL),
	    /* The trace asks one by one; so does what it explains. */
	    .sequential = o->trace || o->json,
	    .best_guess = job->guess,
	    .delegate = mf_text_of(o->delegate),
	    .default_explanation = mf_text_of(o->explanation)};

	if (!spf_ip_parse(ip, &request.ip))
		return spfquery_bad_usage("\"%.*s\" is not an IP address",
		    (int)text_head(ip, 100).len, ip.p);
	if (o->record != NULL)
		use_record(job, &request);
	if (!dns_check(job->dns, o->engine, &request, &verdict, &audit))
		return SPFQUERY_USAGE;
	const struct spfquery_report report = {.request = &request,
	    .verdict = &verdict,
	    .audit = &audit,
	    .engine = o->engine,
	    .dns = job->dns,
	    .receiver = mf_text_of(job->receiver)};
	print_report(job, &report);
	return statuses[verdict.result];
}

/* --- many checks --- */

static struct mf_text
next_word(struct mf_text *line)
{
	size_t len = 0;
	struct mf_text word;

	*line = text_trim(*line);
	while (len < line->len && !ascii_is_blank(line->p[len]))
		len++;
	word = text_head(*line, len);
	*line = text_from(*line, len);
	return word;
}

/* IP SENDER [HELO].  SPFQUERY_OK, whatever the result. */
static int
run_line(const struct job *job, struct mf_text line, size_t number)
{
	struct mf_text ip = next_word(&line), sender = next_word(&line);
	struct mf_text helo = next_word(&line);
	int status;

	if (ip.len == 0 || ip.p[0] == '#')
		return SPFQUERY_OK;
	if (sender.len == 0 || text_trim(line).len != 0) {
		fprintf(stderr, "spfquery: %s:%zu: not IP SENDER [HELO]\n",
		    job->options->file, number);
		return SPFQUERY_USAGE;
	}
	status = run_check(job, ip, sender, helo,
	    job->options->helo_scope ? SPF_HELO : SPF_MAILFROM);
	fflush(stdout);
	return status == SPFQUERY_USAGE ? status : SPFQUERY_OK;
}

static int
run_file(const struct job *job)
{
	const char *path = job->options->file;
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "r");
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;
	int rc = SPFQUERY_OK;

	if (file == NULL) {
		fprintf(stderr, "spfquery: %s: %s\n", path, strerror(errno));
		return SPFQUERY_USAGE;
	}
	while ((len = getline(&line, &size, file)) > 0) {
		int one =
		    run_line(job, mf_text_at(line, (size_t)len), ++number);

		rc = one != SPFQUERY_OK ? one : rc;
	}
	free(line);
	if (!is_stdin)
		fclose(file);
	return rc;
}

/* --- suites --- */

static int
run_suites(const struct spfquery_options *o)
{
	unsigned passed = 0, failed = 0;
	bool ok = true;

	if (o->argument_count == 0)
		return spfquery_bad_usage("--suite: which files?");
	for (size_t i = 0; i < o->argument_count; i++)
		ok = suite_run(o->arguments[i], &passed, &failed) && ok;
	printf("%u passed, %u failed\n", passed, failed);
	if (!ok)
		return SPFQUERY_USAGE;
	return failed == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
}

/* --- the job --- */

static struct spf_record *
compile_guess(const char *terms)
{
	char *text = spfquery_must(malloc(strlen(terms) + sizeof("v=spf1 ")));
	struct spf_record *record;
	bool whole = text_starts_fold(mf_text_of(terms), MF_TEXT("v=spf1"));

	/* The other tools want terms alone. */
	memcpy(text, "v=spf1 ", sizeof("v=spf1 "));
	memcpy(text + (whole ? 0 : sizeof("v=spf1 ") - 1), terms,
	    strlen(terms) + 1);
	record = spfquery_must(spf_record_compile(mf_text_of(text)));
	free(text);
	return record;
}

static bool
job_open(struct job *job)
{
	const struct spfquery_options *o = job->options;

	if (o->receiver != NULL)
		snprintf(
		    job->receiver, sizeof(job->receiver), "%s", o->receiver);
	else if (gethostname(job->receiver, sizeof(job->receiver) - 1) != 0)
		job->receiver[0] = '\0';
	if (o->guess != NULL)
		job->guess = compile_guess(o->guess);
	job->dns = dns_open(o);
	if (job->dns == NULL)
		return false;
	for (size_t i = 0; i < o->override_count; i++) {
		struct mf_text record = mf_text_of(o->overrides[i]);
		struct mf_text domain = MF_TEXT("");

		text_cut(&record, '=', &domain);
		dns_override(job->dns, domain, record);
	}
	return true;
}

static int
run(struct job *job)
{
	const struct spfquery_options *o = job->options;

	if (!job_open(job))
		return SPFQUERY_USAGE;
	if (o->lint != NULL) {
		if (o->record != NULL)
			dns_override(job->dns, mf_text_of(o->lint),
			    mf_text_of(o->record));
		return spfquery_lint(job->dns, o->lint, o->json);
	}
	if (o->file != NULL)
		return run_file(job);
	return run_check(job, mf_text_of(o->ip), mf_text_of(o->sender),
	    mf_text_of(o->helo),
	    o->helo_scope || o->sender == NULL ? SPF_HELO : SPF_MAILFROM);
}

int
main(int argc, char **argv)
{
	struct spfquery_options options;
	struct job job = {.options = &options};
	bool done;
	int rc = spfquery_options(argc, argv, &options, &done);

	if (rc != SPFQUERY_OK || done)
		return rc;
	rc = options.suite ? run_suites(&options) : run(&job);
	if (job.dns != NULL)
		dns_close(job.dns);
	spf_record_free(job.guess);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "spfquery: stdout: %s\n", strerror(errno));
		return SPFQUERY_USAGE;
	}
	return rc;
}
