/* SPDX-License-Identifier: ISC */
#include "settings/spf.h"

#include <stddef.h>

#include <mailfrom/spf_resolver.h>

/* In the order of enum spf_engine. */
static const char *const engines[] = {"native", "libspf2", "audit", NULL};

static bool
read_nameserver(struct mf_text item, struct text_out *out, const char **why)
{
	(void)why;
	out_text(out, item);
	return spf_nameservers_ok(item);
}

static const struct item_type nameserver = {
    .wanted = "a name server (IP, IP:PORT or [IP6]:PORT)",
    .read = read_nameserver};

#define AT(member) .offset = offsetof(struct check_settings, member)

static const struct conf_key keys[] = {
    {"engine", CONF_CHOICE, AT(engine), .choices = engines, .initial = "native",
	.help = "SPF engine; audit: native decides, differences from "
		"libspf2 are logged"},
    {"nameservers", CONF_LIST, AT(nameservers), .items = &nameserver,
	.no_files = true,
	.sample = "127.0.0.1, 192.0.2.53:5353, [2001:db8::53]:53",
	.help = "DNS servers to query (default: those in "
		"/etc/resolv.conf)"},
    {"timeout", CONF_UINT, AT(timeout), 1, SPF_TIMEOUT_MS_MAX / 1000,
	.initial = "20", .unit = "seconds",
	.help = "Time limit for all checks of a message"},
    {"prefetch", CONF_BOOL, AT(prefetch), .initial = "yes",
	.help = "Send DNS queries ahead of need"},
    {"max_voids", CONF_UINT, AT(max_voids), SPF_VOIDS_MAX, SPF_TERMS_MAX,
	.initial = "2",
	.help = "Void lookups allowed in a check (RFC 7208 4.6.4)"},
    {"cache_size", CONF_UINT, AT(cache_size), 0, UINT32_MAX,
	.initial = "67108864", .unit = "bytes",
	.help = "Size of the DNS cache"},
    {"best_guess", CONF_TEXT, AT(best_guess), .sample = "v=spf1 a/24 mx/24 ptr",
	.help = "Record for domains that have none"},
    {"delegate", CONF_TEXT, AT(delegate), .items = &item_domain,
	.sample = "spf.example.com",
	.help = "Use the record of DOMAIN._spf.DELEGATE for domains "
		"without one"},
    {"trusted_forwarder", CONF_LIST, AT(trusted_forwarder),
	.items = &item_domain, .sample = "example.net",
	.help = "Domains whose hosts may forward mail to us"},
    {"record_file", CONF_TEXT, AT(record_file),
	.sample = "/etc/mailfrom/records",
	.help = "File of local records (DOMAIN RECORD) that override "
		"DNS"},
    {"explanation", CONF_TEXT, AT(explanation),
	.sample = "%{i} may not send mail of %{o}",
	.help = "Explanation of a fail if the domain has none; may "
		"contain macros"},
    {"helper", CONF_TEXT, AT(helper),
	.sample = "/usr/local/libexec/mailfrom/spf-libspf2",
	.help = "Program that runs libspf2, for engine = libspf2 and "
		"audit"},
};

struct conf_section
check_section(struct check_settings *values)
{
	return CONF_SECTION(
	    "spf", "How SPF is checked: all daemons that do", keys, values);
}
