/* SPDX-License-Identifier: ISC */
/*
 * How spfquery evaluates: by one engine or both, recorded if somebody wants to
 * see it.  libspf2 runs in this process: what it can't be trusted with is
 * refused before it sees it, and if it dies, a tool has died.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_EVALUATOR_H
#define MAILFROM_TOOLS_SPFQUERY_EVALUATOR_H

#include "tools/spfquery/recorder.h"
#include <mailfrom/spf_engine.h>

/* What libspf2 says, where both engines have been asked. */
struct second_opinion {
	bool given;
	enum spf_audit_outcome outcome;
	enum spf_opinion opinion;
	struct spf_verdict verdict;
};

struct evaluator {
	enum spf_engine engine;
	bool records;
	struct recorder recorder;
	struct second_opinion second;
	/* Ours, if libspf2 alone has still questions. */
	bool decided;
	struct spf_verdict verdict;
};

/* Begin a check. */
void evaluator_reset(struct evaluator *e);

/* Of spf_evaluate()'s contract; arg is a struct evaluator. */
enum spf_status evaluator_run(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out);

/*
 * The domain whose record a check of request asks for, in A-labels.  False:
 * none can be asked for.
 */
bool evaluator_domain(
    const struct spf_request *request, char out[static SPF_NAME_SIZE]);

#endif
