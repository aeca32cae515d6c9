/* SPDX-License-Identifier: ISC */
#include "common/items.h"

#include "common/domain.h"
#include "common/network.h"
#include "common/sockaddr.h"

#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */

/* --- what somebody may have meant --- */

/* Marks around an item, which belong to a text but not to a list. */
static const struct {
	struct mf_text open, close;
} marks[] = {
    {{"\"", 1}, {"\"", 1}}, {{"'", 1}, {"'", 1}}, {{"`", 1}, {"'", 1}},
    {{"<", 1}, {">", 1}}, {{"(", 1}, {")", 1}}, {{"{", 1}, {"}", 1}},
    {{"\xe2\x80\x9c", 3}, {"\xe2\x80\x9d", 3}}, /* U+201C U+201D */
    {{"\xe2\x80\x9e", 3}, {"\xe2\x80\x9c", 3}}, /* U+201E U+201C */
    {{"\xe2\x80\x9d", 3}, {"\xe2\x80\x9d", 3}},
    {{"\xe2\x80\x98", 3}, {"\xe2\x80\x99", 3}}, /* U+2018 U+2019 */
    {{"\xe2\x80\x9a", 3}, {"\xe2\x80\x98", 3}}, /* U+201A U+2018 */
    {{"\xc2\xab", 2}, {"\xc2\xbb", 2}},         /* guillemets */
};

/* What may stand before an item for no good, and what is left in its place. */
static const struct {
	struct mf_text start, instead;
} starts[] = {
    {{"https://", 8}, {"", 0}},
    {{"http://", 7}, {"", 0}},
    {{"mailto:", 7}, {"", 0}},
    {{"smtp:", 5}, {"", 0}},
    {{"dns:", 4}, {"", 0}},
    {{"*@", 2}, {"", 0}},
    {{"@", 1}, {"", 0}},
    {{"*.", 2}, {".", 1}},
    {{"..", 2}, {".", 1}},
    {{"*", 1}, {".", 1}},
    {{"^", 1}, {"", 0}},
};

static const struct mf_text ends[] = {{";", 1}, {":", 1}, {"$", 1}, {"/", 1},
    {"..", 2}, {"\"", 1}, {"'", 1}, {"\xe2\x80\x9c", 3}, {"\xe2\x80\x9d", 3}};

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

static struct mf_text
without_marks(struct mf_text t)
{
	for (size_t i = 0; i < COUNT(marks); i++)
		if (t.len > marks[i].open.len + marks[i].close.len &&
		    text_starts(t, marks[i].open) &&
		    text_ends_fold(t, marks[i].close))
			return text_head(text_from(t, marks[i].open.len),
			    t.len - marks[i].open.len - marks[i].close.len);
	for (size_t i = 0; i < COUNT(ends); i++)
		if (t.len > ends[i].len && text_ends_fold(t, ends[i]))
			return text_head(t, t.len - ends[i].len);
	return t;
}

/* A port or a path after a name, or "*" for any domain. */
static struct mf_text
without_tail(struct mf_text t)
{
	struct mf_text tail = t, head;
	uint64_t n;

	if (t.len > 2 && text_ends_fold(t, MF_TEXT("@*")))
		return text_head(t, t.len - 1);
	if (text_cut(&tail, '/', &head) && text_find(head, '.') < head.len &&
	    !text_uint(tail, 128, &n))
		return head;
	tail = t;
	if (text_cut(&tail, ':', &head) && text_uint(tail, 65535, &n) && n != 0)
		return head;
	return t;
}

/* One step towards what was meant; t itself: there is none. */
static struct mf_text
step_towards(struct mf_text t, struct text_out *room)
{
	struct mf_text stripped = without_marks(t);

	if (stripped.len != t.len)
		return stripped;
	for (size_t i = 0; i < COUNT(starts); i++) {
		/* "*" is below a domain, and nothing in a local part. */
		if (!text_starts_fold(t, starts[i].start) ||
		    (starts[i].instead.len != 0 && text_find(t, '@') < t.len))
			continue;
		out_text(room, starts[i].instead);
		out_text(room, text_from(t, starts[i].start.len));
		return room->full ? t : out_view(room);
	}
	return without_tail(t);
}

#define GUESS_SIZE 512
#define STEPS_MAX  6

