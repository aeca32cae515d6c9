/* SPDX-License-Identifier: ISC */
/*
 * Instead of spfquery_engine.c, where libspf2 isn't there to be linked.
 */
#include "tools/spfquery.h"

bool
spfquery_evaluate(enum spfquery_engine engine,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, struct spfquery_audit *audit)
{
	(void)audit;
	switch (engine) {
	case SPFQUERY_NATIVE:
		spf_evaluate(request, source, out);
		return true;
	case SPFQUERY_LIBSPF2:
	case SPFQUERY_AUDIT:
		fputs("spfquery: the engine libspf2 is not built in\n", stderr);
		return false;
	}
	return false;
}
