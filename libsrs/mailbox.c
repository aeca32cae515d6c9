/* SPDX-License-Identifier: ISC */
/*
 * Addresses of RFC 5321 4.1.2, read leniently and written as they were found.
 *
 * Senders come from the wire, where more is about than the grammar allows: a
 * local part with a blank or a second "@" is signed as it stands, because the
 * MTA has accepted it and every other implementation signs it too.  Refused is
 * what could not come back, or could break out of the path it is put in.
 */
#include "libsrs/mailbox_.h"

/*
 * Where an octet must not stand.  Controls can't stand in a path at all; the
 * exception is TAB, which quoted strings of RFC 5322 have, so there are senders
 * with it.  Angle brackets would end the path early unless they are quoted.  A
 * domain ends where "=" is, once it stands in a local part.  Octets above 0x7f
 * may stand anywhere.
 */
enum {
	NOT_IN_QUOTES = 1,
	NOT_IN_LOCAL = 2,
	NOT_IN_DOMAIN = 4,
	NOT_IN_OURS = 8, /* domain that we write ourselves */
	A = NOT_IN_QUOTES | NOT_IN_LOCAL | NOT_IN_DOMAIN | NOT_IN_OURS,
	B = NOT_IN_LOCAL | NOT_IN_DOMAIN | NOT_IN_OURS,
	D = NOT_IN_DOMAIN | NOT_IN_OURS,
	O = NOT_IN_OURS
};

static const uint8_t forbidden[256] = {A, A, A, A, A, A, A, A, A, O, A, A, A, A,
    A, A,                                           /* TAB */
    A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, /* controls */
    O, 0, D, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* blank, quote */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, B, D, B, 0, /* < = > */
    ['@'] = D, [0x7f] = A};

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

bool
mailbox_domain_ok_(struct mf_text t)
{
	return t.len != 0 && !has_forbidden(t, NOT_IN_DOMAIN);
}

bool
mailbox_own_domain_ok_(struct mf_text t)
{
	return t.len != 0 && !has_forbidden(t, NOT_IN_OURS);
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
	size_t at = address.len;
	uint8_t in_domain = 0;

	if (address.len > SRS_INPUT_MAX)
		return SRS_BAD_SYNTAX;
	/* Back to the last "@", looking at the domain on the way. */
	for (; at > 0 && address.p[at - 1] != '@'; at--)
		in_domain |= forbidden[(unsigned char)address.p[at - 1]];
	if (at == 0 || at == address.len || (in_domain & NOT_IN_DOMAIN) != 0)
		return SRS_BAD_SYNTAX;
	out->domain = text_from(address, at);
	out->local = text_head(address, at - 1);
	out->quoted = out->local.len >= 2 && out->local.p[0] == '"' &&
	    out->local.p[out->local.len - 1] == '"';
	if (!out->quoted)
		return has_forbidden(out->local, NOT_IN_LOCAL) ? SRS_BAD_SYNTAX
							       : SRS_OK;
	out->local = mf_text_at(out->local.p + 1, out->local.len - 2);
	return has_forbidden(out->local, NOT_IN_QUOTES) ||
		!quoted_content_ok(out->local)
	    ? SRS_BAD_SYNTAX
	    : SRS_OK;
}

struct text_out
mailbox_begin_(struct srs_addr *addr, bool quoted)
{
	struct text_out out = text_out(addr->text, SRS_ADDR_MAX);

	if (quoted)
		out_char(&out, '"');
	return out;
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
	if (out->full || local_len > SRS_LOCAL_MAX) {
		addr->len = 0;
		addr->text[0] = '\0';
		return SRS_NO_SPACE;
	}
	addr->len = out->len;
	addr->text[out->len] = '\0';
	return SRS_OK;
}