/* The item without what is around it, if that can stand in its place. */
static bool
suggest(const struct item_type *type, struct mf_text item, struct text_out *out)
{
	char rooms[STEPS_MAX][GUESS_SIZE], ignored[GUESS_SIZE];
	const char *why;

	for (size_t i = 0; i < STEPS_MAX; i++) {
		struct text_out room = text_out(rooms[i], GUESS_SIZE);
		struct text_out kept = text_out(ignored, sizeof(ignored));
		struct mf_text guess = step_towards(item, &room);

		if (guess.len == 0 || mf_text_eq(guess, item))
			return false;
		item = guess;
		why = NULL;
		if (type->read(item, &kept, &why)) {
			out_str(out, "write ");
			out_text(out, item);
			return true;
		}
	}
	return false;
}

static const char *
general_fault(const struct item_type *type, struct mf_text item)
{
	if (item.p[0] == '#')
		return "a comment needs a line of its own";
	if (text_find(item, ';') < item.len)
		return "commas or blanks separate items";
	for (size_t i = 1; type->is_pattern && i < item.len; i++)
		if (text_starts(text_from(item, i), MF_TEXT(":/")))
			return "a list file is plain text, and named by its "
			       "path alone";
	return NULL;
}

bool
item_read(
    const struct item_type *type, struct mf_text item, struct text_out *out)
{
	struct text_out before = *out;
	const char *why = NULL, *general;

	if (type->read(item, out, &why))
		return true;
	*out = before;
	if (suggest(type, item, out))
		return false;
	general = general_fault(type, item);
	out_str(out, general != NULL ? general : why);
	return false;
}

/* --- domains --- */

static bool
plain_domain(struct mf_text item, struct text_out *out, const char **why)
{
	if (domain_read(item, out, why))
		return true;
	if (text_find(item, '@') < item.len)
		*why = "it is an address";
	return false;
}

static bool
whole_domain(struct mf_text item, struct text_out *out, const char **why)
{
	if (!plain_domain(item, out, why))
		return false;
	if (text_find(out_view(out), '.') == out->len)
		*why = "it has no dot";
	return *why == NULL;
}

static bool
mail_domain(struct mf_text item, struct text_out *out, const char **why)
{
	if (item.len > 1 && item.p[0] == '.') {
		out_char(out, '.');
		item = text_from(item, 1);
	}
	return plain_domain(item, out, why);
}

/* The inside of brackets; empty: t is not in brackets. */
static struct mf_text
bracketed(struct mf_text t)
{
	if (t.len < 3 || t.p[0] != '[' || t.p[t.len - 1] != ']')
		return text_head(t, 0);
	return mf_text_at(t.p + 1, t.len - 2);
}

/* [192.0.2.1] or [IPv6:2001:db8::1], as in an address (RFC 5321 4.1.3). */
static bool
is_literal(struct mf_text t)
{
	struct network ip;
	struct mf_text inside = bracketed(t);

	if (text_starts_fold(inside, MF_TEXT("IPv6:")))
		return network_read_ip(text_from(inside, 5), &ip);
	return network_read_ip(inside, &ip) && !ip.v6;
}

static bool
any_domain(struct mf_text item, struct text_out *out, const char **why)
{
	struct network ip;

	if (is_literal(item)) {
		out_text(out, item);
		return true;
	}
	if (!network_read_ip(item, &ip))
		return mail_domain(item, out, why);
	*why = "an IP address in the place of a domain is in brackets";
	return false;
}

static bool
destination(struct mf_text item, struct text_out *out, const char **why)
{
	char room[DOMAIN_MAX + 1];
	struct text_out host = text_out(room, sizeof(room));

	if (!domain_read(bracketed(item), &host, why))
		return any_domain(item, out, why);
	out_char(out, '[');
	out_text(out, out_view(&host));
	out_char(out, ']');
	return true;
}

/* --- addresses --- */

/*
 * Octets of a local part without quotes (RFC 5321 4.1.2), UTF-8 (RFC 6531)
 * among them.
 */
static bool
is_atom_char(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f &&
	    strchr("()<>[]:;@\\,\"", c) == NULL;
}

static const char *
local_fault(struct mf_text t)
{
	bool quoted = t.len > 1 && t.p[0] == '"' && t.p[t.len - 1] == '"';

	if (t.len == 0)
		return "nothing stands before the @";
	if (t.len > LOCAL_MAX)
		return "its local part is longer than 64 characters";
	for (size_t i = quoted; i < t.len - quoted; i++) {
		if (!quoted && !is_atom_char(t.p[i]))
			return "a local part with such a character is in "
			       "quotes: \"a b\"@example.com";
		if (quoted && (ascii_is_control(t.p[i]) || t.p[i] == '"'))
			return "such a character can't be in quotes";
		if (quoted && t.p[i] == '\\' && ++i == t.len - 1)
			return "its last quote is escaped";
	}
	for (size_t i = 0; i < t.len;) {
		size_t len = text_utf8_len(text_from(t, i));

		if (len == 0 && (t.p[i] & 0x80) != 0)
			return "it is not UTF-8";
		i += len != 0 ? len : 1;
	}
	if (t.p[0] == '*')
		return "there are no wildcards in addresses";
	return NULL;
}

