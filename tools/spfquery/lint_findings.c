/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: the list of what was found.
 */
#include "tools/spfquery/lint.h"

#include <stdarg.h>
#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

#define SAYS_SIZE 1400

void
lint_find(struct lint *lint, enum lint_level level, const char *code,
    struct mf_text domain, struct mf_text term, const char *format, ...)
{
	struct lint_finding *f = spfquery_must(calloc(1, sizeof(*f)));
	char says[SAYS_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(says, sizeof(says), format, args);
	va_end(args);
	f->level = level;
	f->code = code;
	f->domain = spfquery_copy(domain);
	f->term = spfquery_copy(term);
	f->says = spfquery_copy(mf_text_of(says));
	*lint->last = f;
	lint->last = &f->next;
	lint->levels[level]++;
}

void
lint_clear(struct lint *lint)
{
	while (lint->first != NULL) {
		struct lint_finding *f = lint->first;

		lint->first = f->next;
		free(f->domain);
		free(f->term);
		free(f->says);
		free(f);
	}
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		reach_clear(&lint->reaches[f]);
	survey_clear(&lint->survey);
	free(lint->record);
}
