/* SPDX-License-Identifier: ISC */
/*
 * postsrsd 2.x: postsrsd.conf, all keys of 2.0 to 2.4.  It answers its maps and
 * is a milter in one process; here these are srsd and srsmilter.
 */
#include "tools/mailfrom/convert.h"
#include "tools/mailfrom/convert_database.h"

#include "common/conf.h"

static const char *const steps[] = {
    "Let mailfrom read the secret; postsrsd, which reads it as root, can too:\n"
    "chown root:mailfrom @ && chmod 0640 @",
    "Check it: srsd -n -c /etc/mailfrom/mailfrom.conf; where [srsmilter] is\n"
    "below, srsmilter -n too.",
    "Stop postsrsd and start srsd (and srsmilter).  main.cf stays as it is,\n"
    "because they listen on the same sockets.  A unix socket below\n"
    "/var/spool/postfix takes srsd.socket, or root: the user mailfrom may not\n"
    "make one there.",
    "mailfrom setup has better forms for Postfix, which rewrite only mail that\n"
    "is forwarded.",
    NULL};

static bool
is_bool(struct mf_text value, bool *out)
{
	/* libconfuse's words; 1 and 0 aren't among them. */
	return !ascii_is_digit(value.len != 0 ? value.p[0] : '0') &&
	    conf_bool(value, out);
}

/* A yes or no, reported if it is neither. */
static bool
read_bool(struct conversion *c, const struct convert_entry *e, bool *out)
{
	if (is_bool(e->value, out))
		return true;
	convert_fail(c, e, "neither on nor off: \"%.*s\"",
	    (int)text_head(e->value, 80).len, e->value.p);
	return false;
}

static bool
is_on(const struct conversion *c, const char *key)
{
	const struct convert_entry *e = convert_find(c, key);
	bool on;

	return e != NULL && is_bool(e->value, &on) && on;
}

/* --- numbers, as strtol() with base 0 reads them --- */

static bool
read_number(struct mf_text t, uint64_t *out)
{
	unsigned base = 10;
	uint64_t n = 0;

	if (text_starts_fold(t, MF_TEXT("0x"))) {
		t = text_from(t, 2);
		base = 16;
	} else if (t.len > 1 && t.p[0] == '0')
		base = 8;
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);
		unsigned digit = ascii_is_digit(c) ? (unsigned)(c - '0')
		    : c >= 'a'                     ? (unsigned)(c - 'a') + 10
						   : 99;

		if (digit >= base || n > UINT32_MAX)
			return false;
		n = n * base + digit;
	}
	*out = n;
	return t.len != 0;
}

