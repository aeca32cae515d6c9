/* SPDX-License-Identifier: ISC */
#include "spfmilter/config.h"

#include <stddef.h>
#include <stdlib.h>

#include "access/lookup.h"
#include "spfmilter/legacy.h"

/* In the order of the enums in config.h. */
static const char *const modes[] = {"enforce", "report", NULL};
static const char *const reject_steps[] = {"rcpt", "mail", NULL};
static const char *const removals[] = {"own", "none", "all", NULL};
static const char *const received[] = {"mailfrom", "both", "none", NULL};
static const char *const relay_checks[] = {"mark", "none", "reject", NULL};
static const char *const bad_helos[] = {"check", "reject", NULL};

#define AT(member) .offset = offsetof(struct spfmilter_settings, member)

static const struct conf_key keys[] = {
    {"listen", CONF_TEXT, AT(filter.listen),
	.initial = "unix:/run/mailfrom/spfmilter.sock",
	.help = "Where the MTA connects: unix:/path, inet:PORT@HOST, "
		"inet6:PORT@HOST"},
    {"access", CONF_TEXT, AT(access), .sample = "hash:/etc/mail/access",
	.help = "The access file: /path, texthash:, hash:, btree:, lmdb:, "
		"cdb:; without it the defaults decide"},
    {"mode", CONF_CHOICE, AT(mode), .choices = modes, .initial = "enforce",
	.help = "Refuse mail, or only say in log and header what would be "
		"done"},
    {"reject_at", CONF_CHOICE, AT(reject_at), .choices = reject_steps,
	.initial = "rcpt",
	.help = "Refuse at RCPT, where recipients can be exempt, or at MAIL"},
    {"on_error", CONF_CHOICE, AT(filter.on_error), .choices = on_error_names,
	.initial = "tempfail",
	.help = "When a check can't be made for lack of memory and the like"},
    {"defaults", CONF_CHOICE, AT(defaults), .choices = lookup_defaults_names,
	.initial = "rfc",
	.help = "Actions and replies where the access file has none: those of "
		"RFC 7208 and 7372, or pymilter's"},
    {"authserv_id", CONF_TEXT, AT(authserv_id), .sample = "mx.example.com",
	.help = "Our name in Authentication-Results; without it the MTA's"},
    {"remove_ar", CONF_CHOICE, AT(remove_ar), .choices = removals,
	.initial = "own",
	.help = "Authentication-Results that strangers bring: those in our "
		"name are removed, none, or all"},
    {"received_spf", CONF_CHOICE, AT(received_spf), .choices = received,
	.initial = "mailfrom",
	.help = "Which identities get a Received-SPF field"},
    {"x_hello_spf", CONF_BOOL, AT(x_hello_spf), .initial = "no",
	.help = "Add X-Hello-SPF with the result of the HELO name"},
    {"internal_connect", CONF_LIST, AT(filter.internal_connect),
	.items = &item_hosts,
	.sample = "192.168.0.0/16, 127.*, mail.example.com",
	.help = "Clients whose mail is ours: never checked"},
    {"trusted_relay", CONF_LIST, AT(filter.trusted_relay), .items = &item_hosts,
	.sample = "192.0.2.7",
	.help = "Hosts that take mail in for us, such as a backup MX: not "
		"checked themselves"},
    {"trusted_relay_check", CONF_CHOICE, AT(trusted_relay_check),
	.choices = relay_checks, .initial = "mark",
	.help = "The client behind a trusted relay, from its Received field: "
		"header fields only, not checked, or refused too"},
    {"trusted_relay_hops", CONF_UINT, AT(trusted_relay_hops), 1, 10,
	.initial = "1", .unit = "hosts",
	.help = "How many trusted relays there may be behind each other"},
    {"exempt_clients", CONF_LIST, AT(exempt_clients), .items = &item_hosts,
	.sample = "198.51.100.0/24, .example.net",
	.help = "Clients whose mail is checked and marked, never refused; "
		"names must be verified by the MTA"},
    {"exempt_senders", CONF_LIST, AT(exempt_senders), .items = &item_addresses,
	.sample = "example.org, bounces@",
	.help = "Domains and addresses of senders, likewise"},
    {"exempt_helo", CONF_LIST, AT(exempt_helo), .items = &item_domains,
	.sample = ".example.net",
	.help = "HELO names, likewise, if they pass SPF"},
    {"exempt_recipients", CONF_LIST, AT(exempt_recipients),
	.items = &item_addresses, .initial = "postmaster@, abuse@",
	.help = "Recipients whose mail is never refused"},
    {"delay_checks", CONF_CHOICE, AT(delay_checks),
	.choices = lookup_recipients_names, .initial = "no",
	.help = "Respect sendmail's Spam: entries of recipients"},
    {"bad_helo", CONF_CHOICE, AT(bad_helo), .choices = bad_helos,
	.initial = "check",
	.help = "HELO with a bare IPv4 address, or none: no identity to check, "
		"or refused"},
    {"metrics", CONF_TEXT, AT(filter.metrics), .sample = "inet:9417@127.0.0.1",
	.help = "Where Prometheus gets figures"},
    {"user", CONF_TEXT, AT(filter.user), .sample = "mailfrom",
	.help = "Whom to become when started as root"},
    {"socket_mode", CONF_OCTAL, AT(filter.socket_mode), 0, 0777,
	.initial = "0660", .help = "Mode of a unix socket"},
    {"socket_owner", CONF_TEXT, AT(filter.socket_owner),
	.sample = "root:postfix",
	.help = "USER, USER:GROUP or :GROUP that owns a unix socket"},
    {"pid_file", CONF_TEXT, AT(filter.pid_file),
	.sample = "/run/mailfrom/spfmilter.pid",
	.help = "Where to write the process number"},
};

