/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/convert_policy.h"

/* A domain that isn't one, in a key, would be another key. */
static bool
is_fit(struct mf_text domain)
{
	for (size_t i = 0; i < domain.len; i++)
		if (domain.p[i] <= ' ' || strchr("@:#", domain.p[i]) != NULL)
			return false;
	return domain.len != 0;
}

static void
allow(struct conversion *c, const char *identity, const char *result,
    struct mf_text domain, const char *value)
{
	convert_allow(c,
	    arena_printf(c->file->arena, "%s-%s:%.*s", identity, result,
		(int)domain.len, domain.p)
		.p,
	    value != NULL ? value : "OK");
}

void
convert_allow_policy(
    struct conversion *c, const char *identity, const struct convert_policy *p)
{
	const struct mf_text all = MF_TEXT("");

	allow(c, identity, "fail", all, p->fail);
	allow(c, identity, "softfail", all, p->softfail);
	allow(c, identity, "neutral", all, p->neutral);
	/* Without it, the entry of neutral would count. */
	allow(c, identity, "none", all, p->none);
	allow(c, identity, "permerror", all, p->permerror);
	allow(c, identity, "temperror", all, p->temperror);
}

/* Unless it is that of all. */
static void
allow_other(struct conversion *c, const char *identity, const char *result,
    struct mf_text domain, const char *value, const char *of_all)
{
	if (strcmp(value != NULL ? value : "", of_all != NULL ? of_all : "") !=
	    0)
		allow(c, identity, result, domain, value);
}

void
convert_allow_domain(struct conversion *c, const char *identity,
    struct mf_text domain, const struct convert_policy *p,
    const struct convert_policy *of_all)
{
	if (!is_fit(domain))
		return;
	allow_other(c, identity, "fail", domain, p->fail, of_all->fail);
	allow_other(
	    c, identity, "softfail", domain, p->softfail, of_all->softfail);
	allow_other(
	    c, identity, "neutral", domain, p->neutral, of_all->neutral);
}

void
convert_set_access(struct conversion *c)
{
	if (c->access.count == 0)
		return;
	convert_note(
	    c, "spfmilter", "Which results are rejected is in the second file");
	convert_set(c, "spfmilter", "access", mf_text_of(c->access_path), 0);
}
