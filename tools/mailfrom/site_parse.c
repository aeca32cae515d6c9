/* SPDX-License-Identifier: ISC */
/*
 * The syntax of main.cf and master.cf, which is that of postconf's output too.
 *
 * A line that begins with a blank continues the one before it; empty lines and
 * comments end no logical line (postconf(5), master(5)).  What isn't understood
 * is skipped: Postfix itself reports it.
 */
#include "tools/mailfrom/site.h"

/* Defaults that count here, of Postfix 3.7: where no postconf can be asked. */
static const struct {
	const char *name, *value;
} known[] = {
    {"address_verify_default_transport", "$default_transport"},
    {"address_verify_relay_transport", "$relay_transport"},
    {"alias_maps", "hash:/etc/aliases"},
    {"canonical_classes",
	"envelope_sender, envelope_recipient, header_sender, "
	"header_recipient"},
    {"compatibility_level", "0"},
    {"default_transport", "smtp"},
    {"default_transport_rate_delay", "0s"},
    {"default_destination_rate_delay", "0s"},
    {"hopcount_limit", "50"},
    {"inet_interfaces", "all"},
    {"inet_protocols", "all"},
    {"local_recipient_maps", "proxy:unix:passwd.byname $alias_maps"},
    {"local_transport", "local:$myhostname"},
    {"mail_owner", "postfix"},
    {"milter_command_timeout", "30s"},
    {"milter_default_action", "tempfail"},
    {"milter_protocol", "6"},
    {"mydestination", "$myhostname, localhost.$mydomain, localhost"},
    {"mynetworks", "127.0.0.0/8"},
    {"myorigin", "$myhostname"},
    {"parent_domain_matches_subdomains",
	"debug_peer_list,fast_flush_domains,mynetworks,"
	"permit_mx_backup_networks,qmqpd_authorized_clients,"
	"relay_domains,smtpd_access_maps"},
    {"queue_directory", "/var/spool/postfix"},
    {"recipient_canonical_classes", "envelope_recipient, header_recipient"},
    {"relay_transport", "relay"},
    {"relay_domains",
	"${{$compatibility_level} <level {2} ? {$mydestination} : {}}"},
    {"sender_canonical_classes", "envelope_sender, header_sender"},
    {"smtpd_recipient_limit", "1000"},
    {"smtpd_reject_unlisted_recipient", "yes"},
    {"smtpd_relay_restrictions",
	"${{$compatibility_level} <level {1} ? {} : {permit_mynetworks, "
	"permit_sasl_authenticated, defer_unauth_destination}}"},
    {"virtual_alias_domains", "$virtual_alias_maps"},
    {"virtual_alias_maps", "$virtual_maps"},
    {"virtual_mailbox_domains", "$virtual_mailbox_maps"},
    {"virtual_transport", "virtual"},
};

static void
add(struct site *site, struct site_settings *to, struct mf_text name,
    struct mf_text value)
{
	to->items =
	    arena_grow(&site->arena, to->items, to->count, sizeof(*to->items));
	to->items[to->count++] = (struct site_setting){
	    arena_copy(&site->arena, name), arena_copy(&site->arena, value)};
}

void
site_init(struct site *site)
{
	*site = (struct site){.source = SITE_NONE};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		add(site, &site->defaults, mf_text_of(known[i].name),
		    mf_text_of(known[i].value));
}

/* --- logical lines --- */

static struct mf_text
next_line(struct mf_text *rest)
{
	struct mf_text line = *rest;

	if (!text_cut(rest, '\n', &line))
		*rest = text_from(*rest, rest->len);
	return line;
}

static bool
is_comment(struct mf_text line)
{
	line = text_trim(line);
	return line.len == 0 || line.p[0] == '#';
}

