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
 * No control may stand in a path.  The exception is TAB: quoted strings of
 * RFC 5322 have it, so there are senders with it.
 */
static bool
path_char_ok(char c)
{
	return (!ascii_is_control(c) || c == '\t') && c != '<' && c != '>';
}

static bool
local_ok(struct text local, bool quoted)
{
	for (size_t i = 0; i < local.len; i++) {
		if (path_char_ok(local.p[i]))
			continue;
		/* Within quotes the angle brackets are text like any other. */
		if (!quoted || (local.p[i] != '<' && local.p[i] != '>'))
			return false;
	}
	return true;
}

/* No quote that ends the string early, and none escaped away at its end. */
static bool
quoted_content_ok(struct text content)
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
mailbox_domain_ok_(struct text t)
{
	if (t.len == 0)
		return false;
	for (size_t i = 0; i < t.len; i++)
		if (!path_char_ok(t.p[i]) || t.p[i] == '=' || t.p[i] == '"')
			return false;
	return true;
}

struct text
mailbox_domain_of_(struct text t)
{
	size_t at = text_rfind(t, '@');

	return at == t.len ? t : text_from(t, at + 1);
}

enum srs_status
mailbox_parse_(struct text address, struct mailbox_ *out)
{
	size_t at = text_rfind(address, '@');

	if (address.len > SRS_INPUT_MAX || at == address.len)
		return SRS_BAD_SYNTAX;
	out->domain = text_from(address, at + 1);
	out->local = text_head(address, at);
	out->quoted = false;
	if (at >= 2 && address.p[0] == '"' && address.p[at - 1] == '"') {
		out->local = text_at(address.p + 1, at - 2);
		out->quoted = true;
	}
	if (out->quoted && !quoted_content_ok(out->local))
		return SRS_BAD_SYNTAX;
	if (!local_ok(out->local, out->quoted) ||
	    !mailbox_domain_ok_(out->domain))
		return SRS_BAD_SYNTAX;
	return SRS_OK;
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
    struct text domain)
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