static void
number(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t n;

	if (!read_number(e->value, &n)) {
		convert_fail(c, e, "not a number: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, rule->outcome, rule->section, "%s",
	    rule->why != NULL ? rule->why : "");
	convert_set(c, rule->section, rule->ours,
	    arena_printf(c->file->arena, "%llu", (unsigned long long)n),
	    e->line);
}

/* --- domains --- */

/* Without a dot at the start, as postsrsd takes it for the SRS domain. */
static struct mf_text
as_srs_domain(struct mf_text domain)
{
	return domain.len != 0 && domain.p[0] == '.' ? text_from(domain, 1)
						     : domain;
}

static void
srs_domain(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (e->value.len == 0)
		convert_tell(c, e, CONVERT_NOT_NEEDED, NULL, "it is empty");
	else {
		convert_same(c, e, "srs");
		convert_set(
		    c, "srs", "fwdomain", as_srs_domain(e->value), e->line);
	}
}

/* The first domain of the list, or else of the file. */
static bool
first_domain(const struct conversion *c, struct mf_text *out)
{
	struct mf_text rest = c->domains_file, line;

	for (size_t i = 0; i < c->entries.count; i++) {
		struct mf_text items = c->entries.items[i].value;

		if (mf_text_eq(c->entries.items[i].key, MF_TEXT("domains")) &&
		    convert_next_item(&items, "\n", out))
			return true;
	}
	while (convert_next_item(&rest, "\r\n", &line)) {
		*out = text_trim(line);
		if (out->len != 0 && out->p[0] != '#')
			return true;
	}
	return false;
}

struct mf_text
convert_domains_file(const struct conversion *c)
{
	return convert_value(c, "domains-file", MF_TEXT(""));
}

static void
default_domain(struct conversion *c)
{
	struct mf_text first;

	if (convert_value(c, "srs-domain", MF_TEXT("")).len != 0)
		return;
	if (first_domain(c, &first)) {
		convert_note(
		    c, "srs", "srs-domain isn't set: the first local domain");
		convert_set(c, "srs", "fwdomain", as_srs_domain(first), 0);
		return;
	}
	report_error(c->file->report, c->file->name, 0, "srs-domain",
	    "not set, and there is no first local domain to take instead; set "
	    "fwdomain in the new file");
	convert_note(c, "srs",
	    "srs-domain isn't set, and neither is a local domain: write the "
	    "domain of new addresses here: fwdomain = ...");
}

static void
domains_file(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	if (e->value.len == 0) {
		convert_tell(c, e, CONVERT_NOT_NEEDED, NULL, "it is empty");
		return;
	}
	if (e->value.p[0] != '/') {
		convert_fail(c, e,
		    "not an absolute path, which a list file "
		    "here must have");
		return;
	}
	convert_tell(c, e, CONVERT_SAME, "srs",
	    "a list file, one of the items of own_domains");
	convert_set(c, "srs", rule->ours, e->value, e->line);
}

/* --- sockets --- */

/* "inet4" is "inet" here, "*" any address. */
static struct mf_text
socket_address(const struct conversion *c, struct mf_text t)
{
	struct mf_text port = t, scheme, host;

	if (text_starts(t, MF_TEXT("unix:")) ||
	    text_starts(t, MF_TEXT("local:")) ||
	    !text_cut(&port, ':', &scheme) || text_rfind(port, ':') == port.len)
		return t;
	host = text_head(port, text_rfind(port, ':'));
	port = text_from(port, host.len + 1);
	if (host.len > 2 && host.p[0] == '[')
		host = mf_text_at(host.p + 1, host.len - 2);
	if (mf_text_eq(host, MF_TEXT("*")))
		host = mf_text_eq(scheme, MF_TEXT("inet6"))
		    ? MF_TEXT("::")
		    : MF_TEXT("0.0.0.0");
	return arena_printf(c->file->arena, "%s:%.*s@%.*s",
	    mf_text_eq(scheme, MF_TEXT("inet6")) ||
		    text_find(host, ':') != host.len
		? "inet6"
		: "inet",
	    (int)port.len, port.p, (int)host.len, host.p);
}

/* It makes its sockets for everybody; ours would shut Postfix out. */
static void
open_socket(struct conversion *c, const char *section, struct mf_text address,
    unsigned line)
{
	convert_set(c, section, "listen", socket_address(c, address), line);
	if (text_starts(address, MF_TEXT("inet")))
		return;
	convert_note(c, section,
	    "postsrsd lets all users write to the socket, and so sign: better "
	    "is 0660 and socket_owner = :postfix");
	convert_set(c, section, "socket_mode", MF_TEXT("0666"), 0);
}

static void
socketmap(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (e->value.len == 0) {
		convert_tell(c, e, CONVERT_OTHER, NULL,
		    "it is empty: srsd isn't needed, only srsmilter");
		return;
	}
	convert_same(c, e, "srsd");
	open_socket(c, "srsd", e->value, e->line);
}

static void
milter(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (e->value.len == 0) {
		convert_tell(c, e, CONVERT_NOT_NEEDED, NULL, "it is empty");
		return;
	}
	convert_tell(c, e, CONVERT_OTHER, "srsmilter",
	    "the filter is a daemon of its own, srsmilter");
	open_socket(c, "srsmilter", e->value, e->line);
	convert_note(c, "srsmilter",
	    "As there: mail that isn't a bounce is restored too");
	convert_set(c, "srsmilter", "reverse", MF_TEXT("all"), 0);
}

static void
milter_rewrite_local(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	(void)rule;
	if (!read_bool(c, e, &on))
		return;
	if (convert_value(c, "milter", MF_TEXT("")).len == 0)
		convert_tell(
		    c, e, CONVERT_NOT_NEEDED, NULL, "no milter is set");
	else
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "rewrite of [srsmilter]");
}

/* The filter has a list of its own of what is delivered here. */
static void
set_local_domains(struct conversion *c)
{
	for (size_t i = 0; i < c->entries.count; i++) {
		const struct convert_entry *e = &c->entries.items[i];
		struct mf_text items = convert_items(c, e->value, ", \t\r\n");

		if ((mf_text_eq(e->key, MF_TEXT("domains")) ||
			mf_text_eq(e->key, MF_TEXT("domains-file"))) &&
		    items.len != 0)
			convert_set(
			    c, "srsmilter", "local_domains", items, e->line);
	}
}

/* Who is a forwarded recipient to the filter: without a list, everybody. */
static void
milter_rewrite(struct conversion *c)
{
	bool all = is_on(c, "milter-rewrite-local");

	if (convert_value(c, "milter", MF_TEXT("")).len == 0)
		return;
	if (!all)
		set_local_domains(c);
	if (convert_setting(c, "srsmilter", "local_domains").len == 0)
		all = true;
	convert_set(c, "srsmilter", "rewrite",
	    all ? MF_TEXT("all") : MF_TEXT("remote_domain"), 0);
}

/* --- other rules --- */

static void
boolean(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	if (!read_bool(c, e, &on))
		return;
	convert_same(c, e, rule->section);
	convert_set(c, rule->section, rule->ours,
	    on ? MF_TEXT("yes") : MF_TEXT("no"), e->line);
}

