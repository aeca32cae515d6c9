/* SPDX-License-Identifier: ISC */
/*
 * Keys of the section [store] of mailfrom.conf, with their types and defaults.
 */
#include "settings/store.h"

#include <stddef.h>

/* In the order of enum store_on_down. */
static const char *const on_down[] = {"keep", "tempfail", NULL};

#define AT(member) .offset = offsetof(struct store_settings, member)

static const struct conf_key keys[] = {
    {"url", CONF_TEXT, AT(url), .initial = STORE_URL_NONE,
	.help = "none, sqlite:/path, redis://HOST:PORT/N, rediss://, "
		"redis+unix:/path, redis+sentinel://HOST:PORT/NAME"},
    {"user", CONF_TEXT, AT(user), .sample = "mailfrom",
	.help = "User to authenticate as (Redis)"},
    {"password_file", CONF_TEXT, AT(password_file),
	.sample = "/etc/mailfrom/store.password",
	.help = "File that contains the password (Redis)"},
    {"ca_file", CONF_TEXT, AT(ca_file),
	.sample = "/etc/ssl/certs/ca-certificates.crt",
	.help = "Certificates that rediss:// trusts (default: the system's)"},
    {"timeout", CONF_UINT, AT(timeout), 1, 20, .initial = "2",
	.unit = "seconds", .help = "Time limit for an answer of the store"},
    {"on_down", CONF_CHOICE, AT(on_down), .choices = on_down, .initial = "keep",
	.help = "A sender that can't be stored: keep it, or reject the mail "
		"temporarily"},
    {"replicas", CONF_UINT, AT(replicas), 0, 8, .initial = "0",
	.help = "Number of Redis replicas that must have an alias before it "
		"is used"},
    {"max_size", CONF_UINT, AT(max_size), 1, 1000000, .initial = "1024",
	.unit = "megabytes", .help = "Maximum size of SQLite's file"},
    {"cache_size", CONF_UINT, AT(cache_size), 0, 10000000, .initial = "10000",
	.unit = "rows",
	.help = "Number of rows to keep in memory, 400 bytes each"},
};

struct conf_section
store_section(struct store_settings *values)
{
	return CONF_SECTION("store",
	    "Long addresses and replay counts, shared by hosts", keys, values);
}
