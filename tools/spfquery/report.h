/* SPDX-License-Identifier: ISC */
/*
 * What spfquery prints of a check that has been made: lines for people, with a
 * tree if they want one, or JSON.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_REPORT_H
#define MAILFROM_TOOLS_SPFQUERY_REPORT_H

#include <stdio.h>

#include "tools/spfquery/evaluator.h"
#include <mailfrom/spf_resolver.h>

/* Everything about one check. */
struct spfquery_report {
	const struct spf_request *request;
	const struct spf_verdict *verdict;
	const struct evaluator *evaluator; /* with what it has recorded */
	struct spf_cost cost;
	struct mf_text receiver;
};

/* The result, what has decided, the explanation and the header fields. */
void report_plain(FILE *to, const struct spfquery_report *report);

/* The same with the evaluation as a tree instead of what has decided. */
void report_trace(FILE *to, const struct spfquery_report *report);

/* The same and all else as one JSON object in one line. */
void report_json(FILE *to, const struct spfquery_report *report);

/* --- pieces --- */

/* The tree and what is around it. */
void trace_draw(FILE *to, const struct spfquery_report *report);

/* What decided, as a sentence. */
void words_why(FILE *to, const struct spf_verdict *verdict);

/* What an answer says, in short. */
void words_answer(FILE *to, const struct spf_answer *answer);

#endif
