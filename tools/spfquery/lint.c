/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what is wrong with a domain's record, or close to a limit.
 */
#include "tools/spfquery/lint.h"

#include "common/text.h"

#define TERMS_NEAR (SPF_TERMS_MAX - 1)

static void
check_counters(struct lint *l, struct mf_text domain)
{
	if (l->terms > SPF_TERMS_MAX)
		lint_find(l, LINT_ERROR, "many-terms", domain, MF_TEXT(""),
		    "%u terms need DNS, more than 10: a permerror for clients "
		    "that nothing matches before",
		    l->terms);
	else if (l->terms >= TERMS_NEAR)
		lint_find(l, LINT_WARNING, "near-terms", domain, MF_TEXT(""),
		    "%u terms need DNS, of at most 10", l->terms);
	if (l->voids4 > SPF_VOIDS_MAX)
		lint_find(l, LINT_ERROR, "many-voids", domain, MF_TEXT(""),
		    "%u lookups find nothing, more than 2: a permerror for "
		    "clients that nothing matches before",
		    l->voids4);
	else if (l->voids6 > SPF_VOIDS_MAX)
		lint_find(l, LINT_WARNING, "voids-ipv6", domain, MF_TEXT(""),
		    "%u lookups find nothing for IPv6 clients, more than 2: a "
		    "permerror for those that nothing matches before",
		    l->voids6);
	else if (l->voids4 == SPF_VOIDS_MAX)
		lint_find(l, LINT_WARNING, "near-voids", domain, MF_TEXT(""),
		    "%u lookups find nothing, of at most 2", l->voids4);
	if (l->lookups == LINT_NAMES_MAX)
		lint_find(l, LINT_WARNING, "endless", domain, MF_TEXT(""),
		    "stopped after %d lookups", LINT_NAMES_MAX);
}

static void
check_missing(struct lint *l, struct mf_text domain, const struct spf_answer *a)
{
	if (a->status == SPF_DNS_ERROR)
		lint_find(l, LINT_ERROR, "dns", domain, MF_TEXT(""),
		    "DNS lookup of TXT failed: %s", spf_cause_text(a->cause));
	else if (a->spf_records > 1)
		lint_find(l, LINT_ERROR, "many-records", domain, MF_TEXT(""),
		    "%u SPF records, where only one may be: a permerror (RFC "
		    "7208 4.5)",
		    a->spf_records);
	else if (text_starts_fold(a->only_text, MF_TEXT("v=spf")) ||
	    text_starts_fold(a->only_text, MF_TEXT("spf")) ||
	    text_starts_fold(a->only_text, MF_TEXT("\"v=spf1")))
		lint_find(l, LINT_ERROR, "no-record", domain, MF_TEXT(""),
		    "a TXT record that is no SPF record, as it doesn't begin "
		    "with \"v=spf1 \": \"%.*s\"",
		    (int)text_head(a->only_text, 100).len, a->only_text.p);
	else
		lint_find(l, LINT_ERROR, "no-record", domain, MF_TEXT(""),
		    "there is no SPF record");
}

static void
check_domain(struct lint *l, struct mf_text domain)
{
	struct spf_source source = dns_source(l->dns);
	const struct spf_answer *a =
	    source.lookup(source.arg, SPF_RR_TXT, domain);

	if (a->spf_records != 1) {
		check_missing(l, domain, a);
		return;
	}
	struct mf_text record = spf_record_text(a->record);

	l->record = spfquery_copy(record);
	lint_record(l, domain, record);
	lint_follow(l, domain, a->record, true);
	check_counters(l, domain);
}

int
spfquery_lint(struct dns *dns, const char *domain, bool json)
{
	struct lint l = {.dns = dns};
	char name[SPF_NAME_SIZE];
	const char *at = strrchr(domain, '@');
	struct spf_request request = {.identity = SPF_HELO};
	int rc;

	/* An address will do. */
	domain = at != NULL ? at + 1 : domain;
	request.helo = mf_text_of(domain);
	if (!evaluator_domain(&request, name))
		return spfquery_bad_usage(
		    "\"%s\" is not a domain that can have a record", domain);
	l.last = &l.first;
	check_domain(&l, mf_text_of(name));
	if (json)
		lint_print_json(&l, mf_text_of(name));
	else
		lint_print(&l, mf_text_of(name));
	rc = l.levels[LINT_ERROR] == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
	lint_clear(&l);
	return rc;
}
