/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/checks.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "tools/spfquery/report.h"

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

/* --- one check --- */

/* Have record for the domain of the request, whichever that is. */
static void
use_record(const struct checks *c, const struct spf_request *request)
{
	char domain[SPF_NAME_SIZE];

	if (evaluator_domain(request, domain))
		dns_override(
		    c->dns, mf_text_of(domain), mf_text_of(c->options->record));
}

static struct spf_request
request_of(const struct checks *c, struct mf_text sender, struct mf_text helo,
    enum spf_identity identity)
{
	const struct spfquery_options *o = c->options;

	return (struct spf_request){.identity = identity,
	    .sender = text_without_brackets(sender),
	    .helo = helo,
	    .receiver = mf_text_of(c->receiver),
	    .now_sec = o->now_sec != 0 ? o->now_sec : (uint64_t)time(NULL),
	    .limits = o->limits,
	    .best_guess = c->guess,
	    .delegate = mf_text_of(o->delegate),
	    .default_explanation = mf_text_of(o->explanation)};
}

/* Request, evaluation, report.  The status of the result. */
static int
check_one(const struct checks *c, struct mf_text ip, struct mf_text sender,
    struct mf_text helo, enum spf_identity identity)
{
	const struct spfquery_options *o = c->options;
	struct spf_request request = request_of(c, sender, helo, identity);
	struct spf_verdict verdict;
	struct spfquery_report report = {.request = &request,
	    .verdict = &verdict,
	    .evaluator = c->evaluator,
	    .receiver = mf_text_of(c->receiver)};

	if (!spf_ip_parse(ip, &request.ip))
		return spfquery_bad_usage("\"%.*s\" is not an IP address",
		    (int)text_head(ip, 100).len, ip.p);
	if (o->record != NULL)
		use_record(c, &request);
	dns_check(c->dns, &request, &verdict, &report.cost);
	if (o->json)
		report_json(stdout, &report);
	else if (o->trace)
		report_trace(stdout, &report);
	else
		report_plain(stdout, &report);
	return statuses[verdict.result];
}

int
checks_one(const struct checks *c)
{
	const struct spfquery_options *o = c->options;

	return check_one(c, mf_text_of(o->ip), mf_text_of(o->sender),
	    mf_text_of(o->helo),
	    o->helo_scope || o->sender == NULL ? SPF_HELO : SPF_MAILFROM);
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
run_line(const struct checks *c, struct mf_text line, size_t number)
{
	struct mf_text ip = next_word(&line), sender = next_word(&line);
	struct mf_text helo = next_word(&line);
	int status;

	if (ip.len == 0 || ip.p[0] == '#')
		return SPFQUERY_OK;
	if (sender.len == 0 || text_trim(line).len != 0) {
		fprintf(stderr, "spfquery: %s:%zu: not IP SENDER [HELO]\n",
		    c->options->file, number);
		return SPFQUERY_USAGE;
	}
	status = check_one(c, ip, sender, helo,
	    c->options->helo_scope ? SPF_HELO : SPF_MAILFROM);
	fflush(stdout);
	return status == SPFQUERY_USAGE ? status : SPFQUERY_OK;
}

int
checks_file(const struct checks *c)
{
	const char *path = c->options->file;
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
		int one = run_line(c, mf_text_at(line, (size_t)len), ++number);

		rc = one != SPFQUERY_OK ? one : rc;
	}
	free(line);
	if (!is_stdin)
		fclose(file);
	return rc;
}

/* --- what they share --- */

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

void
checks_open(struct checks *c)
{
	const struct spfquery_options *o = c->options;

	if (o->receiver != NULL)
		snprintf(c->receiver, sizeof(c->receiver), "%s", o->receiver);
	else if (gethostname(c->receiver, sizeof(c->receiver) - 1) != 0)
		c->receiver[0] = '\0';
	if (o->guess != NULL)
		c->guess = compile_guess(o->guess);
}

void
checks_close(struct checks *c)
{
	spf_record_free(c->guess);
}