/* A key that says what is always so here. */
static void
switch_only(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	if (read_bool(c, e, &on))
		convert_tell(c, e, rule->outcome, NULL, "%s", rule->why);
}

static void
debug(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	(void)rule;
	if (!read_bool(c, e, &on))
		return;
	convert_same(c, e, "log");
	convert_set(c, "log", "level", on ? MF_TEXT("debug") : MF_TEXT("info"),
	    e->line);
}

static void
syslog(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	bool on;

	(void)rule;
	if (!read_bool(c, e, &on))
		return;
	convert_tell(c, e, on ? CONVERT_SAME : CONVERT_OTHER, "log", "%s",
	    on ? "" : "standard error alone, which systemd logs");
	convert_set(c, "log", "to", on ? MF_TEXT("syslog") : MF_TEXT("stderr"),
	    e->line);
}

#define NOT_NEEDED(key, says)                                       \
	{                                                           \
		(key), .outcome = CONVERT_NOT_NEEDED, .why = (says) \
	}

static const struct convert_rule rules[] = {
    {"secrets-file", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "secret_file"},
    {"srs-domain", .apply = srs_domain},
    {"domains", .apply = convert_rule_list, .outcome = CONVERT_SAME,
	.section = "srs", .ours = "own_domains"},
    {"domains-file", .apply = domains_file, .ours = "own_domains"},
    {"domains-file-watch", .apply = switch_only, .outcome = CONVERT_OTHER,
	.why = "a changed list file is always noticed"},
    {"separator", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "separator"},
    {"hash-length", .apply = number, .outcome = CONVERT_SAME, .section = "srs",
	.ours = "hash_length"},
    {"hash-minimum", .apply = number, .outcome = CONVERT_SAME, .section = "srs",
	.ours = "hash_min"},
    {"always-rewrite", .apply = boolean, .outcome = CONVERT_SAME,
	.section = "srs", .ours = "always_rewrite"},
    {"original-envelope", .apply = convert_original_envelope},
    {"envelope-database", .apply = convert_envelope_database},
    {"socketmap", .apply = socketmap},
    {"keep-alive", .apply = number, .outcome = CONVERT_SAME, .section = "srsd",
	.ours = "idle_timeout"},
    {"connection-limit", .apply = number, .outcome = CONVERT_OTHER,
	.section = "srsd", .ours = "max_connections",
	.why = "beyond it an idle connection is closed, not the new one"},
    {"milter", .apply = milter},
    {"milter-rewrite-local", .apply = milter_rewrite_local},
    NOT_NEEDED("milter-recipient-limit",
	"srsmilter has no such limit; the mail server has"),
    NOT_NEEDED(
	"pid-file", "systemd knows the process; else see pid_file in [srsd]"),
    NOT_NEEDED("unprivileged-user",
	"srsd runs as the user mailfrom; see user in [srsd]"),
    NOT_NEEDED(
	"chroot-dir", "the systemd unit hides the file system from srsd"),
    {"daemonize", .apply = switch_only, .outcome = CONVERT_OTHER,
	.why = "srsd goes into the background unless it is started with -f"},
    {"syslog", .apply = syslog},
    {"debug", .apply = debug},
    {"seccomp", .apply = switch_only, .outcome = CONVERT_NOT_NEEDED,
	.why = "the systemd unit filters system calls"},
};

/* --- what the file leaves open --- */

static void
set_default(struct conversion *c, const char *theirs, const char *key,
    struct mf_text value)
{
	if (convert_find(c, theirs) != NULL)
		return;
	convert_note(c, "srs", "%s isn't set: its default", theirs);
	convert_set(c, "srs", key, value, 0);
}

static void
finish(struct conversion *c)
{
	default_domain(c);
	milter_rewrite(c);
	set_default(
	    c, "secrets-file", "secret_file", MF_TEXT("/etc/postsrsd.secret"));
	set_default(c, "hash-length", "hash_length", MF_TEXT("4"));
	set_default(c, "hash-minimum", "hash_min", MF_TEXT("4"));
	convert_check_hash(c);
	convert_note(c, "srs",
	    "postsrsd reverses addresses in any domain, so some are outstanding");
	convert_set(c, "srs", "srs_domains", MF_TEXT("*"), 0);
	convert_note(c, "srs",
	    "postsrsd before 2.2.6 writes the other alphabet: hash_alphabet = "
	    "base64, while a host with the same secret still runs it");
	if (convert_find(c, "socketmap") != NULL)
		return;
	convert_note(c, "srsd", "socketmap isn't set: its default");
	open_socket(c, "srsd", MF_TEXT("unix:/var/spool/postfix/srs"), 0);
}

const struct convert_software convert_postsrsd2 = {
    .kind = FOREIGN_CONF_POSTSRSD2,
    .parse = convert_parse_confuse,
    .rules = rules,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
    .finish = finish,
    .steps = steps};