/* The lines of *rest that make one logical line; what is left stays there. */
static struct mf_text
cut_logical(struct mf_text *rest)
{
	struct mf_text all = MF_TEXT("");

	while (rest->len != 0) {
		struct mf_text after = *rest, line = next_line(&after);

		if (!is_comment(line)) {
			if (all.len != 0 && !ascii_is_blank(line.p[0]))
				break;
			if (all.len == 0)
				all.p = line.p;
			all.len = (size_t)(line.p + line.len - all.p);
		}
		*rest = after;
	}
	return all;
}

/* The next logical line, in one line; false at the end. */
static bool
next_logical(struct site *site, struct mf_text *rest, struct mf_text *out)
{
	struct mf_text lines = cut_logical(rest);
	struct text_out all =
	    text_out(arena_new(&site->arena, lines.len + 1), lines.len);

	while (lines.len != 0) {
		struct mf_text line = text_trim(next_line(&lines));

		if (is_comment(line))
			continue;
		if (all.len != 0)
			out_char(&all, ' ');
		out_text(&all, line);
	}
	*out = out_view(&all);
	return all.len != 0;
}

/* --- main.cf --- */

static bool
cut_setting(struct mf_text line, struct site_setting *out)
{
	if (!text_cut(&line, '=', &out->name))
		return false;
	out->name = text_trim(out->name);
	out->value = text_trim(line);
	return out->name.len != 0;
}

static void
add_settings(struct site *site, struct site_settings *to, struct mf_text text)
{
	struct site_setting setting;
	struct mf_text line;

	while (next_logical(site, &text, &line))
		if (cut_setting(line, &setting))
			add(site, to, setting.name, setting.value);
}

void
site_add_main(struct site *site, struct mf_text text)
{
	add_settings(site, &site->settings, text);
}

void
site_add_defaults(struct site *site, struct mf_text text)
{
	site->defaults.count = 0;
	site->defaults.items = NULL;
	add_settings(site, &site->defaults, text);
}

void
site_set_default(struct site *site, const char *name, struct mf_text value)
{
	add(site, &site->defaults, mf_text_of(name), value);
}

void
site_set_host(struct site *site, struct mf_text host)
{
	if (host.len != 0)
		site_set_default(site, "myhostname", host);
	host = site_value(site, "myhostname");
	host = text_from(host, text_find(host, '.') + 1);
	site_set_default(
	    site, "mydomain", host.len != 0 ? host : MF_TEXT("localdomain"));
}

/* --- master.cf --- */

bool
site_next_word(struct mf_text *rest, struct mf_text *word)
{
	size_t len = 0, depth = 0;

	*rest = text_trim(*rest);
	while (
	    len < rest->len && (depth != 0 || !ascii_is_blank(rest->p[len]))) {
		depth += rest->p[len] == '{';
		depth -= rest->p[len] == '}' && depth != 0;
		len++;
	}
	*word = text_head(*rest, len);
	*rest = text_from(*rest, len);
	return len != 0;
}

/* { name = value } as well as name=value. */
static bool
cut_option(struct mf_text word, struct mf_text *name, struct mf_text *value)
{
	struct site_setting setting;

	if (word.len >= 2 && word.p[0] == '{' && word.p[word.len - 1] == '}')
		word = text_trim(mf_text_at(word.p + 1, word.len - 2));
	if (!cut_setting(word, &setting))
		return false;
	*name = setting.name;
	*value = setting.value;
	return true;
}

bool
site_next_argument(
    struct mf_text *rest, struct mf_text *name, struct mf_text *value)
{
	struct mf_text word;

	*name = MF_TEXT("");
	if (!site_next_word(rest, value))
		return false;
	if (!text_starts(*value, MF_TEXT("-o")))
		return true;
	word = text_from(*value, 2);
	if (word.len == 0 && !site_next_word(rest, &word))
		return true;
	cut_option(word, name, value);
	return true;
}

