/* SPDX-License-Identifier: ISC */
/*
 * Every text here is somebody else's.  Whatever is in it, it ends up inside a
 * quoted string, a comment or a dot-atom that holds nothing else, and a field
 * never has a line end but those that fold it.
 */
#include <mailfrom/spf_header.h>

#include "common/text.h"

/*
 * Octets of one value; more isn't worth a header.  Only a problem is whole, as
 * it ends in its cause.
 */
#define VALUE_MAX 320

/* --- quoting --- */

/* atext of RFC 5322 3.2.3. */
static bool
is_atext(char c)
{
	switch (c) {
	case '(':
	case ')':
	case '<':
	case '>':
	case '[':
	case ']':
	case ':':
	case ';':
	case '@':
	case '\\':
	case ',':
	case '.':
	case '"':
		return false;
	default:
		return c > ' ' && c < 0x7f;
	}
}

/* dot-atom-text: atoms between single dots. */
static bool
is_dot_atom(struct mf_text t)
{
	bool in_atom = false;

	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] != '.' && !is_atext(t.p[i]))
			return false;
		if (t.p[i] == '.' && !in_atom)
			return false;
		in_atom = t.p[i] != '.';
	}
	return in_atom;
}

static bool
needs_no_escape(struct mf_text t, const char *special)
{
	for (; *special != '\0'; special++)
		if (text_find(t, *special) != t.len)
			return false;
	return text_is_printable(t);
}

/* Text within quotes or a comment; `special` is what needs a backslash. */
static void
out_escaped(struct text_out *out, struct mf_text t, const char *special)
{
	if (needs_no_escape(t, special)) {
		out_text(out, t);
		return;
	}
	while (t.len != 0) {
		size_t len = text_utf8_len(t);

		if (len == 0) {
			len = 1;
			if (t.p[0] != '\0' && strchr(special, t.p[0]) != NULL)
				out_char(out, '\\');
			out_char(out,
			    ascii_is_control(t.p[0]) ||
				    (unsigned char)t.p[0] >= 0x80
				? '?'
				: t.p[0]);
		} else
			out_text(out, text_head(t, len));
		t = text_from(t, len);
	}
}

static void
out_quoted(struct text_out *out, struct mf_text t)
{
	out_char(out, '"');
	out_escaped(out, t, "\"\\");
	out_char(out, '"');
}

static void
out_value(struct text_out *out, struct mf_text t)
{
	if (t.len <= VALUE_MAX && is_dot_atom(t))
		out_text(out, t);
	else
		out_quoted(out, text_head(t, VALUE_MAX));
}

static size_t
end(struct text_out *out)
{
	/* The parts are bounded, so that it never comes to this. */
	if (out->full)
		out->len = 0;
	out->p[out->len] = '\0';
	return out->len;
}

/* --- what is said --- */

static bool
is_helo(const struct spf_request *q)
{
	return q->identity == SPF_HELO || q->sender.len == 0;
}

static struct mf_text
address(const struct spf_request *q, char room[static SPF_IP_SIZE])
{
	return mf_text_at(room, spf_ip_print(&q->ip, room));
}

/* One sentence for people, as a comment. */
static void
out_comment(struct text_out *out, const struct spf_request *q,
    const struct spf_verdict *v, struct mf_text authority)
{
	static const char *const claims[] = {
	    [SPF_NONE] = " has no SPF record",
	    [SPF_NEUTRAL] = " neither permits nor denies ",
	    [SPF_PASS] = " permits ",
	    [SPF_FAIL] = " does not permit ",
	    [SPF_SOFTFAIL] = " probably does not permit ",
	    [SPF_TEMPERROR] = " could not be checked",
	    [SPF_PERMERROR] = " has an SPF record with an error",
	};
	char room[SPF_IP_SIZE];

	out_char(out, '(');
	if (authority.len != 0) {
		out_escaped(out, text_head(authority, VALUE_MAX), "()\\");
		out_str(out, ": ");
	}
	out_escaped(out,
	    v->domain[0] != '\0' ? mf_text_of(v->domain)
				 : MF_TEXT("an empty domain"),
	    "()\\");
	out_str(out, claims[v->result]);
	if (v->result == SPF_NEUTRAL || v->result == SPF_PASS ||
	    v->result == SPF_FAIL || v->result == SPF_SOFTFAIL)
		out_text(out, address(q, room));
	if (v->guessed)
		out_str(out, ", by best guess");
	out_char(out, ')');
}

