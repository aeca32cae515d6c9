/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what is wrong with a domain's record, or close to a limit.
 */
#include "tools/spfquery/lint.h"

#include "common/text.h"

#include <stdarg.h>
#include <stdlib.h>

#define SAYS_SIZE 1024

#define TERMS_NEAR (SPF_TERMS_MAX - 1)

static const char *const levels[] = {
    [LINT_ERROR] = "error",
    [LINT_WARNING] = "warning",
    [LINT_NOTE] = "note",
};

/* --- findings --- */

static char *
copy(struct mf_text t)
{
	char *c = spfquery_must(malloc(t.len + 1));

	if (t.len != 0)
		memcpy(c, t.p, t.len);
	c[t.len] = '\0';
	return c;
}

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
	f->domain = copy(domain);
	f->term = copy(term);
	f->says = copy(mf_text_of(says));
	*lint->last = f;
	lint->last = &f->next;
	lint->levels[level]++;
}

static void
clear(struct lint *lint)
{
	while (lint->first != NULL) {
		struct lint_finding *f = lint->first;

		lint->first = f->next;
		free(f->domain);
		free(f->term);
		free(f->says);
		free(f);
	}
	free(lint->record);
}

/* --- through the evaluator --- */

/* A source that has one answer, and remembers what the trace tells of it. */
struct single {
	const struct spf_answer *answer;
	unsigned asked;
	char *record;
};

static const struct spf_answer *
single_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct single *s = arg;

	(void)rr;
	(void)name;
	return s->asked++ == 0 ? s->answer : NULL;
}

static void
single_event(void *arg, const struct spf_event *e)
{
	struct single *s = arg;

	if (e->kind == SPF_EVENT_RECORD && s->record == NULL)
		s->record = copy(e->text);
}

char *
lint_record_of(struct mf_text domain, const struct spf_answer *answer)
{
	struct single s = {.answer = answer};
	const struct spf_source source = {single_lookup, &s};
	const struct spf_trace trace = {single_event, &s};
	struct spf_request request = {.identity = SPF_MAILFROM,
	    .sender = domain,
	    .sequential = true,
	    .trace = &trace};
	struct spf_verdict verdict;

	spf_evaluate(&request, &source, &verdict);
	return s.record;
}

/* Any explanation is taken where the default one is. */
bool
lint_is_explanation(struct mf_text t)
{
	struct mf_text all = MF_TEXT("v=spf1 -all");
	struct spf_answer *record = spf_answer_txt(&all, 1);
	struct single s = {.answer = spfquery_must(record)};
	const struct spf_source source = {single_lookup, &s};
	struct spf_request request = {.identity = SPF_MAILFROM,
	    .sender = MF_TEXT("a.example"),
	    .default_explanation = t,
	    .sequential = true};
	struct spf_verdict verdict;
	bool ok = spf_evaluate(&request, &source, &verdict) == SPF_PENDING ||
	    verdict.explanation[0] != '\0';

	spf_answer_free(record);
	return ok;
}

/* --- the domain --- */

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
	l->record = lint_record_of(domain, a);
	lint_record(l, domain, mf_text_of(l->record));
	lint_follow(l, domain, mf_text_of(l->record), NULL, true);
	check_counters(l, domain);
}

/* --- printing --- */

static void
print(const struct lint *l, struct mf_text domain)
{
	if (l->record != NULL) {
		spfquery_put(stdout, domain);
		printf(": ");
		spfquery_put(stdout, mf_text_of(l->record));
		putchar('\n');
	}
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		printf("%s: ", levels[f->level]);
		spfquery_put(stdout, mf_text_of(f->domain));
		printf(": ");
		if (f->term[0] != '\0') {
			putchar('"');
			spfquery_put(stdout, mf_text_of(f->term));
			printf("\": ");
		}
		spfquery_put(stdout, mf_text_of(f->says));
		printf(" [%s]\n", f->code);
	}
	if (l->record != NULL)
		printf("at most %u of %u terms, %u of %u void lookups (%u for "
		       "IPv6 clients), %zu octets\n",
		    l->terms, SPF_TERMS_MAX, l->voids4, SPF_VOIDS_MAX,
		    l->voids6, strlen(l->record));
	printf("%u error%s, %u warning%s\n", l->levels[LINT_ERROR],
	    l->levels[LINT_ERROR] == 1 ? "" : "s", l->levels[LINT_WARNING],
	    l->levels[LINT_WARNING] == 1 ? "" : "s");
}

static void
print_json_pair(const char *name, const char *value)
{
	printf("\"%s\":", name);
	spfquery_put_json(stdout, mf_text_of(value));
}

static void
print_json(const struct lint *l, struct mf_text domain)
{
	printf("{\"domain\":");
	spfquery_put_json(stdout, domain);
	putchar(',');
	print_json_pair("record", l->record != NULL ? l->record : "");
	printf(",\"errors\":%u,\"warnings\":%u,\"terms\":%u,\"terms_max\":%u,"
	       "\"voids\":%u,\"voids_ipv6\":%u,\"voids_max\":%u,\"findings\":[",
	    l->levels[LINT_ERROR], l->levels[LINT_WARNING], l->terms,
	    SPF_TERMS_MAX, l->voids4, l->voids6, SPF_VOIDS_MAX);
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		printf("%s{", f != l->first ? "," : "");
		print_json_pair("level", levels[f->level]);
		putchar(',');
		print_json_pair("code", f->code);
		putchar(',');
		print_json_pair("domain", f->domain);
		putchar(',');
		print_json_pair("term", f->term);
		putchar(',');
		print_json_pair("text", f->says);
		putchar('}');
	}
	printf("]}\n");
}

/* The name to ask for: as the evaluator would, A-labels in lower case. */
static bool
ask_name(const char *domain, char out[static SPF_NAME_SIZE])
{
	static const struct spf_answer nothing = {.status = SPF_DNS_VOID};
	struct single s = {.answer = &nothing};
	const struct spf_source source = {single_lookup, &s};
	struct spf_request request = {.identity = SPF_HELO,
	    .helo = mf_text_of(domain),
	    .sequential = true};
	struct spf_verdict verdict;

	spf_evaluate(&request, &source, &verdict);
	memcpy(out, verdict.domain, SPF_NAME_SIZE);
	return s.asked != 0;
}

int
spfquery_lint(struct dns *dns, const char *domain, bool json)
{
	struct lint l = {.dns = dns};
	char name[SPF_NAME_SIZE];
	const char *at = strrchr(domain, '@');
	int rc;

	/* An address will do. */
	domain = at != NULL ? at + 1 : domain;
	if (!ask_name(domain, name))
		return spfquery_bad_usage(
		    "\"%s\" is not a domain that can have a record", domain);
	l.last = &l.first;
	check_domain(&l, mf_text_of(name));
	if (json)
		print_json(&l, mf_text_of(name));
	else
		print(&l, mf_text_of(name));
	rc = l.levels[LINT_ERROR] == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
	clear(&l);
	return rc;
}
