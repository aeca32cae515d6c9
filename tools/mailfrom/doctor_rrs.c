/* SPDX-License-Identifier: ISC */
/*
 * Checks of RRS addresses: what spfmilter leaves alone has to be verified by
 * srsmilter, or it is a way past SPF for everybody.
 */
#include "rewrite/rrs_domains.h"
#include "tools/mailfrom/doctor.h"

#define BY_PASS                                                               \
	"spfmilter leaves RRS addresses to srsmilter, which doesn't run "     \
	"after it: behind a catch-all, anybody gets past the SPF check with " \
	"an address that is made up"

static bool
is_wanted(const struct doctor_facts *f)
{
	return f->own.is_readable &&
	    (f->own.spfmilter.rrs || f->own.srs.rrs_secret_file.len != 0);
}

const char *
rrs_made_up(struct doctor_facts *f)
{
	struct list domains;
	struct mf_text domain;

	if (!is_wanted(f) ||
	    !rewrite_rrs_domains(
		&f->own.srs, &f->own.srsmilter.local_domains, &domains))
		return NULL;
	domain = domains.count != 0 ? domains.patterns[0] : MF_TEXT("");
	list_free(&domains);
	if (domain.len == 0)
		return NULL;
	return arena_printf(f->arena,
	    "rrs=aaaaaaaaaaaa=old.example=nobody@%s%.*s",
	    domain.p[0] == '.' ? "x" : "", TEXT_ARGS(domain))
	    .p;
}

/* Without the key srsmilter lets such addresses pass as they are. */
static bool
check_key(struct doctor_facts *f, struct finding_list *out)
{
	if (f->own.srs.rrs_secret_file.len != 0)
		return true;
	findings_add(out, FINDING_FAIL,
	    "spfmilter leaves RRS addresses to srsmilter, which doesn't verify "
	    "them: behind a catch-all, anybody gets past the SPF check",
	    MF_TEXT("set rrs_secret_file in [srs], or rrs = no in [spfmilter]"),
	    "rrs = yes in [spfmilter], and no rrs_secret_file in [srs]");
	return false;
}

/* Positions in a list of filters; 0: it isn't there. */
struct filter_order {
	size_t spfmilter, srsmilter;
};

/* One sentence for what is wrong with that order; NULL: nothing is. */
static const char *
order_problem(const struct doctor_facts *f, struct filter_order order)
{
	/* spfmilter may be asked as a policy service, before all filters. */
	if (f->own.spfmilter.rrs &&
	    (order.srsmilter == 0 || order.srsmilter < order.spfmilter))
		return BY_PASS;
	if (order.srsmilter == 0)
		return "RRS addresses aren't verified: they reach no user, or "
		       "a catch-all";
	return NULL;
}

static bool
report_order(struct doctor_facts *f, struct filter_order order,
    struct mf_text where, struct mf_text list, struct finding_list *out)
{
	const char *problem = order_problem(f, order);

	if (problem == NULL)
		return true;
	findings_add(out,
	    strcmp(problem, BY_PASS) == 0 ? FINDING_FAIL : FINDING_WARN,
	    problem,
	    MF_TEXT("put srsmilter after spfmilter (mailfrom setup prints the "
		    "lines), or set rrs = no in [spfmilter]"),
	    "%.*s = %.*s", TEXT_ARGS(where), TEXT_ARGS(list));
	return false;
}

/* --- Postfix --- */

static struct filter_order
order_of(
    struct doctor_facts *f, const struct site_service *s, struct mf_text list)
{
	struct filter_order order = {0, 0};
	struct mf_text item;

	for (size_t at = 1; site_next_item(&list, &item); at++) {
		const struct own_socket *socket =
		    pass_socket(&f->site, &f->own, s, item);

		if (socket != NULL && socket->daemon == OWN_SPFMILTER)
			order.spfmilter = at;
		if (socket != NULL && socket->daemon == OWN_SRSMILTER)
			order.srsmilter = at;
	}
	return order;
}

static bool
check_exists(struct doctor_facts *f, struct finding_list *out)
{
	const char *address = rrs_made_up(f);
	struct mf_text maps = site_value(&f->site, "virtual_alias_maps");
	struct mf_text value;

	if (address == NULL ||
	    tables_find(&f->tables, maps, address, &value) != TABLE_HAS_NOT)
		return true;
	findings_add(out, FINDING_WARN,
	    "Postfix rejects RRS addresses as unknown users, before srsmilter "
	    "sees them",
	    MF_TEXT("mailfrom setup prints the table for virtual_alias_maps"),
	    "virtual_alias_maps has no %s", address);
	return false;
}

void
check_rrs(struct doctor_facts *f, struct finding_list *out)
{
	size_t fronts = 0;
	bool ok;

	if (!is_wanted(f))
		return;
	ok = check_key(f, out);
	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];
		struct mf_text list;

		if (!pass_is_front(&f->site, s))
			continue;
		fronts++;
		list = site_value_for(&f->site, s, "smtpd_milters");
		ok = report_order(f, order_of(f, s, list),
			 arena_printf(f->arena, "%.*s: smtpd_milters",
			     TEXT_ARGS(s->name)),
			 list, out) &&
		    ok;
	}
	if (check_exists(f, out) && ok)
		findings_ok(out,
		    "srsmilter verifies RRS addresses in %zu services", fronts);
}

/* --- sendmail --- */

void
check_cf_rrs(struct doctor_facts *f, struct finding_list *out)
{
	struct filter_order order = {0, 0};
	struct mf_text name, list = f->cf->input_filters;
	bool ok;

	if (!is_wanted(f))
		return;
	ok = check_key(f, out);
	for (size_t at = 1; site_next_item(&list, &name); at++) {
		if (cf_filter_is(f, OWN_SPFMILTER, name))
			order.spfmilter = at;
		if (cf_filter_is(f, OWN_SRSMILTER, name))
			order.srsmilter = at;
	}
	ok = report_order(f, order, MF_TEXT("InputMailFilters"),
		 f->cf->input_filters, out) &&
	    ok;
	if (cf_map(f->cf, "mailfrom_rrs") == NULL) {
		ok = false;
		findings_add(out, FINDING_WARN,
		    "sendmail rejects RRS addresses as unknown users, before "
		    "srsmilter sees them",
		    MF_TEXT("mailfrom setup prints the lines for sendmail.mc "
			    "and aliases"),
		    "%s has no map mailfrom_rrs", f->cf->path);
	}
	if (ok)
		findings_ok(out, "srsmilter verifies RRS addresses");
}
