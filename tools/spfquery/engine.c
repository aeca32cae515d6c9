/* SPDX-License-Identifier: ISC */
/*
 * spfquery's engines.  libspf2 runs in this process: what it can't be trusted
 * with is refused before it sees it, and if it dies, a tool has died.
 */
#include "tools/spfquery/spfquery.h"
#include <mailfrom/spf_engine.h>

static void
audit_made(const struct spf_request *request, const struct spf_source *source,
    const struct spf_verdict *native, struct spfquery_audit *audit)
{
	enum spf_opinion opinion;
	struct spf_request quiet = *request;

	quiet.trace = NULL;
	spf_libspf2_evaluate(&quiet, source, &audit->verdict, &opinion);
	audit->made = true;
	audit->opinion =
	    opinion == SPF_OPINION_GIVEN ? "" : spf_opinion_text(opinion);
	audit->outcome =
	    spf_audit_text(spf_audit_compare(native, &audit->verdict, opinion));
}

bool
spfquery_evaluate(enum spfquery_engine engine,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, struct spfquery_audit *audit)
{
	switch (engine) {
	case SPFQUERY_NATIVE:
		spf_evaluate(request, source, out);
		return true;
	case SPFQUERY_LIBSPF2:
		spf_libspf2_evaluate(request, source, out, NULL);
		return true;
	case SPFQUERY_AUDIT:
		spf_evaluate(request, source, out);
		if (audit != NULL)
			audit_made(request, source, out, audit);
		return true;
	}
	return false;
}
