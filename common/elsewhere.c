/* SPDX-License-Identifier: ISC */
#include "common/elsewhere.h"

static const char *const rewrites[] = {
    "remote_domain", "remote_mailer", "all", "none", NULL};
static const char *const mixed[] = {"rewrite", "keep", NULL};
static const char *const reverses[] = {"bounces", "all", NULL};
static const char *const error_actions[] = {"tempfail", "accept", NULL};
static const char *const modes[] = {"enforce", "report", NULL};
static const char *const reject_steps[] = {"rcpt", "mail", NULL};
static const char *const defaults[] = {"rfc", "pymilter", NULL};
static const char *const removals[] = {"own", "none", "all", NULL};
static const char *const received[] = {"mailfrom", "both", "none", NULL};
static const char *const relay_checks[] = {"mark", "none", "reject", NULL};
static const char *const delays[] = {"no", "friend", "hater", NULL};
static const char *const bad_helos[] = {"check", "reject", NULL};

#define FREE(word)       .name = word, .type = CONF_TEXT
#define LIST(word, kind) .name = word, .type = CONF_LIST, .items = &item_##kind
#define FLAG(word)       .name = word, .type = CONF_BOOL
#define MODE(word)       .name = word, .type = CONF_OCTAL, .max = 0777
#define RANGE(word, from, to) \
	.name = word, .type = CONF_UINT, .min = from, .max = to
#define WORD(word, words) .name = word, .type = CONF_CHOICE, .choices = words

static const struct conf_key srsd[] = {
    {LIST("listen", socket), .no_files = true},
    {LIST("tcp_table_forward", socket), .no_files = true},
    {LIST("tcp_table_reverse", socket), .no_files = true},
    {RANGE("workers", 1, 64)},
    {FREE("user")},
    {MODE("socket_mode")},
    {FREE("socket_owner")},
    {FREE("pid_file")},
    {RANGE("max_connections", 1, 1000000)},
    {RANGE("idle_timeout", 1, 86400)},
    {RANGE("request_timeout", 1, 3600)},
};

static const struct conf_key srsmilter[] = {
    {FREE("listen")},
    {WORD("rewrite", rewrites)},
    {LIST("local_domains", domains)},
    {LIST("local_mailers", mailer), .no_files = true},
    {WORD("mixed_recipients", mixed)},
    {WORD("reverse", reverses)},
    {FLAG("reject_spoofed")},
    {LIST("banned_users", user)},
    {LIST("exempt_recipients", addresses)},
    {RANGE("ses_replays", 0, 1000)},
    {RANGE("replay_size", 1, 16777216)},
    {LIST("internal_connect", hosts)},
    {LIST("trusted_relay", hosts)},
    {WORD("on_error", error_actions)},
    {FREE("metrics")},
    {FREE("user")},
    {MODE("socket_mode")},
    {FREE("socket_owner")},
    {FREE("pid_file")},
};

static const struct conf_key spfmilter[] = {
    {FREE("listen")},
    {FREE("access")},
    {WORD("mode", modes)},
    {WORD("reject_at", reject_steps)},
    {WORD("on_error", error_actions)},
    {WORD("defaults", defaults)},
    {FREE("authserv_id")},
    {WORD("remove_ar", removals)},
    {WORD("received_spf", received)},
    {FLAG("x_hello_spf")},
    {LIST("internal_connect", hosts)},
    {LIST("trusted_relay", hosts)},
    {WORD("trusted_relay_check", relay_checks)},
    {RANGE("trusted_relay_hops", 1, 10)},
    {LIST("exempt_clients", hosts)},
    {LIST("exempt_senders", addresses)},
    {LIST("exempt_helo", domains)},
    {LIST("exempt_recipients", addresses)},
    {WORD("delay_checks", delays)},
    {WORD("bad_helo", bad_helos)},
    {FREE("metrics")},
    {FREE("user")},
    {MODE("socket_mode")},
    {FREE("socket_owner")},
    {FREE("pid_file")},
};

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

static const struct conf_section sections[] = {
    {.name = "srsd", .keys = srsd, .count = COUNT(srsd)},
    {.name = "srsmilter", .keys = srsmilter, .count = COUNT(srsmilter)},
    {.name = "spfmilter", .keys = spfmilter, .count = COUNT(spfmilter)},
};

const struct conf_section *
conf_elsewhere(const char *name)
{
	for (size_t i = 0; i < COUNT(sections); i++)
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	return NULL;
}