static struct conf_section
spfmilter_section(struct spfmilter_settings *values)
{
	return (struct conf_section){.name = "spfmilter",
	    .help = "The filter that checks SPF",
	    .keys = keys,
	    .count = sizeof(keys) / sizeof(keys[0]),
	    .values = values,
	    .used = true};
}

#define PRINTED  3
#define SECTIONS 6

static void
sections_of(
    struct spfmilter_config *c, struct conf_section out[static SECTIONS])
{
	out[0] = spfmilter_section(&c->spfmilter);
	out[1] = check_section(&c->spf);
	out[2] = log_section(&c->base.log);
	out[3] = rewrite_section(&c->srs);
	out[3].used = false;
	out[4] = (struct conf_section){.name = "srsd", .elsewhere = true};
	out[5] = (struct conf_section){.name = "srsmilter", .elsewhere = true};
}

void
spfmilter_config_print(FILE *to)
{
	struct spfmilter_config none = {.base.path = NULL};
	struct conf_section sections[SECTIONS];

	sections_of(&none, sections);
	conf_print(to, sections, PRINTED);
}

/* --- reading --- */

static unsigned
line_of(const struct spfmilter_config *c, const char *key)
{
	return milter_config_line(&c->base, key);
}

static bool
build_lists(struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;

	if (list_build(&c->exempt_senders, &s->exempt_senders) &&
	    list_build(&c->exempt_helo, &s->exempt_helo) &&
	    list_build(&c->exempt_recipients, &s->exempt_recipients) &&
	    rewrite_srs_domains(&c->srs, &c->srs_domains) &&
	    watch_add(&c->base.watch, c->spf.record_file))
		return true;
	report_error(report, c->base.path, 0, NULL, "out of memory");
	return false;
}

/* It goes into a header field as it is: a name, and nothing but. */
static bool
check_authserv_id(const struct spfmilter_config *c, struct report *report)
{
	struct mf_text id = c->spfmilter.authserv_id;

	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=", id.p[i]) != NULL) {
			report_error(report, c->base.path,
			    line_of(c, "authserv_id"), "authserv_id",
			    "\"%.*s\": not a name such as mx.example.com",
			    (int)id.len, id.p);
			return false;
		}
	return true;
}

static void
warn(const struct spfmilter_config *c, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;

	if (s->reject_at == REJECT_AT_MAIL &&
	    line_of(c, "exempt_recipients") != 0)
		report_warning(report, c->base.path,
		    line_of(c, "exempt_recipients"), "exempt_recipients",
		    "has no effect with reject_at = mail, because recipients "
		    "aren't known yet");
	if (s->trusted_relay_check == RELAY_CHECK_REJECT &&
	    s->filter.trusted_relay.count == 0)
		report_warning(report, c->base.path,
		    line_of(c, "trusted_relay_check"), "trusted_relay_check",
		    "has no effect without trusted_relay");
}

static bool
load(struct spfmilter_config *c, const struct ini *ini, struct report *report)
{
	struct milter_config *base = &c->base;
	struct conf_section sections[SECTIONS];
	unsigned errors = report->errors;
	bool ok;

	sections_of(c, sections);
	if (!conf_load(&base->conf, ini, sections, SECTIONS, report))
		return false;
	/* All that is wrong is said at once. */
	ok = milter_config_build(base, report);
	ok = hosts_build(&c->exempt_clients, &c->spfmilter.exempt_clients,
		 base->path, line_of(c, "exempt_clients"), "exempt_clients",
		 report) &&
	    ok;
	ok = build_lists(c, report) && ok;
	ok = check_authserv_id(c, report) && ok;
	ok = check_settings_ok(&c->spf, base->conf, base->path, report) && ok;
	warn(c, report);
	return ok && report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct spfmilter_config *c = config;
	struct ini ours;
	char *paths;
	bool ok;

	if (!source->is_legacy)
		return load(c, &source->ini, report);
	ok = legacy_spfmilter(&source->ini, &ours, &paths, report) &&
	    load(c, &ours, report);
	ini_free(&ours);
	free(paths);
	return ok;
}

static void
config_free(struct shared *object)
{
	struct spfmilter_config *c = (struct spfmilter_config *)object;

	checker_release(c->checker);
	hosts_free(&c->exempt_clients);
	list_free(&c->exempt_senders);
	list_free(&c->exempt_helo);
	list_free(&c->exempt_recipients);
	list_free(&c->srs_domains);
	milter_config_clear(&c->base);
	free(c);
}

struct milter_config *
spfmilter_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct spfmilter_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	milter_config_init(
	    &c->base, path, "spfmilter", &c->spfmilter.filter, config_free);
	if (source_load(
		path, format, legacy_is_spfmilter, load_source, c, report))
		return &c->base;
	milter_config_release(&c->base);
	return NULL;
}
