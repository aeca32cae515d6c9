/* SPDX-License-Identifier: ISC */
/*
 * Checks of the SRS domain in DNS: bounces have to find this host, and other
 * hosts have to accept its mail.
 */
#include "tools/mailfrom/doctor.h"

/* --- MX --- */

void
check_mx(struct doctor_facts *f, struct finding_list *out)
{
	const struct dns_facts *d = &f->dns;
	const char *domain = f->own.srs_domain;

	if (!d->was_asked)
		return;
	if (d->mx_status == SPF_DNS_ERROR)
		findings_add(out, FINDING_WARN,
		    "without an answer, nothing can be said of the MX",
		    MF_TEXT("check /etc/resolv.conf, or nameservers in [spf]; "
			    "--no-dns leaves this out"),
		    "DNS lookup of the MX of %s failed: %s", domain,
		    spf_cause_text(d->mx_cause));
	else if (d->leads_here)
		findings_ok(out, "the MX of %s leads here: %.*s", domain,
		    TEXT_ARGS(d->mx_names));
	else if (d->mx_status == SPF_DNS_VOID)
		findings_add(out, FINDING_WARN,
		    "bounces to SRS addresses don't find this host; receivers "
		    "may reject senders in a domain without MX",
		    findings_text(out,
			"add an MX record of %s that names this host", domain),
		    "%s has no MX, and isn't an address of this host", domain);
	else if (d->mx_names.len == 0)
		findings_add(out, FINDING_FAIL,
		    "a null MX (RFC 7505) says that the domain takes no mail: "
		    "bounces to SRS addresses are never sent, and receivers "
		    "may reject senders there",
		    findings_text(
			out, "make the MX record of %s name this host", domain),
		    "%s has a null MX", domain);
	else
		findings_add(out, FINDING_WARN,
		    "bounces to SRS addresses go there; beside a gateway or "
		    "behind address translation that may be right",
		    findings_text(out,
			"make sure that these hosts pass mail for %s on to "
			"this one",
			domain),
		    "the MX of %s is elsewhere: %.*s", domain,
		    TEXT_ARGS(d->mx_names));
}

/* --- SPF --- */

static struct mf_text
cure_of(struct doctor_facts *f, const struct dns_outbound *o, const char *ip,
    struct finding_list *out)
{
	const char *domain = f->own.srs_domain;

	if (o->verdict.result == SPF_TEMPERROR)
		return findings_text(out,
		    "check the name servers of %s; spfquery --trace shows "
		    "which lookup fails",
		    domain);
	if (o->verdict.result == SPF_PERMERROR)
		return findings_text(out,
		    "mend the record: spfquery --lint %s says where", domain);
	if (o->verdict.result == SPF_NONE)
		return findings_text(out,
		    "publish a TXT record at %s: v=spf1 %s%s -all", domain,
		    o->ip.v6 ? "ip6:" : "ip4:", ip);
	return findings_text(out, "add %s%s to the SPF record of %s%s",
	    o->ip.v6 ? "ip6:" : "ip4:", ip, domain,
	    f->dns.is_configured ? ""
				 : "; if mail leaves from other addresses, "
				   "list these in outbound_addresses");
}

static bool
check_outbound(struct doctor_facts *f, const struct dns_outbound *o,
    struct finding_list *out)
{
	bool is_sure =
	    f->dns.is_configured && o->verdict.result != SPF_TEMPERROR;
	char ip[SPF_IP_SIZE];

	spf_ip_print(&o->ip, ip);
	if (o->verdict.result == SPF_PASS)
		return true;
	findings_add(out, is_sure ? FINDING_FAIL : FINDING_WARN,
	    "rewritten mail is sent in this domain: what fails SPF there is "
	    "rejected, or marked",
	    cure_of(f, o, ip, out), "SPF of %s for %s: %s%s%s",
	    f->own.srs_domain, ip, spf_result_text(o->verdict.result),
	    o->verdict.problem[0] != '\0' ? ", " : "", o->verdict.problem);
	return false;
}

void
check_spf(struct doctor_facts *f, struct finding_list *out)
{
	const struct dns_facts *d = &f->dns;
	bool ok = true;

	if (!d->was_asked)
		return;
	if (d->outbound_count == 0) {
		findings_ok(out,
		    "SPF not checked: this host has no public address, and "
		    "outbound_addresses isn't set");
		return;
	}
	for (size_t i = 0; i < d->outbound_count; i++)
		ok = check_outbound(f, &d->outbound[i], out) && ok;
	if (ok)
		findings_ok(out, "SPF of %s passes for all %zu %s",
		    f->own.srs_domain, d->outbound_count,
		    d->is_configured ? "outbound_addresses"
				     : "public addresses of this host");
}

/* --- PTR --- */

static bool
check_name(const struct dns_outbound *o, struct finding_list *out)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&o->ip, ip);
	if (o->ptr_confirmed)
		return true;
	if (o->ptr_status == SPF_DNS_ERROR) {
		findings_add(out, FINDING_WARN,
		    "many receivers reject mail from addresses without a name",
		    MF_TEXT("run it again later; --no-dns leaves this out"),
		    "DNS lookup of the PTR record of %s failed", ip);
		return false;
	}
	findings_add(out, FINDING_WARN,
	    "many receivers reject mail from addresses without a name",
	    findings_text(out,
		"have the owner of the network add a PTR record of %s, whose "
		"name has that address",
		ip),
	    o->ptr.len != 0
		? "%s is called %.*s, which doesn't have that address"
		: "%s has no PTR record%.*s",
	    ip, TEXT_ARGS(o->ptr));
	return false;
}

void
check_ptr(struct doctor_facts *f, struct finding_list *out)
{
	const struct dns_facts *d = &f->dns;
	bool ok = true;

	if (!d->was_asked || d->outbound_count == 0)
		return;
	for (size_t i = 0; i < d->outbound_count; i++)
		ok = check_name(&d->outbound[i], out) && ok;
	if (ok)
		findings_ok(out,
		    "each of %zu addresses has a name that leads back to it",
		    d->outbound_count);
}
