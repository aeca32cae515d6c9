/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what is wrong with a domain's record, or close to a limit.
 */
#include "tools/spfquery/lint.h"

#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

static void
check_missing(struct lint *l, const struct spf_answer *a)
{
	char room[SPF_NEARLY_MAX + 16];
	struct text_out out = text_out(room, sizeof(room) - 1);

	if (a->nearly.len == 0)
		lint_find(l, LINT_WARNING, "no-record", l->domain, MF_TEXT(""),
		    "there is no SPF record");
	else if (lint_repair(a->nearly, &out))
		lint_find(l, LINT_WARNING, "no-record", l->domain, MF_TEXT(""),
		    "\"%.*s\" is no SPF record, because it doesn't begin "
		    "with \"v=spf1 \"; did you mean \"%.*s\"?",
		    (int)a->nearly.len, a->nearly.p, (int)out.len, out.p);
	else
		lint_find(l, LINT_WARNING, "no-record", l->domain, MF_TEXT(""),
		    "\"%.*s\" is no SPF record, because it doesn't begin "
		    "with \"v=spf1 \"",
		    (int)a->nearly.len, a->nearly.p);
}

/* Some client gets to the record of domain, which has an error. */
static bool
is_met(const struct lint *l, const char *domain)
{
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		for (size_t i = 0; i < l->reaches[f].count; i++) {
			const struct reach_outcome *o =
			    &l->reaches[f].outcomes[i];
			struct ipset only;
			bool certain;

			if (o->why != REACH_SYNTAX ||
			    !mf_text_eq(o->domain, mf_text_of(domain)))
				continue;
			only = reach_only(&l->reaches[f], i);
			certain = !ipset_is_empty(&only);
			ipset_clear(&only);
			if (certain)
				return true;
		}
	return false;
}

static void
check_own_records(struct lint *l)
{
	const struct survey_record *r = l->survey.root;

	for (size_t i = 0; r != NULL && i < l->survey.records; i++) {
		if (r->status == SURVEY_FOUND || r->status == SURVEY_BROKEN)
			lint_record(l, mf_text_of(r->domain),
			    mf_text_of(r->text), is_met(l, r->domain));
		r = lint_next_own(r);
	}
}

/* --- domains without mail --- */

static bool
all_fail(const struct lint *l)
{
	bool yes = true;

	for (int f = 0; f < SURVEY_FAMILIES; f++)
		yes = yes &&
		    reach_results(&l->reaches[f], &l->reaches[f].everybody) ==
			REACH_BIT(SPF_FAIL);
	return yes;
}

/* "v=spf1 -all", and nothing else that could match. */
static bool
is_all_alone(const struct survey_record *r)
{
	size_t mechanisms = 0;

	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		mechanisms += t->kind == SURVEY_MECHANISM;
	return mechanisms == 1;
}

/* One that neither sends nor accepts mail: "v=spf1 -all", MX 0 . */
static void
check_parked(struct lint *l)
{
	const struct spf_answer *mx =
	    l->source.lookup(l->source.arg, SPF_RR_MX, l->domain);
	bool fails = all_fail(l);

	if (mx == NULL)
		return;
	if (mx->status == SPF_DNS_FOUND && mx->count == 1 &&
	    mx->names[0].len == 0 && !fails)
		lint_find(l, LINT_WARNING, "parked", l->domain, MF_TEXT(""),
		    "the domain accepts no mail (RFC 7505); if it sends none "
		    "either, publish \"v=spf1 -all\"");
	if (mx->status == SPF_DNS_VOID && fails && is_all_alone(l->survey.root))
		lint_find(l, LINT_NOTE, "parked", l->domain, MF_TEXT(""),
		    "nobody may send; if the domain accepts no mail either, "
		    "publish a null MX, \"MX 0 .\" (RFC 7505)");
}

/* The names of a broken record are followed too, as if it were mended. */
static void
survey_rest(struct lint *l)
{
	char *valid = lint_valid_part(mf_text_of(l->record));

	survey_clear(&l->survey);
	survey_run(&l->survey, &l->source, l->domain, mf_text_of(valid));
	free(valid);
}

void
lint_domain(struct lint *l, struct mf_text domain, struct spf_limits limits,
    const struct spf_source *source)
{
	const struct survey_record *root;

	*l = (struct lint){.source = *source,
	    .limits = spf_limits_set(limits),
	    .domain = domain};
	l->last = &l->first;
	survey_run(&l->survey, source, domain, MF_TEXT(""));
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		reach_find(
		    &l->reaches[f], domain, f == SURVEY_V6, limits, source);
	root = l->survey.root;
	if (root != NULL && root->text[0] != '\0')
		l->record = spfquery_copy(mf_text_of(root->text));
	check_own_records(l);
	if (root != NULL && root->status == SURVEY_BROKEN)
		survey_rest(l);
	root = l->survey.root;
	lint_names(l);
	lint_classes(l);
	if (root == NULL)
		return;
	if (root->status == SURVEY_MISSING)
		check_missing(l, &root->answer);
	if (root->answer.sender_id)
		lint_find(l, LINT_NOTE, "sender-id", domain, MF_TEXT(""),
		    "there is a record of Sender ID too (spf2.0), which "
		    "nobody uses any more (RFC 6686)");
	check_parked(l);
}
