/* SPDX-License-Identifier: ISC */
/*
 * Keys of the section [spfmilter] of mailfrom.conf, with their types and defaults.
 */
#include "settings/spfmilter.h"

#include <stddef.h>

/* In the order of the enums in the header, and in access/lookup.h. */
const char *const lookup_defaults_names[] = {"rfc", "pymilter", NULL};
const char *const lookup_recipients_names[] = {"no", "friend", "hater", NULL};

static const char *const modes[] = {"enforce", "report", NULL};
static const char *const reject_steps[] = {"rcpt", "mail", NULL};
static const char *const removals[] = {"own", "none", "all", NULL};
static const char *const received[] = {"mailfrom", "both", "none", NULL};
static const char *const relay_checks[] = {"mark", "none", "reject", NULL};
static const char *const relay_unreadables[] = {"accept", "tempfail", NULL};
static const char *const policy_headers[] = {
    "received_spf", "authentication_results", "none", NULL};
static const char *const dkim_modes[] = {"off", "verify", NULL};
static const char *const alignments[] = {"mailfrom", "both", NULL};
static const char *const bad_helos[] = {"check", "reject", NULL};

_Static_assert(offsetof(struct spfmilter_settings, filter) == 0,
    "rows of filter.h fill the start");

#define AT(member) .offset = offsetof(struct spfmilter_settings, member)

static const struct conf_key keys[] = {
    FILTER_LISTEN(
	"mailfrom-spf", "spfmilter", "; none: only the policy service"),
    {"access", CONF_TEXT, AT(access), .sample = "hash:/etc/mail/access",
	.help = "Access file: /path, texthash:, hash:, btree:, lmdb: "
		"or cdb: (default: none)"},
    {"mode", CONF_CHOICE, AT(mode), .choices = modes, .initial = "enforce",
	.help = "Reject mail, or only log and mark what would be "
		"rejected"},
    {"reject_at", CONF_CHOICE, AT(reject_at), .choices = reject_steps,
	.initial = "rcpt",
	.help = "Reject at RCPT, where recipients can be exempt, or "
		"at MAIL"},
    FILTER_ON_ERROR(
	"Action when a check fails for a local reason, such as lack of memory"),
    {"defaults", CONF_CHOICE, AT(defaults), .choices = lookup_defaults_names,
	.initial = "rfc",
	.help = "Actions and replies that the access file leaves "
		"open: RFC 7208's or pymilter's"},
    {"authserv_id", CONF_TEXT, AT(authserv_id), .sample = "mx.example.com",
	.help = "Name in Authentication-Results (default: the MTA's)"},
    {"remove_ar", CONF_CHOICE, AT(remove_ar), .choices = removals,
	.initial = "own",
	.help = "Incoming Authentication-Results to remove: those "
		"claiming this host's name, none, or all"},
    {"received_spf", CONF_CHOICE, AT(received_spf), .choices = received,
	.initial = "mailfrom",
	.help = "Identities that get a Received-SPF field"},
    {"x_hello_spf", CONF_BOOL, AT(x_hello_spf), .initial = "no",
	.help = "Add X-Hello-SPF with the result for the HELO name"},
    FILTER_CLIENTS("Internal clients: never checked",
	"Hosts that receive mail for us, such as a backup MX: not "
	"checked themselves"),
    {"trusted_relay_check", CONF_CHOICE, AT(trusted_relay_check),
	.choices = relay_checks, .initial = "mark",
	.help = "Client of a trusted relay: mark its mail, don't "
		"check it, or reject too"},
    {"trusted_relay_hops", CONF_UINT, AT(trusted_relay_hops), 1, 10,
	.initial = "1", .unit = "hosts",
	.help = "Maximum number of trusted relays in a row"},
    {"trusted_relay_unreadable", CONF_CHOICE, AT(trusted_relay_unreadable),
	.choices = relay_unreadables, .initial = "accept",
	.help = "Mail of a trusted relay whose Received can't be read: "
		"accept unchecked, or reject temporarily"},
    {"exempt_clients", CONF_LIST, AT(exempt_clients), .items = &item_hosts,
	.sample = "198.51.100.0/24, .example.net",
	.help = "Clients never rejected, only checked and marked; "
		"names verified by the MTA"},
    {"exempt_senders", CONF_LIST, AT(exempt_senders), .items = &item_addresses,
	.sample = "example.org, bounces@",
	.help = "Domains and addresses of senders whose mail is never "
		"rejected"},
    {"exempt_helo", CONF_LIST, AT(exempt_helo), .items = &item_domains,
	.sample = ".example.net",
	.help = "HELO names whose mail is never rejected, if they "
		"pass SPF"},
    {"exempt_recipients", CONF_LIST, AT(exempt_recipients),
	.items = &item_addresses, .initial = "postmaster@, abuse@",
	.help = "Recipients whose mail is never rejected"},
    {"delay_checks", CONF_CHOICE, AT(delay_checks),
	.choices = lookup_recipients_names, .initial = "no",
	.help = "Respect sendmail's Spam: entries of recipients in "
		"the access file"},
    {"bad_helo", CONF_CHOICE, AT(bad_helo), .choices = bad_helos,
	.initial = "check",
	.help = "HELO with a bare IPv4 address, or none: nothing to "
		"check, or rejected"},
    {"policy_listen", CONF_LIST, AT(policy_listen), .items = &item_socket,
	.no_files = true, .sample = "inet:10008@127.0.0.1",
	.help = "Listeners for Postfix's policy service protocol: "
		"unix:/path, inet:PORT@HOST, inet6:PORT@HOST"},
    {"policy_header", CONF_CHOICE, AT(policy_header), .choices = policy_headers,
	.initial = "received_spf",
	.help = "The header field that the policy service adds"},
    {"policy_max_connections", CONF_UINT, AT(policy_max_connections), 1,
	1000000, .initial = "10000",
	.help = "Maximum number of policy connections; beyond it idle ones "
		"are closed"},
    {"policy_idle_timeout", CONF_UINT, AT(policy_idle_timeout), 1, 86400,
	.initial = "3600", .unit = "seconds",
	.help = "Close idle policy connections after this time"},
    {"policy_request_timeout", CONF_UINT, AT(policy_request_timeout), 1, 3600,
	.initial = "30", .unit = "seconds",
	.help = "Time limit for receiving a policy request and for "
		"sending an answer"},
    {"rrs", CONF_BOOL, AT(rrs), .initial = "no",
	.help = "Leave RRS addresses to srsmilter, which must run after this "
		"filter"},
    {"dkim", CONF_CHOICE, AT(dkim), .choices = dkim_modes, .initial = "off",
	.help = "Verify DKIM signatures, for UNLESS-DKIM and dkim-pass in the "
		"access file"},
    {"dkim_aligned", CONF_CHOICE, AT(dkim_aligned), .choices = alignments,
	.initial = "mailfrom",
	.help = "A signature counts for MAIL FROM in its domain or below it; "
		"both: if that is true of From as well"},
    {"dkim_results", CONF_BOOL, AT(dkim_results), .initial = "yes",
	.help = "Put DKIM results into Authentication-Results"},
    FILTER_PROCESS(
	"mailfrom-spf", "spfmilter", "9417", "Mode of a unix socket"),
};

struct conf_section
spfmilter_section(struct spfmilter_settings *values)
{
	return CONF_SECTION("spfmilter",
	    "The filter that checks SPF, or Postfix's policy service", keys,
	    values);
}
