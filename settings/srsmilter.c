/* SPDX-License-Identifier: ISC */
/*
 * Keys of the section [srsmilter] of mailfrom.conf, with their types and defaults.
 */
#include "settings/srsmilter.h"

#include <stddef.h>

/* In the order of the enums in the header. */
const char *const rewrite_mode_names[] = {
    "remote_domain", "remote_mailer", "all", "none", NULL};
static const char *const mixed[] = {"rewrite", "keep", NULL};
static const char *const reverses[] = {"bounces", "all", NULL};

_Static_assert(offsetof(struct srsmilter_settings, filter) == 0,
    "rows of filter.h fill the start");

#define AT(member) .offset = offsetof(struct srsmilter_settings, member)

static const struct conf_key keys[] = {
    FILTER_LISTEN("mailfrom", "srsmilter", ""),
    {"rewrite", CONF_CHOICE, AT(rewrite), .choices = rewrite_mode_names,
	.initial = "remote_domain",
	.help = "Rewrite mail for recipients not in local_domains, "
		"not in local_mailers, all, none"},
    {"local_domains", CONF_LIST, AT(local_domains), .items = &item_domains,
	.sample = "example.com, .example.com",
	.help = "Domains delivered here, for rewrite = remote_domain"},
    {"local_mailers", CONF_LIST, AT(local_mailers), .items = &item_mailer,
	.no_files = true,
	.initial = "local, prog, *file*, *include*, procmail, lmtp, cyrus, "
		   "cyrusv2, cyrbdb, virtual, discard, error",
	.help = "Mailers that deliver here, for rewrite = "
		"remote_mailer"},
    {"mixed_recipients", CONF_CHOICE, AT(mixed_recipients), .choices = mixed,
	.initial = "rewrite",
	.help = "What to do with the sender if only some recipients "
		"are forwarded"},
    {"reverse", CONF_CHOICE, AT(reverse), .choices = reverses,
	.initial = "bounces",
	.help = "Mail to a signed address that is restored: bounces "
		"only, or all"},
    {"reject_spoofed", CONF_BOOL, AT(reject_spoofed), .initial = "no",
	.help = "Reject bounces to unsigned addresses in the domains "
		"of ses and sign"},
    {"banned_users", CONF_LIST, AT(banned_users), .items = &item_user,
	.sample = "mailer-daemon, postmaster",
	.help = "Local parts of senders whose mail counts as bounces"},
    {"exempt_recipients", CONF_LIST, AT(exempt_recipients),
	.items = &item_addresses, .initial = "postmaster@, abuse@",
	.help = "Recipients that bounces and mail always reach"},
    {"max_forged", CONF_UINT, AT(max_forged), 0, MAX_FORGED_MAX, .initial = "0",
	.unit = "recipients",
	.help = "Forged recipients of a session after which it is ended; 0: "
		"never"},
    {"ses_replays", CONF_UINT, AT(ses_replays), 0, SES_REPLAYS_MAX,
	.initial = "3", .unit = "messages",
	.help = "Maximum uses of an SES signature; 0: unlimited"},
    {"replay_size", CONF_UINT, AT(replay_size), 1, REPLAY_SIZE_MAX,
	.initial = "100000", .unit = "signatures",
	.help = "Number of used signatures to remember, 80 bytes each"},
    FILTER_CLIENTS(
	"Internal clients: senders are signed, never rewritten or rejected",
	"Hosts that receive mail for us, such as a backup MX: never rejected"),
    FILTER_ON_ERROR(
	"Action when a message can't be processed for lack of memory"),
    FILTER_PROCESS("mailfrom", "srsmilter", "9418",
	"Mode of a unix socket; write access allows signing"),
};

struct conf_section
srsmilter_section(struct srsmilter_settings *values)
{
	return CONF_SECTION("srsmilter",
	    "The filter that rewrites senders and restores bounces", keys,
	    values);
}
