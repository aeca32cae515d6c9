/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what the names in a record lead to, and what that costs.
 *
 * Counted is the worst case: a client that nothing matches.
 */
#include "tools/spfquery/lint.h"

#include "common/text.h"

#define MX_NEAR (SPF_MX_MAX - 2)

struct walk {
	struct lint *lint;
	struct mf_text domain;
	bool own;
};

#define FIND(walk, level, code, term, ...) \
	lint_find((walk)->lint, level, code, (walk)->domain, term, __VA_ARGS__)

/* --- lookups --- */

/* An answer, or NULL once there were too many questions. */
static const struct spf_answer *
ask(struct lint *lint, enum spf_rr rr, struct mf_text name)
{
	struct spf_source source = dns_source(lint->dns);
	char lower[SPF_NAME_SIZE];

	if (lint->lookups == LINT_NAMES_MAX || !spf_name_ok(name))
		return NULL;
	lint->lookups++;
	memcpy(lower, name.p, name.len);
	ascii_lower_all(lower, name.len);
	return source.lookup(source.arg, rr, mf_text_at(lower, name.len));
}

static bool
is(const struct spf_answer *a, enum spf_dns_status status)
{
	return a != NULL && a->status == status;
}

static void
find_error(struct walk *w, const struct lint_term *t,
    const struct spf_answer *a, struct mf_text name)
{
	char text[SPF_TEXT_SIZE];

	spf_failure_print(a->rr, name, a->cause, text, sizeof(text));
	FIND(w, LINT_WARNING, "dns", t->written, "%s: a temperror", text);
}

static struct mf_text
target(const struct walk *w, const struct lint_term *t)
{
	return t->value.len != 0 ? t->value : w->domain;
}

/* --- a, exists, mx --- */

/* True if name has an address, or it can't be said. */
static bool
has_address(struct walk *w, const struct lint_term *t, struct mf_text name,
    bool *void4, bool *void6)
{
	const struct spf_answer *v4 = ask(w->lint, SPF_RR_A, name);
	const struct spf_answer *v6 = ask(w->lint, SPF_RR_AAAA, name);

	if (is(v4, SPF_DNS_ERROR) || is(v6, SPF_DNS_ERROR))
		find_error(w, t, is(v4, SPF_DNS_ERROR) ? v4 : v6, name);
	*void4 = is(v4, SPF_DNS_VOID);
	*void6 = is(v6, SPF_DNS_VOID);
	return !(*void4 && *void6);
}

static void
find_nowhere(struct walk *w, const struct lint_term *t, struct mf_text name,
    const char *what)
{
	FIND(w, LINT_WARNING, "nowhere", t->written,
	    "%.*s has no %s: never matches, and counts as a void lookup",
	    (int)name.len, name.p, what);
}

static void
follow_a(struct walk *w, const struct lint_term *t)
{
	struct mf_text name = target(w, t);
	bool void4, void6;

	if (!has_address(w, t, name, &void4, &void6))
		find_nowhere(w, t, name, "address");
	w->lint->voids4 += void4;
	w->lint->voids6 += void6;
}

static void
follow_exists(struct walk *w, const struct lint_term *t)
{
	const struct spf_answer *a = ask(w->lint, SPF_RR_A, t->value);

	if (is(a, SPF_DNS_ERROR))
		find_error(w, t, a, t->value);
	if (!is(a, SPF_DNS_VOID))
		return;
	find_nowhere(w, t, t->value, "IPv4 address");
	w->lint->voids4++;
	w->lint->voids6++;
}

static void
follow_mx_hosts(
    struct walk *w, const struct lint_term *t, const struct spf_answer *mx)
{
	for (size_t i = 0; i < mx->count && i < SPF_MX_MAX; i++) {
		struct mf_text host = mx->names[i];
		bool void4, void6;

		if (host.len == 0)
			FIND(w, LINT_WARNING, "nowhere", t->written,
			    "the domain says that it takes no mail (RFC 7505): "
			    "never matches");
		else if (!has_address(w, t, host, &void4, &void6))
			FIND(w, LINT_WARNING, "nowhere", t->written,
			    "the mail host %.*s has no address", (int)host.len,
			    host.p);
	}
}

static void
follow_mx(struct walk *w, const struct lint_term *t)
{
	struct mf_text name = target(w, t);
	const struct spf_answer *a = ask(w->lint, SPF_RR_MX, name);

	if (is(a, SPF_DNS_ERROR))
		find_error(w, t, a, name);
	if (is(a, SPF_DNS_VOID)) {
		find_nowhere(w, t, name, "mail host (MX)");
		w->lint->voids4++;
		w->lint->voids6++;
	}
	if (!is(a, SPF_DNS_FOUND))
		return;
	if (a->count > SPF_MX_MAX)
		FIND(w, LINT_ERROR, "many-mx", t->written,
		    "%.*s has %zu mail hosts (MX), more than 10: a permerror",
		    (int)name.len, name.p, a->count);
	else if (a->count >= MX_NEAR)
		FIND(w, LINT_WARNING, "near-mx", t->written,
		    "%.*s has %zu mail hosts (MX), of at most 10",
		    (int)name.len, name.p, a->count);
	follow_mx_hosts(w, t, a);
}

