/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: the command.
 */
#include "tools/spfquery/lint_command.h"

#include "tools/spfquery/lint.h"

/* The domain of an address, or a domain; false after a message. */
static bool
read_domain(const char *text, char out[static SPF_NAME_SIZE])
{
	const char *at = strrchr(text, '@');
	struct spf_request request = {.identity = SPF_HELO};

	request.helo = mf_text_of(at != NULL ? at + 1 : text);
	if (evaluator_domain(&request, out))
		return true;
	spfquery_bad_usage(
	    "\"%s\" is not a domain that can have a record", text);
	return false;
}

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

int
spfquery_lint(struct dns *dns, const struct spfquery_options *o)
{
	struct spf_source source = dns_source(dns);
	char name[SPF_NAME_SIZE];
	struct spf_request request;
	struct spf_verdict verdict;
	struct lint l;
	int rc;

	if (!read_domain(o->lint, name))
		return SPFQUERY_USAGE;
	rc = read_client(o, mf_text_of(name), &request);
	if (rc != SPFQUERY_OK)
		return rc;
	lint_domain(&l, mf_text_of(name), o->limits, &source);
	if (o->ip != NULL)
		lint_evaluate(&l, &request, &verdict);
	const struct lint_client client = {&request, &verdict};
	if (o->json)
		lint_print_json(&l, o->ip != NULL ? &client : NULL);
	else
		lint_print(&l, o->ip != NULL ? &client : NULL);
	rc = l.levels[LINT_ERROR] == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
	lint_clear(&l);
	return rc;
}
