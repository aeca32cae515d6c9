/* SPDX-License-Identifier: ISC */
/*
 * spfpolicy --lint: what is wrong with an access file, line by line, and how
 * much.
 */
#include <stdio.h>

#include "access/access.h"
#include "access/lint.h"
#include "common/escape.h"
#include "tools/spfpolicy/spfpolicy.h"

static void
say_finding(void *arg, bool is_error, const char *line)
{
	(void)arg;
	escape_terminal(stdout, mf_text_of(line));
	puts(is_error ? " [error]" : " [warning]");
}

int
spfpolicy_lint(const struct spfpolicy_options *o)
{
	struct report report = report_to_stderr();
	struct report findings = {.say = say_finding};
	struct access *access;

	if (access_examine(mf_text_of(o->access), &access, &report,
		&findings) != ACCESS_OK)
		return SPFPOLICY_USAGE;
	size_t count = access_table_count(access->table);
	bool ok = access_lint(access->table, access->path, &findings);
	access_free(access);
	printf("%zu %s, %u %s, %u %s\n", count,
	    count == 1 ? "entry" : "entries", findings.errors,
	    findings.errors == 1 ? "error" : "errors", findings.warnings,
	    findings.warnings == 1 ? "warning" : "warnings");
	if (!ok)
		return SPFPOLICY_USAGE;
	return findings.errors != 0 ? SPFPOLICY_FAILED : SPFPOLICY_OK;
}
