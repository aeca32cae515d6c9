/* SPDX-License-Identifier: ISC */
#include "srsmilter/forwarders.h"

static bool
is_named(const struct rewriter *r, struct mf_text domain)
{
	return rewriter_has_domain(r, domain) ||
	    list_has_domain(&r->forward_domains, domain);
}

static bool
is_ours(const struct srsmilter_config *c, struct mf_text domain)
{
	return is_named(c->rewriter, domain) ||
	    list_has_domain(&c->rewriter->own_domains, domain) ||
	    list_has_domain(&c->local_domains, domain);
}

struct mf_text
forwarders_domain_of(const struct srsmilter_config *c,
    struct mf_text recipient_domain, struct mf_text original)
{
	if (original.len != 0 && is_ours(c, original))
		return original;
	/* In front of the aliases the recipient is in the domain itself. */
	if (is_named(c->rewriter, recipient_domain))
		return recipient_domain;
	return MF_TEXT("");
}

static struct mf_text
view(const struct forwarders *all)
{
	return mf_text_at(all->domain, all->len);
}

static bool
is_rewritten(const struct rewriter *r, struct mf_text domain)
{
	return rewriter_forwards(r, domain) &&
	    rewriter_domain(r, domain).len != 0;
}

static void
set(struct forwarders *all, struct mf_text domain)
{
	struct text_out out = text_out(all->domain, sizeof(all->domain));

	out_text(&out, domain);
	all->len = out.len;
	all->any = true;
}

void
forwarders_add(
    struct forwarders *all, const struct rewriter *r, struct mf_text domain)
{
	if (!rewriter_forwards(r, domain))
		all->has_excluded = true;
	/* One that is rewritten decides: the others may be rewritten too. */
	if (!all->any ||
	    (!is_rewritten(r, view(all)) && is_rewritten(r, domain)))
		set(all, domain);
	else if (is_rewritten(r, domain) &&
	    !text_eq_fold(
		rewriter_domain(r, view(all)), rewriter_domain(r, domain)))
		all->differ = true;
}

struct mf_text
forwarders_domain(const struct forwarders *all, const struct rewriter *r)
{
	/* Without a default the first customer's is better than none. */
	return all->differ && r->fwdomain.len != 0 ? MF_TEXT("") : view(all);
}
