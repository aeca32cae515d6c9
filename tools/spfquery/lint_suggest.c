/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: suggestions for terms that are valid and find nothing; they
 * are looked up.
 */
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

static enum spf_rr
rr_of(const struct spf_term *t)
{
	switch (t->kind) {
	case SPF_TERM_INCLUDE:
		return SPF_RR_TXT;
	case SPF_TERM_MX:
		return SPF_RR_MX;
	case SPF_TERM_A:
	case SPF_TERM_EXISTS:
	case SPF_TERM_ALL:
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
	case SPF_TERM_PTR:
		break;
	}
	return SPF_RR_A;
}

/* The name of t has what t asks for; or it isn't known. */
static bool
finds_something(
    const struct lint *l, struct mf_text domain, const struct spf_term *t)
{
	char room[SPF_NAME_SIZE];
	size_t len;
	const struct spf_answer *a;

	if (t->kind == SPF_TERM_ALL || t->kind == SPF_TERM_IP4 ||
	    t->kind == SPF_TERM_IP6 || t->kind == SPF_TERM_PTR ||
	    spf_domain_spec_name(&t->target, domain, l->domain, false, room,
		&len) != SPF_NAMING_KNOWN)
		return true;
	a = l->source.lookup(l->source.arg, rr_of(t), mf_text_at(room, len));
	if (t->kind == SPF_TERM_INCLUDE)
		return a != NULL && a->spf_records == 1;
	if (a != NULL && a->status == SPF_DNS_VOID && t->kind == SPF_TERM_A)
		a = l->source.lookup(
		    l->source.arg, SPF_RR_AAAA, mf_text_at(room, len));
	return a != NULL && a->status == SPF_DNS_FOUND;
}

bool
lint_suggest(const struct lint *l, struct mf_text domain,
    struct mf_text written, char hint[static SPF_TEXT_SIZE])
{
	char room[SPF_TEXT_SIZE], text[SPF_TEXT_SIZE + 8];
	struct text_out terms = text_out(room, sizeof(room));
	struct text_out whole = text_out(text, sizeof(text));
	struct text_out out = text_out(hint, SPF_TEXT_MAX);
	struct spf_record *record;
	bool ok = true;
	size_t count;

	hint[0] = '\0';
	if (!lint_unglue(written, &terms))
		return false;
	out_str(&whole, "v=spf1 ");
	out_text(&whole, out_view(&terms));
	record = spfquery_must(spf_record_compile(out_view(&whole)));
	const struct spf_term *t = spf_record_terms(record, &count);
	for (size_t i = 0; i < count; i++)
		ok = ok && finds_something(l, domain, &t[i]);
	if (spf_record_redirect(record) != NULL)
		ok = ok &&
		    finds_something(l, domain,
			&(struct spf_term){.kind = SPF_TERM_INCLUDE,
			    .target = *spf_record_redirect(record)});
	spf_record_free(record);
	if (!ok)
		return false;
	out_str(&out, "did you mean \"");
	out_text(&out, out_view(&terms));
	out_str(&out, "\"?");
	hint[out.full ? 0 : out.len] = '\0';
	return !out.full;
}
