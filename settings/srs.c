/* SPDX-License-Identifier: ISC */
#include "settings/srs.h"

#include <stddef.h>

#include "common/domain.h"
#include <mailfrom/rrs.h>

/* Fewer characters of hash are guessed in a day; 4 is postsrsd's default. */
#define HASH_LENGTH_MIN 4

const char *const rewrite_separators[] = {"=", "+", "-", NULL};

/* In the order of enum srs_alphabet. */
static const char *const alphabets[] = {"base64", "base64url", NULL};

/* In the order of enum long_addresses. */
static const char *const long_addresses[] = {"keep", "store", NULL};

/* DOMAIN, or FORWARDING=DOMAIN. */
static bool
read_fwdomain(struct mf_text item, struct text_out *out, const char **why)
{
	char room[DOMAIN_MAX];
	struct text_out srs = text_out(room, sizeof(room));
	struct mf_text domain = item, forwarding;

	if (text_cut(&domain, '=', &forwarding)) {
		if (!item_domain.read(text_trim(forwarding), out, why))
			return false;
		out_char(out, '=');
	}
	if (!item_domain.read(text_trim(domain), &srs, why))
		return false;
	out_text(out, out_view(&srs));
	return true;
}

static const struct item_type fwdomain = {
    .wanted = "a domain (srs.example.com) or FORWARDING=DOMAIN",
    .read = read_fwdomain,
    .is_pair = true};

/* Any domain; the others of the list are named. */
static bool
read_srs_domain(struct mf_text item, struct text_out *out, const char **why)
{
	if (!mf_text_eq(item, MF_TEXT(REWRITE_ANY_DOMAIN)))
		return item_mail_domains.read(item, out, why);
	out_text(out, item);
	return true;
}

static const struct item_type srs_domains = {
    .wanted = "a domain (example.com, or .example.com for those below it) "
	      "or " REWRITE_ANY_DOMAIN,
    .read = read_srs_domain,
    .is_pattern = true};

/* HASH of an RRS address, or all of the address. */
static bool
read_rrs_hash(struct mf_text item, struct text_out *out, const char **why)
{
	struct mf_text hash = item, rest;

	(void)why;
	if (text_starts_fold(hash, MF_TEXT("\"")))
		hash = text_from(hash, 1);
	if (text_starts_fold(hash, MF_TEXT("rrs="))) {
		rest = text_from(hash, 4);
		if (!text_cut(&rest, '=', &hash))
			return false;
	}
	if (hash.len != RRS_HASH_LEN)
		return false;
	for (size_t i = 0; i < hash.len; i++) {
		char c = ascii_lower(hash.p[i]);

		if ((c < 'a' || c > 'z') && (c < '2' || c > '7'))
			return false;
		out_char(out, c);
	}
	return true;
}

static const struct item_type rrs_hash = {
    .wanted = "an RRS address, or its hash (12 characters of a-z and 2-7)",
    .read = read_rrs_hash};

#define AT(member) .offset = offsetof(struct rewrite_settings, member)

