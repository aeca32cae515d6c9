/* SPDX-License-Identifier: ISC */
/*
 * A check in lines for people.
 */
#include "tools/spfquery/report.h"

#include "common/escape.h"
#include <mailfrom/spf_header.h>

static void
put_why(FILE *to, const struct spf_verdict *verdict)
{
	fputs("why: ", to);
	words_why(to, verdict);
	putc('\n', to);
}

static void
put_second(FILE *to, const struct second_opinion *s)
{
	fprintf(to, "libspf2: %s (%s)\n",
	    s->opinion == SPF_OPINION_GIVEN ? spf_result_text(s->verdict.result)
					    : spf_opinion_text(s->opinion),
	    spf_audit_text(s->outcome));
}

static void
put_headers(FILE *to, const struct spfquery_report *report)
{
	char header[SPF_HEADER_SIZE];

	spf_header_received(
	    report->request, report->verdict, report->receiver, header);
	fprintf(to, "Received-SPF: %s\n", header);
	spf_header_authentication(report->request, report->verdict, header);
	fprintf(to, "Authentication-Results: %.*s;\n\t%s\n",
	    (int)report->receiver.len, report->receiver.p, header);
}

static void
put_rest(FILE *to, const struct spfquery_report *report)
{
	const struct spf_verdict *v = report->verdict;

	if (report->evaluator->second.given)
		put_second(to, &report->evaluator->second);
	if (v->explanation[0] != '\0') {
		fputs("explanation: ", to);
		escape_terminal(to, mf_text_of(v->explanation));
		putc('\n', to);
	}
	put_headers(to, report);
}

void
report_plain(FILE *to, const struct spfquery_report *report)
{
	fprintf(to, "%s\n", spf_result_text(report->verdict->result));
	put_why(to, report->verdict);
	put_rest(to, report);
}

void
report_trace(FILE *to, const struct spfquery_report *report)
{
	fprintf(to, "%s\n", spf_result_text(report->verdict->result));
	trace_draw(to, report);
	put_rest(to, report);
}
