/* SPDX-License-Identifier: ISC */
/*
 * Reports about domains, many at the same time over the resolver, printed in
 * the order in which the domains were given.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_JOBS_H
#define MAILFROM_TOOLS_SPFQUERY_JOBS_H

#include "tools/spfquery/dns.h"

/*
 * Write what is to be printed about domain, a name in A-labels, to a stream in
 * memory.  It is called again, and what it has written forgotten, as long as
 * source has no answer to something; answers stay the same.  It may be called
 * on another thread, but never twice at a time.  The exit status.
 */
typedef int jobs_report(const struct spfquery_options *options,
    struct mf_text domain, const struct spf_source *source, FILE *to);

/*
 * source for reports that can't do without an answer: where it has none yet,
 * there is a failure, in what is forgotten then anyway.
 */
struct spf_source jobs_whole_source(const struct spf_source *source);

/*
 * Report about all domains of the command line: its arguments, of which "-" is
 * standard input, and its file, a domain in each line.  The largest exit
 * status.
 */
int jobs_run(const struct spfquery_options *options, jobs_report *report,
    struct dns *dns);

/* What dns_open() is to evaluate by, for jobs_run(). */
enum spf_status jobs_evaluate(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out);

#endif
