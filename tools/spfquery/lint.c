/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: the command.
 */
#include "tools/spfquery/lint.h"

#include "tools/spfquery/csv.h"
#include "tools/spfquery/views.h"

/*
 * The client that the command line names, if it does.  --sender must be of the
 * domain; --helo is for the macro h, or for a null sender.
 */
static int
read_client(const struct spfquery_options *o, struct mf_text domain,
    struct spf_request *out)
{
	char name[SPF_NAME_SIZE];

	*out = (struct spf_request){
	    .identity = SPF_MAILFROM, .sender = domain, .helo = domain};
	if (o->ip == NULL) {
		if (o->sender == NULL && o->helo == NULL)
			return SPFQUERY_OK;
		return spfquery_bad_usage(
		    "--lint with --sender or --helo needs --ip as well");
	}
	if (!spf_ip_parse(mf_text_of(o->ip), &out->ip))
		return spfquery_bad_usage(
		    "--ip: \"%s\" is not an IP address", o->ip);
	if (o->sender != NULL)
		out->sender = text_without_brackets(mf_text_of(o->sender));
	if (o->helo != NULL)
		out->helo = mf_text_of(o->helo);
	out->limits = o->limits;
	if (evaluator_domain(out, name) &&
	    text_eq_fold(mf_text_of(name), domain))
		return SPFQUERY_OK;
	return spfquery_bad_usage("--lint: the sender isn't of the domain "
				  "that is checked, %.*s",
	    (int)domain.len, domain.p);
}

void
lint_view_head(FILE *to)
{
	fputs("domain,level,code,record_of,term,text\r\n", to);
}

static void
put_csv(const struct lint *l, FILE *to)
{
	struct csv_writer w = {.to = to};

	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		csv_text(&w, l->domain);
		csv_text(&w, mf_text_of(lint_level_text(f->level)));
		csv_text(&w, mf_text_of(f->code));
		csv_text(&w, mf_text_of(f->domain));
		csv_text(&w, mf_text_of(f->term));
		csv_text(&w, mf_text_of(f->says));
		csv_end(&w);
	}
}

static int
report(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_request *request, const struct spf_source *source,
    FILE *to)
{
	struct spf_verdict verdict;
	const struct lint_client client = {request, &verdict};
	struct lint l;
	int rc;

	lint_domain(&l, domain, o->limits, source);
	if (o->ip != NULL)
		lint_evaluate(&l, request, &verdict);
	if (o->json)
		lint_print_json(to, &l, o->ip != NULL ? &client : NULL);
	else if (o->csv)
		put_csv(&l, to);
	else
		lint_print(to, &l, o->ip != NULL ? &client : NULL);
	rc = l.levels[LINT_ERROR] == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
	lint_clear(&l);
	return rc;
}

int
lint_view(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_source *source, FILE *to)
{
	struct spf_source whole = jobs_whole_source(source);
	struct spf_request request;
	struct survey survey;
	bool pending;
	int rc = read_client(o, domain, &request);

	if (rc != SPFQUERY_OK)
		return rc;
	/* What is missing for that is asked at once; lint would take longer. */
	survey_run(&survey, source, domain, MF_TEXT(""));
	pending = survey.pending;
	survey_clear(&survey);
	return pending ? rc : report(o, domain, &request, &whole, to);
}
