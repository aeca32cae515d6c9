/* SPDX-License-Identifier: ISC */
#include "srsmilter/config.h"

#include <stddef.h>
#include <stdlib.h>

#include "rewrite/legacy.h"
#include "srsmilter/replay.h"

/* In the order of the enums in config.h. */
static const char *const modes[] = {
    "remote_domain", "remote_mailer", "all", "none", NULL};
static const char *const mixed[] = {"rewrite", "keep", NULL};
static const char *const reverses[] = {"bounces", "all", NULL};

#define AT(member) .offset = offsetof(struct srsmilter_settings, member)

static const struct conf_key keys[] = {
    {"listen", CONF_TEXT, AT(filter.listen),
	.initial = "unix:/run/mailfrom/srsmilter.sock",
	.help = "Where the MTA connects: unix:/path, inet:PORT@HOST, "
		"inet6:PORT@HOST"},
    {"rewrite", CONF_CHOICE, AT(rewrite), .choices = modes,
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
    {"ses_replays", CONF_UINT, AT(ses_replays), 0, REPLAY_LIMIT_MAX,
	.initial = "3", .unit = "messages",
	.help = "How often a SES signature can be used; 0: as often as one "
		"likes"},
    {"replay_size", CONF_UINT, AT(replay_size), 1, REPLAY_ENTRIES_MAX,
	.initial = "100000", .unit = "signatures",
	.help = "Used signatures that are remembered, 80 octets each"},
    {"internal_connect", CONF_LIST, AT(filter.internal_connect),
	.items = &item_hosts,
	.sample = "192.168.0.0/16, 127.*, mail.example.com",
	.help = "Clients whose mail is ours: signed, not rewritten, never "
		"refused"},
    {"trusted_relay", CONF_LIST, AT(filter.trusted_relay), .items = &item_hosts,
	.sample = "192.0.2.7",
	.help = "Hosts that take mail in for us, such as a backup MX: never "
		"refused"},
    {"on_error", CONF_CHOICE, AT(filter.on_error), .choices = on_error_names,
	.initial = "tempfail",
	.help = "When a message can't be dealt with for lack of memory"},
    {"metrics", CONF_TEXT, AT(filter.metrics), .sample = "inet:9418@127.0.0.1",
	.help = "Where Prometheus gets figures"},
    {"user", CONF_TEXT, AT(filter.user), .sample = "mailfrom",
	.help = "Whom to become when started as root"},
    {"socket_mode", CONF_OCTAL, AT(filter.socket_mode), 0, 0777,
	.initial = "0660",
	.help = "Mode of a unix socket: who may write to it may sign"},
    {"socket_owner", CONF_TEXT, AT(filter.socket_owner),
	.sample = "root:postfix",
	.help = "USER, USER:GROUP or :GROUP that owns a unix socket"},
    {"pid_file", CONF_TEXT, AT(filter.pid_file),
	.sample = "/run/mailfrom/srsmilter.pid",
	.help = "Where to write the process number"},
};

static struct conf_section
srsmilter_section(struct srsmilter_settings *values)
{
	return (struct conf_section){.name = "srsmilter",
	    .help = "The filter that rewrites senders and restores bounces",
	    .keys = keys,
	    .count = sizeof(keys) / sizeof(keys[0]),
	    .values = values,
	    .used = true};
}

#define PRINTED  4
#define SPF      2
#define SECTIONS 6

static void
sections_of(
    struct srsmilter_config *c, struct conf_section out[static SECTIONS])
{
	out[0] = srsmilter_section(&c->srsmilter);
	out[1] = rewrite_section(&c->srs);
	out[SPF] = check_section(&c->spf);
	out[3] = log_section(&c->base.log);
	out[4] = (struct conf_section){.name = "srsd", .elsewhere = true};
	out[5] = (struct conf_section){.name = "spfmilter", .elsewhere = true};
}

void
srsmilter_config_print(FILE *to)
{
	struct srsmilter_config none = {.base.path = NULL};
	struct conf_section sections[SECTIONS];

	sections_of(&none, sections);
	conf_print(to, sections, PRINTED);
}

/* --- what makes sense --- */

static unsigned
line_of(const struct srsmilter_config *c, const char *key)
{
	return milter_config_line(&c->base, key);
}

static bool
build_lists(struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	if (list_build(&c->local_domains, &s->local_domains) &&
	    list_build(&c->exempt_recipients, &s->exempt_recipients) &&
	    watch_add(&c->base.watch, c->srs.secret_file) &&
	    (!c->srs.skip_if_spf_passes ||
		watch_add(&c->base.watch, c->spf.record_file)))
		return true;
	report_error(report, c->base.path, 0, NULL, "out of memory");
	return false;
}

static bool
check_rewrite(const struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	if (s->rewrite != REWRITE_REMOTE_DOMAIN || s->local_domains.count != 0)
		return true;
	report_error(report, c->base.path, line_of(c, "rewrite"),
	    "local_domains",
	    "required by rewrite = remote_domain (the domains delivered "
	    "here); if only forwarded mail passes through, set rewrite = all");
	return false;
}

static void
warn(const struct srsmilter_config *c, struct report *report)
{
	const struct srsmilter_settings *s = &c->srsmilter;

	if (s->reject_spoofed && c->srs.ses.count == 0 &&
	    c->srs.sign.count == 0)
		report_warning(report, c->base.path,
		    line_of(c, "reject_spoofed"), "reject_spoofed",
		    "has no effect without ses or sign in [srs]");
}

/* --- reading --- */

static bool
load(struct srsmilter_config *c, const struct ini *ini,
    const struct rewriter_legacy *legacy, struct report *report)
{
	struct milter_config *base = &c->base;
	struct conf_section sections[SECTIONS];
	unsigned errors = report->errors;
	bool ok;

	sections_of(c, sections);
	/* Mistakes in it are warnings otherwise. */
	sections[SPF].used = gate_is_wanted(ini);
	if (!conf_load(&base->conf, ini, sections, SECTIONS, report))
		return false;
	/* All that is wrong is said at once. */
	ok = milter_config_build(base, report);
	ok = build_lists(c, report) && ok;
	ok = check_rewrite(c, report) && ok;
	ok = rewriter_new(&c->srs, base->conf, base->path, legacy, &c->rewriter,
		 report) &&
	    ok;
	ok = gate_new(&c->srs, base->conf, base->path, &c->gate, report) && ok;
	ok = (c->gate == NULL ||
		 check_settings_ok(&c->spf, base->conf, base->path, report)) &&
	    ok;
	warn(c, report);
	return ok && report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct srsmilter_config *c = config;
	struct legacy legacy;
	bool ok;

	if (!source->is_legacy)
		return load(c, &source->ini, NULL, report);
	ok = legacy_load(source, &c->base.watch, &legacy, report) &&
	    load(c, &legacy.ini, &legacy.rewriter, report);
	legacy_free(&legacy);
	return ok;
}

static void
config_free(struct shared *object)
{
	struct srsmilter_config *c = (struct srsmilter_config *)object;

	checker_release(c->checker);
	gate_free(c->gate);
	rewriter_free(c->rewriter);
	list_free(&c->local_domains);
	list_free(&c->exempt_recipients);
	milter_config_clear(&c->base);
	free(c);
}

struct milter_config *
srsmilter_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct srsmilter_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	milter_config_init(
	    &c->base, path, "srsmilter", &c->srsmilter.filter, config_free);
	if (source_load(path, format, legacy_detect, load_source, c, report))
		return &c->base;
	milter_config_release(&c->base);
	return NULL;
}

bool
srsmilter_config_start(struct srsmilter_config *c,
    const struct srsmilter_config *old, struct report *report)
{
	if (c->gate == NULL)
		return true;
	c->checker = checker_new(&c->spf, c->base.conf, c->base.path,
	    old != NULL ? old->checker : NULL, report);
	return c->checker != NULL;
}