/* --- include, redirect --- */

static bool
is_on_path(const struct lint *lint, struct mf_text name)
{
	for (size_t i = 0; i < lint->depth; i++)
		if (text_eq_fold(lint->path[i], name))
			return true;
	return false;
}

static void
follow_record(
    struct walk *w, const struct lint_term *t, const struct spf_record *record)
{
	bool own = w->own && t->kind == LINT_REDIRECT;
	const char *problem = spf_record_problem(record);

	if (problem != NULL)
		FIND(w, LINT_ERROR, "broken", t->written,
		    "the record of %.*s is a permerror: %s", (int)t->value.len,
		    t->value.p, problem);
	if (own)
		lint_record(w->lint, t->value, spf_record_text(record));
	lint_follow(w->lint, t->value, record, own);
}

static void
follow_include(struct walk *w, const struct lint_term *t)
{
	const struct spf_answer *a;
	struct mf_text name = t->value;

	if (is_on_path(w->lint, name)) {
		FIND(w, LINT_ERROR, "loop", t->written,
		    "%.*s leads here again: a permerror", (int)name.len,
		    name.p);
		return;
	}
	a = ask(w->lint, SPF_RR_TXT, name);
	if (a == NULL)
		return;
	if (a->status == SPF_DNS_ERROR) {
		find_error(w, t, a, name);
		return;
	}
	if (a->status == SPF_DNS_VOID) {
		w->lint->voids4++;
		w->lint->voids6++;
	}
	if (a->spf_records == 1)
		follow_record(w, t, a->record);
	else
		FIND(w, LINT_ERROR,
		    a->spf_records == 0 ? "no-record" : "many-records",
		    t->written, "%.*s has %s SPF record: a permerror",
		    (int)name.len, name.p,
		    a->spf_records == 0 ? "no" : "more than one");
}

/* --- exp --- */

static void
follow_exp(struct walk *w, const struct lint_term *t)
{
	const struct spf_answer *a = ask(w->lint, SPF_RR_TXT, t->value);

	if (is(a, SPF_DNS_ERROR))
		find_error(w, t, a, t->value);
	else if (is(a, SPF_DNS_VOID))
		FIND(w, LINT_WARNING, "exp", t->written,
		    "%.*s has no TXT record: there is no explanation",
		    (int)t->value.len, t->value.p);
	else if (is(a, SPF_DNS_FOUND) && a->only_text.len == 0)
		FIND(w, LINT_WARNING, "exp", t->written,
		    "%.*s has several TXT records: there is no explanation",
		    (int)t->value.len, t->value.p);
	else if (a != NULL && !spf_explanation_ok(a->only_text))
		FIND(w, LINT_WARNING, "exp", t->written,
		    "the text at %.*s has a bad macro or isn't ASCII: there "
		    "is no explanation",
		    (int)t->value.len, t->value.p);
}

/* --- records --- */

static bool
is_counted(enum lint_kind kind)
{
	return kind == LINT_INCLUDE || kind == LINT_A || kind == LINT_MX ||
	    kind == LINT_PTR || kind == LINT_EXISTS || kind == LINT_REDIRECT;
}

static void
follow_term(struct walk *w, const struct lint_term *t)
{
	if (is_counted(t->kind))
		w->lint->terms++;
	if (t->macros) {
		if (w->own && (is_counted(t->kind) || t->kind == LINT_EXP))
			FIND(w, LINT_NOTE, "macro", t->written,
			    "not followed: a macro says where to");
		return;
	}
	if (t->kind == LINT_A)
		follow_a(w, t);
	else if (t->kind == LINT_MX)
		follow_mx(w, t);
	else if (t->kind == LINT_EXISTS)
		follow_exists(w, t);
	else if (t->kind == LINT_INCLUDE || t->kind == LINT_REDIRECT)
		follow_include(w, t);
	else if (t->kind == LINT_EXP && w->own)
		follow_exp(w, t);
}

void
lint_follow(struct lint *lint, struct mf_text domain,
    const struct spf_record *record, bool own)
{
	struct walk w = {.lint = lint, .domain = domain, .own = own};
	struct mf_text rest =
	    text_from(spf_record_text(record), sizeof("v=spf1") - 1);
	struct lint_term t, redirect = {.kind = LINT_UNKNOWN};
	char why[SPF_TEXT_SIZE];
	bool all = false;

	/* Of a broken record nothing is ever looked at. */
	if (lint->depth == LINT_DEPTH_MAX || rest.len > SPF_RECORD_MAX ||
	    (spf_record_problem(record) != NULL && !own))
		return;
	lint->path[lint->depth++] = domain;
	while (lint_next(&rest, &t, why)) {
		if (!t.valid)
			continue;
		if (t.kind == LINT_REDIRECT)
			redirect = t;
		else if (!all || t.kind == LINT_EXP)
			follow_term(&w, &t);
		all = all || t.kind == LINT_ALL;
		if (t.kind == LINT_ALL && t.qualifier == '+' && !own)
			FIND(&w, LINT_ERROR, "everybody", t.written,
			    "this lets every host on the internet pass");
	}
	if (!all && redirect.kind == LINT_REDIRECT)
		follow_term(&w, &redirect);
	lint->depth--;
}
