/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint as a command.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_LINT_COMMAND_H
#define MAILFROM_TOOLS_SPFQUERY_LINT_COMMAND_H

#include "tools/spfquery/dns.h"

/* SPFQUERY_OK, SPFQUERY_FAILED if there are errors, or SPFQUERY_USAGE. */
int spfquery_lint(struct dns *dns, const struct spfquery_options *options);

#endif
