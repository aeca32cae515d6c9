/* SPDX-License-Identifier: ISC */
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
    FILTER_LISTEN("srsmilter"),
    {"rewrite", CONF_CHOICE, AT(rewrite), .choices = rewrite_mode_names,
	.initial = "remote_domain",
	.help = "Whose mail is forwarded: recipients' outside of "
		"local_domains, those with a mailer that isn't in "
		"local_mailers (sendmail), everybody's, or nobody's"},
    {"local_domains", CONF_LIST, AT(local_domains), .items = &item_domains,
	.sample = "example.com, .example.com",
	.help = "Domains whose mail is delivered here, for remote_domain"},
    {"local_mailers", CONF_LIST, AT(local_mailers), .items = &item_mailer,
	.no_files = true,
	.initial = "local, prog, *file*, *include*, procmail, lmtp, cyrus, "
		   "cyrusv2, cyrbdb, virtual, discard, error",
	.help = "Mailers that deliver here, for remote_mailer"},
    {"mixed_recipients", CONF_CHOICE, AT(mixed_recipients), .choices = mixed,
	.initial = "rewrite",
	.help = "A message has one sender: what becomes of it if only some "
		"recipients are forwarded"},
    {"reverse", CONF_CHOICE, AT(reverse), .choices = reverses,
	.initial = "bounces",
	.help = "Which mail to a signed address goes to the one behind it; "
		"other mail is refused"},
    {"reject_spoofed", CONF_BOOL, AT(reject_spoofed), .initial = "no",
	.help = "Refuse bounces to addresses of ses and sign that carry no "
		"signature"},
    {"banned_users", CONF_LIST, AT(banned_users), .items = &item_user,
	.sample = "mailer-daemon, postmaster",
	.help = "Local parts of senders whose mail counts as bounces"},
    {"exempt_recipients", CONF_LIST, AT(exempt_recipients),
	.items = &item_addresses, .initial = "postmaster@, abuse@",
	.help = "Recipients who get bounces and mail all the same"},
    {"ses_replays", CONF_UINT, AT(ses_replays), 0, SES_REPLAYS_MAX,
	.initial = "3", .unit = "messages",
	.help = "How often a SES signature can be used; 0: as often as one "
		"likes"},
    {"replay_size", CONF_UINT, AT(replay_size), 1, REPLAY_SIZE_MAX,
	.initial = "100000", .unit = "signatures",
	.help = "Used signatures that are remembered, 80 octets each"},
    FILTER_CLIENTS("Clients whose mail is ours: signed, not rewritten, never "
		   "refused",
	"Hosts that take mail in for us, such as a backup MX: never "
	"refused"),
    FILTER_ON_ERROR("When a message can't be dealt with for lack of memory"),
    FILTER_PROCESS("srsmilter", "9418",
	"Mode of a unix socket: who may write to it may sign"),
};

struct conf_section
srsmilter_section(struct srsmilter_settings *values)
{
	return (struct conf_section){.name = "srsmilter",
	    .help = "The filter that rewrites senders and restores bounces",
	    .keys = keys,
	    .count = sizeof(keys) / sizeof(keys[0]),
	    .values = values,
	    .used = values != NULL};
}
