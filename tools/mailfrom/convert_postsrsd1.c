/* SPDX-License-Identifier: ISC */
/*
 * postsrsd 1.x: /etc/default/postsrsd, with the defaults of the scripts that
 * source it, and its options as far as SRS_EXTRA_OPTIONS may have them.
 */
#include "tools/mailfrom/convert.h"

#define DEFAULT_SECRET  MF_TEXT("/etc/postsrsd.secret")
#define DEFAULT_ADDRESS MF_TEXT("127.0.0.1")

static const char *const steps[] = {
    "Let mailfrom read the secret; postsrsd, which reads it as root, can too:\n"
    "chown root:mailfrom @ && chmod 0640 @",
    "Check it: srsd -n -c /etc/mailfrom/mailfrom.conf",
    "Stop postsrsd and start srsd.  main.cf stays as it is, because srsd\n"
    "listens on the same ports.",
    "mailfrom setup has better forms for Postfix, which rewrite only mail that\n"
    "is forwarded.",
    NULL};

/* --- where it listens --- */

/* -4 and -6 in SRS_EXTRA_OPTIONS. */
static const char *
family(const struct conversion *c, struct mf_text host)
{
	struct mf_text rest =
	    convert_value(c, "SRS_EXTRA_OPTIONS", MF_TEXT(""));
	struct mf_text word;
	const char *found = text_find(host, ':') != host.len ? "inet6" : "inet";

	while (convert_next_item(&rest, " \t\n", &word)) {
		if (mf_text_eq(word, MF_TEXT("-4")))
			found = "inet";
		else if (mf_text_eq(word, MF_TEXT("-6")))
			found = "inet6";
	}
	return found;
}

static void
listen_on(
    struct conversion *c, const char *ours, struct mf_text port, unsigned line)
{
	struct mf_text host =
	    convert_value(c, "SRS_LISTEN_ADDR", DEFAULT_ADDRESS);

	if (host.len == 0 || mf_text_eq(host, MF_TEXT("*")))
		host = MF_TEXT("0.0.0.0");
	convert_set(c, "srsd", ours,
	    arena_printf(c->file->arena, "%s:%.*s@%.*s", family(c, host),
		(int)port.len, port.p, (int)host.len, host.p),
	    line);
}