static void
out_pair(struct text_out *out, const char *before, const char *key,
    struct mf_text value)
{
	out_str(out, before);
	out_str(out, key);
	out_char(out, '=');
	out_value(out, value);
}

size_t
spf_header_received(const struct spf_request *q, const struct spf_verdict *v,
    struct mf_text authority, char out_room[static SPF_HEADER_SIZE])
{
	struct text_out out = text_out(out_room, SPF_HEADER_SIZE - 1);
	const char *before = "\n\t";
	char room[SPF_IP_SIZE];

	out_str(&out, spf_result_text(v->result));
	out_char(&out, ' ');
	out_comment(&out, q, v, authority);
	if (!q->ip_unknown) {
		out_pair(&out, before, "client-ip", address(q, room));
		before = ";\n\t";
	}
	out_pair(&out, before, "envelope-from", q->sender);
	out_pair(&out, ";\n\t", "helo", q->helo);
	if (authority.len != 0)
		out_pair(&out, ";\n\t", "receiver", authority);
	out_pair(&out, ";\n\t", "identity",
	    q->identity == SPF_HELO ? MF_TEXT("helo") : MF_TEXT("mailfrom"));
	if (v->mechanism[0] != '\0')
		out_pair(&out, ";\n\t", "mechanism", mf_text_of(v->mechanism));
	if (v->problem[0] != '\0') {
		out_str(&out, ";\n\tproblem=");
		out_quoted(&out, mf_text_of(v->problem));
	}
	return end(&out);
}

/* --- Authentication-Results --- */

/*
 * A domain-name (RFC 6376 3.5: at least two labels), or a token that looks like
 * one.  "_" isn't for domain-names but for tokens.
 */
static bool
is_name(struct mf_text t, bool token)
{
	char before = '.';

	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);
		bool last = i + 1 == t.len || t.p[i + 1] == '.';

		if (c == '-' && !token && (before == '.' || last))
			return false;
		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' &&
		    c != '.' && !(c == '_' && token))
			return false;
		before = c;
	}
	return is_dot_atom(t) && (token || text_find(t, '.') != t.len);
}

/* local-part "@" domain-name; or a token. */
static bool
is_plain_value(struct mf_text t)
{
	size_t at = text_find(t, '@');

	if (t.len > VALUE_MAX)
		return false;
	if (at == t.len)
		return is_name(t, true);
	return is_dot_atom(text_head(t, at)) &&
	    is_name(text_from(t, at + 1), false);
}

size_t
spf_header_authentication(const struct spf_request *q,
    const struct spf_verdict *v, char out_room[static SPF_HEADER_SIZE])
{
	struct text_out out = text_out(out_room, SPF_HEADER_SIZE - 1);
	struct mf_text value = is_helo(q) ? q->helo : q->sender;

	out_str(&out, "spf=");
	out_str(&out, spf_result_text(v->result));
	out_char(&out, ' ');
	out_comment(&out, q, v, MF_TEXT(""));
	if (v->problem[0] != '\0') {
		out_str(&out, "\n\treason=");
		out_quoted(&out, mf_text_of(v->problem));
	}
	out_str(&out, is_helo(q) ? "\n\tsmtp.helo=" : "\n\tsmtp.mailfrom=");
	if (is_plain_value(value))
		out_text(&out, value);
	else
		out_quoted(&out, text_head(value, VALUE_MAX));
	return end(&out);
}
