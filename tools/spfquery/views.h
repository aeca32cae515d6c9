/* SPDX-License-Identifier: ISC */
/*
 * What spfquery shows about domains: --lint, --tree, --networks and --flatten,
 * each as a report of jobs.h, for people, as JSON in one line or as CSV.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_VIEWS_H
#define MAILFROM_TOOLS_SPFQUERY_VIEWS_H

#include "common/json_writer.h"
#include "tools/spfquery/canvas.h"
#include "tools/spfquery/jobs.h"
#include "tools/spfquery/survey.h"

/* SPFQUERY_FAILED if there is no record that can be evaluated. */
jobs_report tree_view, networks_view, flatten_view, lint_view, html_view;

/* The first line of CSV. */
void tree_view_head(FILE *to);
void networks_view_head(FILE *to);
void flatten_view_head(FILE *to);
void lint_view_head(FILE *to);

#endif
