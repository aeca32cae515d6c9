/* SPDX-License-Identifier: ISC */
/*
 * Records as callers see them: whether a text is one (RFC 7208 4.5), and what is
 * in one that is compiled.
 */
#include "libspf/record_.h"

#include "common/text.h"

#include <stdlib.h>

bool
spf_is_record(struct mf_text text)
{
	char word[8];

	if (text.len < RECORD_VERSION_LEN)
		return false;
	memcpy(word, text.p, RECORD_VERSION_LEN);
	word[6] = word[7] = '\0';
	ascii_lower_8(word);
	return memcmp(word, RECORD_VERSION "\0", sizeof(word)) == 0 &&
	    (text.len == RECORD_VERSION_LEN ||
		text.p[RECORD_VERSION_LEN] == ' ');
}

struct spf_record *
spf_record_compile(struct mf_text text)
{
	size_t size = record_size_(text);
	struct spf_record *r = malloc(size);

	if (r == NULL || record_compile_(text, spf_is_record(text), r, size))
		return r;
	free(r);
	return NULL;
}

void
spf_record_free(struct spf_record *record)
{
	if (record == NULL)
		return;
	free(record->problem);
	free(record);
}

struct mf_text
spf_record_text(const struct spf_record *record)
{
	return record->text;
}

const char *
spf_record_problem(const struct spf_record *record)
{
	return record->problem;
}

const struct spf_term *
spf_record_terms(const struct spf_record *record, size_t *count)
{
	*count = record->count;
	return record->terms;
}

const struct spf_domain_spec *
spf_record_redirect(const struct spf_record *record)
{
	return record->problem == NULL && record->has_redirect
	    ? &record->redirect
	    : NULL;
}

const struct spf_domain_spec *
spf_record_explanation(const struct spf_record *record)
{
	return record->problem == NULL && record->has_explanation
	    ? &record->explanation
	    : NULL;
}
