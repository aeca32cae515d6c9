/* SPDX-License-Identifier: ISC */
/*
 * All that --networks reports about a domain, and that as JSON.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_NETWORKS_REPORT_H
#define MAILFROM_TOOLS_SPFQUERY_NETWORKS_REPORT_H

#include <stdio.h>

#include "tools/spfquery/networks.h"
#include "tools/spfquery/spfquery.h"

struct networks_report {
	struct survey survey;
	struct scope scopes[SURVEY_FAMILIES];
};

/* Results as they are shown: who passes comes first. */
extern const enum spf_result networks_report_order[SCOPE_RESULTS];

void networks_report_find(struct networks_report *r, struct mf_text domain,
    const struct spf_source *source);
void networks_report_clear(struct networks_report *r);

/* Columns that the longest network takes. */
size_t networks_report_width(const struct networks_report *r);

/* How many addresses a network has, and that in short: "2^96".  The length. */
size_t networks_report_count(
    const struct ip_net *net, char out[static IPSET_COUNT_SIZE]);
size_t networks_report_size(
    const struct ip_net *net, char out[static IPSET_COUNT_SIZE]);

/* One object in a line.  False: --contains, and not all of that passes. */
bool networks_report_json(const struct networks_report *r,
    const struct spfquery_options *options, struct mf_text domain, FILE *to);

#endif
