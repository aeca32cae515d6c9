/* SPDX-License-Identifier: ISC */
#include "rewrite/rrs_domains.h"

bool
rewrite_rrs_domains(const struct rewrite_settings *s, struct list *out)
{
	return list_build(
	    out, s->rrs_domains.count != 0 ? &s->rrs_domains : &s->own_domains);
}

bool
rrs_domains_concern(const struct list *domains, struct mf_text recipient)
{
	size_t quote = recipient.len != 0 && recipient.p[0] == '"';
	struct mf_text domain =
	    text_from(recipient, text_rfind(recipient, '@') + 1);

	if (!text_starts_fold(text_from(recipient, quote), MF_TEXT("rrs=")))
		return false;
	return domain.len == 0 || domains->count == 0 ||
	    list_has_domain(domains, domain);
}