static void
add_overrides(struct site *site, struct site_service *service)
{
	struct mf_text rest = service->arguments, name, value;

	while (site_next_argument(&rest, &name, &value))
		if (name.len != 0)
			add(site, &service->overrides, name, value);
}

/* Eight columns; the last of them begins the command. */
static void
add_service(struct site *site, struct mf_text line)
{
	struct site_service s = {.overrides = {NULL, 0}};
	struct mf_text *columns[] = {&s.name, &s.type, &s.private,
	    &s.unprivileged, &s.chroot, &s.wakeup, &s.limit, &s.command};

	line = arena_copy(&site->arena, line);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (!site_next_word(&line, columns[i]))
			return;
	s.arguments = text_trim(line);
	add_overrides(site, &s);
	site->services = arena_grow(
	    &site->arena, site->services, site->service_count, sizeof(s));
	site->services[site->service_count++] = s;
}

void
site_add_master(struct site *site, struct mf_text text)
{
	struct mf_text line;

	while (next_logical(site, &text, &line))
		add_service(site, line);
}

/* --- saved output --- */

/* SERVICE/TYPE/NAME = VALUE, of postconf -P; false if line is none. */
static bool
add_of_service(struct site *site, struct site_setting setting)
{
	struct mf_text rest = setting.name, name, type;

	if (!text_cut(&rest, '/', &name))
		return false;
	/* An address before the port may hold no slash, a path may. */
	size_t last = text_rfind(setting.name, '/');
	struct mf_text head = text_head(setting.name, last);
	size_t middle = text_rfind(head, '/');
	if (middle == head.len)
		return true;
	name = text_head(head, middle);
	type = text_from(head, middle + 1);
	for (size_t i = site->service_count; i > 0; i--) {
		struct site_service *s = &site->services[i - 1];

		if (!mf_text_eq(s->name, name) || !mf_text_eq(s->type, type))
			continue;
		add(site, &s->overrides, text_from(setting.name, last + 1),
		    setting.value);
		break;
	}
	return true;
}

static bool
is_parameter(struct mf_text name)
{
	for (size_t i = 0; i < name.len; i++)
		if (ascii_is_blank(name.p[i]))
			return false;
	return true;
}

/* "postconf: warning: ...", with the path that it was called by. */
static bool
is_warning(struct mf_text line)
{
	struct mf_text word;

	return site_next_word(&line, &word) &&
	    text_ends_fold(word, MF_TEXT("postconf:"));
}

void
site_add_saved(struct site *site, struct mf_text text)
{
	struct mf_text rest = text, line;
	struct site_setting setting;

	/* Services first: -P may come before -M. */
	for (; next_logical(site, &rest, &line);)
		if (is_warning(line))
			site_add_warnings(site, line);
		else if (!cut_setting(line, &setting) ||
		    !is_parameter(setting.name))
			add_service(site, line);
	for (rest = text; next_logical(site, &rest, &line);)
		if (cut_setting(line, &setting) && is_parameter(setting.name) &&
		    !add_of_service(site, setting))
			add(site, &site->settings, setting.name, setting.value);
}

static bool
has_warning(const struct site *site, struct mf_text line)
{
	for (size_t i = 0; i < site->warning_count; i++)
		if (mf_text_eq(site->warnings[i], line))
			return true;
	return false;
}

void
site_add_warnings(struct site *site, struct mf_text text)
{
	const struct mf_text sign = MF_TEXT("warning: ");

	while (text.len != 0) {
		struct mf_text line = text_trim(next_line(&text)), rest = line;

		while (rest.len != 0 && !text_starts(rest, sign))
			rest = text_from(rest, 1);
		line = rest.len != 0 ? text_from(rest, sign.len) : line;
		if (line.len == 0 || has_warning(site, line))
			continue;
		site->warnings = arena_grow(&site->arena, site->warnings,
		    site->warning_count, sizeof(*site->warnings));
		site->warnings[site->warning_count++] =
		    arena_copy(&site->arena, line);
	}
}
