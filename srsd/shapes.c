/* SPDX-License-Identifier: ISC */
#include "srsd/shapes.h"

#define DELIMITER '\x9b' /* what $| is in a map's key */

static bool
host_ok(struct text host)
{
	for (size_t i = 0; i < host.len; i++)
		if (host.p[i] <= ' ' && host.p[i] >= 0)
			return false;
	return text_find(host, '@') == host.len &&
	    text_find(host, '<') == host.len;
}

struct make_srs_key
shapes_make_srs_key(struct text key)
{
	struct make_srs_key out = {.host = {key.p, 0}, .address = key};
	size_t at = 0;

	while (at < key.len && key.p[at] != DELIMITER) {
		size_t len = text_utf8_len(text_from(key, at));

		at += len != 0 ? len : 1;
	}
	if (at >= key.len || !host_ok(text_head(key, at)))
		return out;
	out.host = text_head(key, at);
	if (out.host.len != 0 && out.host.p[at - 1] == '.')
		out.host.len--;
	out.address = text_from(key, at + 1);
	return out;
}

void
shapes_to_plain(struct text address, struct text_out *out)
{
	struct text local, domain;

	/* The last "<@": a quoted local part may hold anything. */
	size_t at = address.len;
	while (at > 0 && !text_starts(text_from(address, at - 1), TEXT("<@")))
		at--;
	if (at == 0 || address.p[address.len - 1] != '>') {
		out_text(out, address);
		return;
	}
	local = text_head(address, at - 1);
	domain = text_from(address, at + 1);
	domain.len--;
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	out_text(out, local);
	if (domain.len == 0)
		return;
	out_char(out, '@');
	out_text(out, domain);
}

void
shapes_from_plain(struct text address, struct text_out *out)
{
	size_t at = text_rfind(address, '@');

	out_text(out, text_head(address, at));
	out_text(out, TEXT("<@"));
	out_text(out, text_from(address, at + 1));
	out_text(out, TEXT(".>"));
}