static const struct conf_key keys[] = {
    {"secret_file", CONF_TEXT, AT(secret_file),
	.sample = "/etc/mailfrom/secret",
	.help = "File of secrets, one per line, or a directory of such "
		"files; the first signs, all verify"},
    {"secret_line_end", CONF_BOOL, AT(secret_line_end), .initial = "no",
	.help = "Take the line end as part of each secret, as "
		"Mail::SRS does"},
    {"rrs_secret_file", CONF_TEXT, AT(rrs_secret_file),
	.sample = "/etc/mailfrom/rrs-secret",
	.help = "File of secrets for RRS addresses, as secret_file (default: "
		"no RRS)"},
    {"rrs_domains", CONF_LIST, AT(rrs_domains), .items = &item_domains,
	.sample = "example.com",
	.help = "Domains whose RRS addresses are verified (default: "
		"own_domains and local_domains)"},
    {"rrs_revoked", CONF_LIST, AT(rrs_revoked), .items = &rrs_hash,
	.sample = "rrs=gal4stl55a3b=old.example=bob@example.com",
	.help = "RRS addresses, or their hashes, that are no longer valid"},
    {"fwdomain", CONF_LIST, AT(fwdomain), .items = &fwdomain,
	.sample = "srs.example.com",
	.help = "Domain to rewrite into, or FORWARDING=DOMAIN for one "
		"forwarding domain"},
    {"own_domains", CONF_LIST, AT(own_domains), .items = &item_domains,
	.sample = "example.com, .example.com",
	.help = "Senders in these domains are never rewritten"},
    {"srs_domains", CONF_LIST, AT(srs_domains), .items = &srs_domains,
	.sample = "srs.example.com, example.com",
	.help = "Domains whose addresses are reversed, * for any "
		"(default: those of fwdomain, ses and sign)"},
    {"ses", CONF_LIST, AT(ses), .items = &item_domains, .sample = "example.com",
	.help = "Senders in these domains are signed with SES"},
    {"sign", CONF_LIST, AT(sign), .items = &item_domains,
	.sample = "example.com",
	.help = "Senders in these domains are signed with SRS"},
    {"exclude_senders", CONF_LIST, AT(exclude_senders),
	.items = &item_addresses, .sample = "example.org, bounces@",
	.help = "Domains and addresses that are never rewritten"},
    {"include_senders", CONF_LIST, AT(include_senders),
	.items = &item_addresses, .sample = "example.org",
	.help = "If set, only these domains and addresses are "
		"rewritten"},
    {"exclude_recipients", CONF_LIST, AT(exclude_recipients),
	.items = &item_destinations, .sample = "example.net", .joins = true,
	.help = "Mail to these destinations keeps its sender"},
    {"nosrs", CONF_LIST, AT(exclude_recipients), .items = &item_destinations,
	.sample = "hub.example.com", .joins = true,
	.help = "Another name of exclude_recipients, from pysrs"},
    {"forward_domains", CONF_LIST, AT(forward_domains), .items = &item_domains,
	.sample = "customer.example",
	.help = "If set, only mail that these domains forward is rewritten"},
    {"always_rewrite", CONF_BOOL, AT(always_rewrite), .initial = "no",
	.help = "Rewrite senders in the SRS domain itself too"},
    {"max_age", CONF_UINT, AT(max_age), 1, SRS_AGE_DAYS_MAX, .initial = "21",
	.unit = "days", .help = "How long a rewritten address can be reversed"},
    {"future_days", CONF_UINT, AT(future_days), 0, SRS_FUTURE_DAYS_MAX,
	.initial = "1", .unit = "days",
	.help = "Tolerance for timestamps in the future, for clock "
		"skew between hosts"},
    {"hash_length", CONF_UINT, AT(hash_length), HASH_LENGTH_MIN, SRS_HASH_MAX,
	.initial = "6", .unit = "characters", .help = "Length of new hashes"},
    {"hash_min", CONF_UINT, AT(hash_min), HASH_LENGTH_MIN, SRS_HASH_MAX,
	.sample = "6", .unit = "characters",
	.help = "Minimum accepted hash length (default: hash_length)"},
    {"separator", CONF_CHOICE, AT(separator), .choices = rewrite_separators,
	.initial = "=", .help = "Separator after SRS0 and SRS1"},
    {"hash_alphabet", CONF_CHOICE, AT(hash_alphabet), .choices = alphabets,
	.initial = "base64url",
	.help = "Alphabet of new hashes; both are accepted"},
    {"ses_server", CONF_UINT, AT(ses_server), 0, 255, .initial = "0",
	.help = "Number of this host among those that sign with the "
		"same secret"},
    {"long_addresses", CONF_CHOICE, AT(long_addresses),
	.choices = long_addresses, .initial = "keep",
	.help = "A sender too long to rewrite: keep it, or rewrite it by way "
		"of the store"},
    {"hide_senders", CONF_BOOL, AT(hide_senders), .initial = "no",
	.help = "Rewrite all senders by way of the store, so that none can be "
		"read"},
    {"skip_if_spf_passes", CONF_BOOL, AT(skip_if_spf_passes), .initial = "no",
	.help = "Don't rewrite senders whose SPF record authorises "
		"all outbound_addresses"},
    {"outbound_addresses", CONF_LIST, AT(outbound_addresses), .items = &item_ip,
	.sample = "192.0.2.1, 2001:db8::1",
	.help = "All addresses that mail leaves from, for "
		"skip_if_spf_passes"},
    {"helo_name", CONF_TEXT, AT(helo_name), .items = &item_domain,
	.sample = "mail.example.com",
	.help = "HELO name for these checks (default: the host name)"},
};

struct conf_section
rewrite_section(struct rewrite_settings *values)
{
	return CONF_SECTION("srs",
	    "Rewriting and signing of senders: srsd and srsmilter", keys,
	    values);
}
