/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/evaluator.h"

void
evaluator_reset(struct evaluator *e)
{
	recorder_reset(&e->recorder);
	e->second.given = false;
	e->decided = false;
}

/*
 * Have libspf2 say what it thinks of the same request.  It may ask what the
 * native engine had no need of, and if that has no answer in time, the verdict
 * stays what it was.
 */
static enum spf_status
ask_second(struct evaluator *e, const struct spf_request *request,
    const struct spf_source *source, const struct spf_verdict *native)
{
	struct second_opinion *s = &e->second;
	enum spf_status status =
	    spf_libspf2_evaluate(request, source, &s->verdict, &s->opinion);

	if (status == SPF_OK) {
		s->given = true;
		s->outcome = spf_audit_compare(native, &s->verdict, s->opinion);
	} else if (!e->decided) {
		e->decided = true;
		e->verdict = *native;
	}
	return status;
}

enum spf_status
evaluator_run(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out)
{
	struct evaluator *e = arg;
	struct spf_request traced = *request;
	enum spf_status status;

	if (e->records)
		recorder_begin(&e->recorder, &traced, source);
	if (e->engine == SPF_ENGINE_LIBSPF2)
		return spf_libspf2_evaluate(&traced, source, out, NULL);
	status = spf_evaluate(&traced, source, out);
	if (status == SPF_OK && e->engine == SPF_ENGINE_AUDIT)
		status = ask_second(e, request, source, out);
	return status;
}

/* --- domains --- */

static const struct spf_answer *
note_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	static const struct spf_answer nothing = {.status = SPF_DNS_VOID};
	bool *asked = arg;

	(void)rr;
	(void)name;
	*asked = true;
	return &nothing;
}

bool
evaluator_domain(
    const struct spf_request *request, char out[static SPF_NAME_SIZE])
{
	bool asked = false;
	const struct spf_source source = {.lookup = note_lookup, .arg = &asked};
	struct spf_verdict verdict;

	spf_evaluate(request, &source, &verdict);
	memcpy(out, verdict.domain, SPF_NAME_SIZE);
	return asked;
}
