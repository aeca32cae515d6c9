/* SPDX-License-Identifier: ISC */
/*
 * Addresses of RFC 5321 4.1.2, read leniently and written as they must be.
 *
 * Senders come from the wire, where more is about than the grammar allows, and
 * from maps whose quotes an MTA has taken off.  A local part with a blank or a
 * second "@" is signed as it is, as every other implementation signs it, and
 * written in quotes.  Refused is what could not come back, or could break out
 * of the path it is put in.
 */
#include "libsrs/mailbox_.h"

/*
 * Where an octet must not stand.  Controls can't stand in a path at all; the
 * exception is TAB, which quoted strings of RFC 5322 have, so there are senders
 * with it.  Angle brackets would end the path early unless they are quoted, and
 * a quote or backslash without quotes has lost its escape.  A domain ends where
 * "=" is, once it stands in a local part; it is a name or an address literal.
 * Octets above 0x7f may stand anywhere.
 */
enum {
	NOT_IN_QUOTES = 1,
	NOT_IN_LOCAL = 2,
	NOT_IN_DOMAIN = 4,
	NOT_BARE = 8, /* in a local part it takes quotes */
	A = NOT_IN_QUOTES | NOT_IN_LOCAL | NOT_IN_DOMAIN,
	B = NOT_IN_LOCAL | NOT_IN_DOMAIN,
	D = NOT_IN_DOMAIN,
	S = NOT_IN_DOMAIN | NOT_BARE, /* specials of RFC 5322 3.2.3 */
	L = NOT_BARE                  /* of those, what literals have */
};

static const uint8_t forbidden[256] = {A, A, A, A, A, A, A, A, A, S, A, A, A, A,
    A, A,                                           /* TAB */
    A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* controls */
    S, 0, D, 0, 0, 0, 0, 0, S, S, 0, 0, S, 0, 0, 0, /* blank " ( ) , */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, L, S, B, D, B, 0, /* : ; < = > */
    ['@'] = S, ['['] = L, ['\\'] = D, [']'] = L, [0x7f] = A};

static bool
has_forbidden(struct mf_text t, uint8_t where)
{
	uint8_t found = 0;

	for (size_t i = 0; i < t.len; i++)
		found |= forbidden[(unsigned char)t.p[i]];
	return (found & where) != 0;
}

/* No quote that ends the string early, and none escaped away at its end. */
static bool
quoted_content_ok(struct mf_text content)
{
	for (size_t i = 0; i < content.len; i++) {
		if (content.p[i] == '"')
			return false;
		if (content.p[i] == '\\' && ++i == content.len)
			return false;
	}
	return true;
}

/* Or a backslash. */
static bool
has_quote(struct mf_text t)
{
	return text_find(t, '"') < t.len || text_find(t, '\\') < t.len;
}

static bool
is_utf8(struct mf_text t)
{
	while (t.len != 0) {
		size_t len = text_utf8_len(t);

		if (len == 0 && (t.p[0] & 0x80) != 0)
			return false;
		t = text_from(t, len != 0 ? len : 1);
	}
	return true;
}

/* In brackets, and with no others inside. */
static bool
is_literal(struct mf_text t)
{
	return t.len > 2 && t.p[0] == '[' && text_rfind(t, '[') == 0 &&
	    text_find(t, ']') == t.len - 1;
}

static bool
has_empty_label(struct mf_text t)
{
	char before = '.';

	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] == '.' && before == '.')
			return true;
		before = t.p[i];
	}
	return false;
}

bool
mailbox_domain_ok_(struct mf_text t)
{
	return t.len != 0 && !has_forbidden(t, NOT_IN_DOMAIN) &&
	    (is_literal(t) ||
		(!has_forbidden(t, NOT_BARE) && !has_empty_label(t)));
}

/*
 * An address literal between "=" is the host of an SRS address, which every
 * implementation writes so.
 */
bool
mailbox_needs_quotes_(struct mf_text t)
{
	char before = '.';

	if (has_quote(t))
		return false;
	for (size_t i = 0; i < t.len; i++) {
		struct mf_text rest = text_from(t, i);
		size_t close = text_find(rest, ']');

		if (before == '=' && rest.p[0] == '[' && close + 1 < rest.len &&
		    rest.p[close + 1] == '=')
			i += close;
		else if ((forbidden[(unsigned char)t.p[i]] & NOT_BARE) != 0 ||
		    (t.p[i] == '.' && before == '.'))
			return true;
		before = t.p[i];
	}
	return t.len != 0 && before == '.';
}

struct mf_text
mailbox_domain_of_(struct mf_text t)
{
	return text_find(t, '@') == t.len
	    ? t
	    : text_from(t, text_rfind(t, '@') + 1);
}

enum srs_status
mailbox_parse_(struct mf_text address, struct mailbox_ *out)
{
	size_t at = text_rfind(address, '@') + 1;

	out->domain = text_from(address, at);
	if (address.len > SRS_INPUT_MAX || !mailbox_domain_ok_(out->domain))
		return SRS_BAD_SYNTAX;
	out->local = text_head(address, at - 1);
	out->quoted = out->local.len >= 2 && out->local.p[0] == '"' &&
	    out->local.p[out->local.len - 1] == '"';
	if (!out->quoted) {
		out->quoted = mailbox_needs_quotes_(out->local);
		return has_forbidden(out->local, NOT_IN_LOCAL) ? SRS_BAD_SYNTAX
							       : SRS_OK;
	}
	out->local = mf_text_at(out->local.p + 1, out->local.len - 2);
	return has_forbidden(out->local, NOT_IN_QUOTES) ||
		!quoted_content_ok(out->local)
	    ? SRS_BAD_SYNTAX
	    : SRS_OK;
}

enum srs_status
mailbox_parse_sender_(struct mf_text address, struct mailbox_ *out)
{
	enum srs_status status = mailbox_parse_(address, out);

	if (status != SRS_OK)
		return status;
	if (out->local.len != 0 && !mailbox_was_quoted_(out, address) &&
	    (has_quote(out->local) || address.p[0] == '@'))
		return SRS_BAD_SYNTAX;
	return is_utf8(address) ? SRS_OK : SRS_BAD_SYNTAX;
}

struct text_out
mailbox_begin_(struct srs_addr *addr, bool quoted)
{
	struct text_out out = text_out(addr->text, SRS_ADDR_MAX);

	if (quoted)
		out_char(&out, '"');
	return out;
}

/* No quote or backslash, or a quoted string that ends where it seems to. */
static bool
local_ok(struct mf_text t)
{
	return !has_quote(t) ||
	    (t.len >= 2 && t.p[0] == '"' && t.p[t.len - 1] == '"' &&
		quoted_content_ok(mf_text_at(t.p + 1, t.len - 2)));
}

enum srs_status
mailbox_end_(struct srs_addr *addr, struct text_out *out, bool quoted,
    struct mf_text domain)
{
	if (quoted)
		out_char(out, '"');
	size_t local_len = out->len;
	out_char(out, '@');
	out_text(out, domain);
	if (!local_ok(text_head(out_view(out), local_len))) {
		addr->len = 0;
		addr->text[0] = '\0';
		return SRS_BAD_SYNTAX;
	}
	if (out->full || local_len > SRS_LOCAL_MAX) {
		addr->len = 0;
		addr->text[0] = '\0';
		return SRS_NO_SPACE;
	}
	addr->len = out->len;
	addr->text[out->len] = '\0';
	return SRS_OK;
}
