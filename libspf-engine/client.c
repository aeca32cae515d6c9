/* SPDX-License-Identifier: ISC */
/*
 * A request as text for libspf2: what spf_evaluate() makes of it (RFC 7208 2.4,
 * 4.1, 4.3), in C strings.
 */
#include "libspf-engine/client.h"

#include "common/text.h"
#include "libspf-engine/opinion.h"

bool
client_text_(struct mf_text text, char out[static CLIENT_TEXT_SIZE])
{
	text = text_head(text, CLIENT_TEXT_SIZE - 1);
	if (text.len != 0)
		memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return text_find(text, '\0') == text.len;
}

bool
client_sender_(const struct spf_request *request,
    char out[static CLIENT_SENDER_SIZE], char domain[static SPF_NAME_SIZE])
{
	struct text_out o = text_out(out, CLIENT_SENDER_SIZE - 1);
	struct mf_text local = MF_TEXT("postmaster"), name = request->helo;
	size_t len = 0;

	if (request->identity == SPF_MAILFROM && request->sender.len != 0) {
		struct mf_text sender = request->sender;
		size_t at = text_rfind(sender, '@');

		name = at == sender.len ? sender : text_from(sender, at + 1);
		if (at != 0 && at != sender.len)
			local = text_head(sender, at);
	}
	if (!spf_name_to_ascii(name, domain, &len))
		return false;
	if (len != 0)
		name = mf_text_at(domain, len);
	else
		opinion_put_text_(domain, SPF_NAME_SIZE, name);
	out_text(&o, text_head(local, SPF_SENDER_MAX));
	out_char(&o, '@');
	out_text(&o, name);
	out[o.len] = '\0';
	return !o.full && text_find(out_view(&o), '\0') == o.len;
}

bool
client_name_(
    const char *domain, char room[static SPF_NAME_SIZE], struct mf_text *name)
{
	struct mf_text t = mf_text_of(domain);

	if (t.len != 0 && t.p[t.len - 1] == '.')
		t.len--;
	if (!spf_name_ok(t))
		return false;
	memcpy(room, t.p, t.len);
	ascii_lower_all(room, t.len);
	*name = mf_text_at(room, t.len);
	return true;
}

bool
client_delegated_(const struct spf_request *request, const char *domain,
    char room[static SPF_NAME_SIZE], struct mf_text *name)
{
	struct text_out out = text_out(room, SPF_NAME_MAX);

	out_str(&out, domain);
	out_str(&out, "._spf.");
	out_text(&out, request->delegate);
	*name = out_view(&out);
	ascii_lower_all(room, out.len);
	return !out.full && spf_name_ok(*name);
}