static void
port(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	uint64_t n;

	if (!text_uint(e->value, 65535, &n) || n == 0) {
		convert_fail(c, e, "not a port from 1 to 65535: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, CONVERT_SAME, "srsd", "%s", rule->why);
	listen_on(c, rule->ours, e->value, e->line);
}

/* --- other rules --- */

static void
domain(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	if (e->value.len == 0) {
		convert_fail(c, e, "is empty; set fwdomain in the new file");
		return;
	}
	convert_tell(c, e, CONVERT_SAME, "srs", "%s", rule->why);
	convert_set(c, "srs", "fwdomain", e->value, e->line);
}

/* Options with a value of their own, of which the scripts set most again. */
static bool
takes_value(char letter)
{
	return letter != '\0' && strchr("afrsdnNutpcl", letter) != NULL;
}

static void
extra_option(struct conversion *c, const struct convert_entry *e,
    struct mf_text word, struct mf_text *rest)
{
	char letter = word.len > 1 && word.p[0] == '-' ? word.p[1] : '\0';
	struct mf_text value = text_from(word, 2);

	if (takes_value(letter) && value.len == 0)
		convert_next_item(rest, " \t\n", &value);
	if (letter == 'A') {
		convert_note(c, "srs",
		    "SRS_EXTRA_OPTIONS has -A (line %u): same", e->line);
		convert_set(
		    c, "srs", "always_rewrite", MF_TEXT("yes"), e->line);
	} else if (letter == 't') {
		convert_note(c, "srsd",
		    "SRS_EXTRA_OPTIONS has -t (line %u): same", e->line);
		convert_set(c, "srsd", "idle_timeout", value, e->line);
	} else if (letter == 'p') {
		convert_note(c, NULL,
		    "SRS_EXTRA_OPTIONS has -p (line %u): not needed: systemd "
		    "knows the process; else see pid_file in [srsd]",
		    e->line);
	} else if (letter == '\0' ||
	    strchr("46DeXvhafrsdnNucl", letter) == NULL)
		convert_fail(c, e, "not an option of postsrsd: \"%.*s\"",
		    (int)text_head(word, 80).len, word.p);
}

static void
extra_options(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	struct mf_text rest = e->value, word;

	convert_tell(c, e, CONVERT_OTHER, NULL, "%s", rule->why);
	while (convert_next_item(&rest, " \t\n", &word))
		extra_option(c, e, word, &rest);
}

static const struct convert_rule rules[] = {
    {"SRS_SECRET", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "secret_file"},
    {"SRS_DOMAIN", .apply = domain, .why = "the domain of new addresses"},
    {"SRS_EXCLUDE_DOMAINS", .apply = convert_rule_list, .outcome = CONVERT_SAME,
	.section = "srs", .ours = "own_domains"},
    {"SRS_SEPARATOR", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "separator"},
    {"SRS_HASHLENGTH", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "hash_length"},
    {"SRS_HASHMIN", .outcome = CONVERT_SAME, .section = "srs",
	.ours = "hash_min"},
    {"SRS_FORWARD_PORT", .apply = port, .ours = "tcp_table_forward",
	.why = "with SRS_LISTEN_ADDR"},
    {"SRS_REVERSE_PORT", .apply = port, .ours = "tcp_table_reverse",
	.why = "with SRS_LISTEN_ADDR"},
    {"SRS_LISTEN_ADDR", .outcome = CONVERT_OTHER,
	.why = "in tcp_table_forward and tcp_table_reverse"},
    {"SRS_EXTRA_OPTIONS", .apply = extra_options,
	.why = "each option by itself"},
    {"RUN_AS", .outcome = CONVERT_NOT_NEEDED,
	.why = "srsd runs as the user mailfrom; see user in [srsd]"},
    {"CHROOT", .outcome = CONVERT_NOT_NEEDED,
	.why = "the systemd unit hides the file system from srsd"},
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
default_domain(struct conversion *c)
{
	if (convert_find(c, "SRS_DOMAIN") != NULL)
		return;
	report_error(c->file->report, c->file->name, 0, "SRS_DOMAIN",
	    "not set: postsrsd takes the output of \"postconf -h mydomain\"; "
	    "set fwdomain to that in the new file");
	convert_note(c, "srs",
	    "SRS_DOMAIN isn't set: write the output of \"postconf -h mydomain\" "
	    "here: fwdomain = ...");
}

static void
default_port(struct conversion *c, const char *theirs, const char *ours,
    struct mf_text number)
{
	if (convert_find(c, theirs) != NULL)
		return;
	convert_note(c, "srsd", "%s isn't set: its default", theirs);
	listen_on(c, ours, number, 0);
}

static void
finish(struct conversion *c)
{
	default_domain(c);
	set_default(c, "SRS_SECRET", "secret_file", DEFAULT_SECRET);
	set_default(c, "SRS_HASHLENGTH", "hash_length", MF_TEXT("4"));
	set_default(c, "SRS_HASHMIN", "hash_min", MF_TEXT("4"));
	convert_check_hash(c);
	convert_note(c, "srs",
	    "postsrsd reverses addresses in any domain, so some are outstanding");
	convert_set(c, "srs", "srs_domains", MF_TEXT("*"), 0);
	convert_note(c, "srs",
	    "postsrsd 1.x can't verify the other alphabet: keep this while a "
	    "host with the same secret still runs it");
	convert_set(c, "srs", "hash_alphabet", MF_TEXT("base64"), 0);
	default_port(
	    c, "SRS_FORWARD_PORT", "tcp_table_forward", MF_TEXT("10001"));
	default_port(
	    c, "SRS_REVERSE_PORT", "tcp_table_reverse", MF_TEXT("10002"));
}

const struct convert_software convert_postsrsd1 = {
    .kind = FOREIGN_CONF_POSTSRSD1,
    .parse = convert_parse_shell,
    .rules = rules,
    .rule_count = sizeof(rules) / sizeof(rules[0]),
    .finish = finish,
    .steps = steps};