static bool
address(struct mf_text item, struct text_out *out, const char **why)
{
	size_t at = text_rfind(item, '@');
	struct mf_text domain = text_from(item, at + 1);

	if (at == item.len)
		return any_domain(item, out, why);
	*why = local_fault(text_head(item, at));
	out_text(out, text_head(item, at + 1));
	if (*why != NULL || domain.len == 0)
		return *why == NULL;
	if (!is_literal(domain))
		return domain_read(domain, out, why);
	out_text(out, domain);
	return true;
}

/* Of ASCII letters and digits, and of these. */
static bool
is_word(struct mf_text t, const char *others)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z') &&
		    (c == '\0' || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

static bool
user(struct mf_text item, struct text_out *out, const char **why)
{
	out_text(out, item);
	if (text_find(item, '@') < item.len)
		*why = "its domain doesn't count: write what is before the @";
	else if (item.len > LOCAL_MAX)
		*why = "it is longer than 64 characters";
	else if (!is_word(item, "-_.+="))
		*why = "it has letters, digits, \"-\", \"_\", \"+\", \"=\" "
		       "and dots only";
	return *why == NULL;
}

static bool
mailer(struct mf_text item, struct text_out *out, const char **why)
{
	out_text(out, item);
	if (!is_word(item, "*-_."))
		*why = "it has letters, digits, \"*\", \"-\", \"_\" and dots "
		       "only";
	return *why == NULL;
}

/* --- hosts --- */

static bool
hosts(struct mf_text item, struct text_out *out, const char **why)
{
	struct network network;

	/* As DNS has it, where the names of clients come from. */
	if (!text_is_ascii(item))
		return mail_domain(item, out, why);
	out_text(out, item);
	if (network_read(item, &network, why))
		return true;
	/* Else it says what is wanted. */
	if (text_find(item, '/') == item.len)
		*why = NULL;
	return false;
}

static bool
ip_address(struct mf_text item, struct text_out *out, const char **why)
{
	struct network network;

	out_text(out, item);
	if (network_read_ip(item, &network))
		return true;
	if (text_find(item, '/') < item.len)
		*why = "each address is an item of its own";
	return false;
}

static bool
socket_address(struct mf_text item, struct text_out *out, const char **why)
{
	struct sockaddr_spec spec;

	out_text(out, item);
	if (sockaddr_parse(item, &spec, why))
		return true;
	/* Without a scheme it says what is wanted. */
	if (text_find(item, ':') == item.len)
		*why = NULL;
	return false;
}

/* --- the types --- */

const struct item_type item_domain = {.wanted = "a domain (example.com)",
    .read = whole_domain,
    .is_pattern = true};
const struct item_type item_mail_domains = {
    .wanted = "a domain (example.com, or .example.com for those below it)",
    .read = mail_domain,
    .is_pattern = true};
const struct item_type item_domains = {
    .wanted = "a domain (example.com, or .example.com for those below it)",
    .read = any_domain,
    .is_pattern = true};
const struct item_type item_destinations = {
    .wanted = "a domain or host (example.com, or .example.com for those "
	      "below it)",
    .read = destination,
    .is_pattern = true};
const struct item_type item_addresses = {
    .wanted = "a domain or address (example.com, .example.com, "
	      "user@example.com or user@)",
    .read = address,
    .is_pattern = true};
const struct item_type item_user = {
    .wanted = "a local part (postmaster)", .read = user, .is_pattern = true};
const struct item_type item_mailer = {
    .wanted = "a mailer (local)", .read = mailer, .is_pattern = true};
const struct item_type item_hosts = {
    .wanted = "an IP address, network (192.0.2.0/24) or host name",
    .read = hosts,
    .is_pattern = true};
const struct item_type item_ip = {
    .wanted = "an IP address (192.0.2.1)", .read = ip_address};
const struct item_type item_socket = {
    .wanted = "a socket (unix:/path, inet:PORT@HOST, inet6:PORT@HOST)",
    .read = socket_address};
