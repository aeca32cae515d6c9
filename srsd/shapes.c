/* SPDX-License-Identifier: ISC */
#include "srsd/shapes.h"

#define DELIMITER '\x9b' /* what $| is in a map's key */

static bool
host_ok(struct mf_text host)
{
	for (size_t i = 0; i < host.len; i++)
		if (host.p[i] <= ' ' && host.p[i] >= 0)
			return false;
	return text_find(host, '@') == host.len &&
	    text_find(host, '<') == host.len;
}

struct make_srs_key
shapes_make_srs_key(struct mf_text key)
{
	struct make_srs_key out = {.host = {key.p, 0}, .address = key};
	size_t at = 0;

	while (at < key.len && key.p[at] != DELIMITER) {
		size_t len = text_utf8_len(text_from(key, at));

		at += len != 0 ? len : 1;
	}
	if (at >= key.len || !host_ok(text_head(key, at)))
		return out;
	out.no_next_hop = at == 0;
	out.host = text_head(key, at);
	if (out.host.len != 0 && out.host.p[at - 1] == '.')
		out.host.len--;
	out.address = text_from(key, at + 1);
	return out;
}

/*
 * Octets that stand in a local part without quotes (RFC 5321 4.1.2, RFC 6531).
 * A quote or backslash would need escapes that sendmail may have undone: such
 * a local part is left alone.
 */
static bool
needs_quotes(struct mf_text local)
{
	bool special = false;

	if (local.len == 0)
		return false;
	for (size_t i = 0; i < local.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			return false;
		if (strchr("()<>[]:;@, \t", local.p[i]) != NULL)
			special = true;
	}
	return special;
}

static void
write_local(struct mf_text local, struct text_out *out)
{
	bool quotes = needs_quotes(local);

	if (quotes)
		out_char(out, '"');
	out_text(out, local);
	if (quotes)
		out_char(out, '"');
}

/* Position of the last "<@" in address, a quoted local part may hold others. */
static size_t
bracket(struct mf_text address)
{
	for (size_t at = address.len; at-- > 0;)
		if (text_starts(text_from(address, at), MF_TEXT("<@")))
			return at;
	return address.len;
}

void
shapes_to_plain(struct mf_text address, struct text_out *out)
{
	size_t at = bracket(address);
	struct mf_text domain;

	if (at == address.len || address.p[address.len - 1] != '>') {
		out_text(out, address);
		return;
	}
	domain = text_from(address, at + 2);
	domain.len--;
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	write_local(text_head(address, at), out);
	if (domain.len == 0)
		return;
	out_char(out, '@');
	out_text(out, domain);
}

/* A file, a program or a list of aliases(5), which is no address. */
static bool
is_alias_target(struct mf_text t)
{
	return t.len != 0 && strchr("|/:", t.p[0]) != NULL;
}

void
shapes_unchanged(struct mf_text address, struct text_out *out)
{
	size_t at = bracket(address);

	if (address.len == 0) {
		out_text(out, MF_TEXT("<@>"));
		return;
	}
	if (at == address.len)
		at = text_rfind(address, '@');
	if (at == address.len || is_alias_target(address)) {
		out_text(out, address);
		return;
	}
	write_local(text_head(address, at), out);
	out_text(out, text_from(address, at));
}

void
shapes_from_plain(struct mf_text address, struct text_out *out)
{
	size_t at = text_rfind(address, '@');

	out_text(out, text_head(address, at));
	out_text(out, MF_TEXT("<@"));
	out_text(out, text_from(address, at + 1));
	out_text(out, MF_TEXT(".>"));
}
