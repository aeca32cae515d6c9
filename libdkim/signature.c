/* SPDX-License-Identifier: ISC */
/*
 * The tags of a DKIM-Signature field (RFC 6376 3.5, 6.1.1).
 */
#include "libdkim/dkim_.h"

/* x= and t= are 1*12DIGIT. */
#define TIME_DIGITS   12
#define LENGTH_DIGITS 76

void
signature_close_(struct signature_ *s, enum dkim_reason reason)
{
	s->open = false;
	s->public.reason = reason;
	s->public.result = dkim_reason_result(reason);
}

/* value in lower case, as a string; cut to size. */
static void
copy_lower(struct mf_text value, char *out, size_t size)
{
	size_t len = value.len < size - 1 ? value.len : size - 1;

	if (len != 0)
		memcpy(out, value.p, len);
	ascii_lower_all(out, len);
	out[len] = '\0';
}

static enum dkim_reason
take_algorithm(struct signature_ *s, struct mf_text a)
{
	static const enum dkim_algorithm known[] = {
	    DKIM_RSA_SHA1, DKIM_RSA_SHA256, DKIM_ED25519_SHA256};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (mf_text_eq(a, mf_text_of(dkim_algorithm_text(known[i]))))
			s->public.algorithm = known[i];
	if (s->public.algorithm == DKIM_UNKNOWN_ALGORITHM)
		return DKIM_REASON_ALGORITHM;
	/* What it signs isn't known by SHA-256; nor does anybody need it. */
	return s->public.algorithm == DKIM_RSA_SHA1 ? DKIM_REASON_SHA1
						    : DKIM_REASON_VERIFIED;
}

static bool
take_canon_part(struct mf_text word, bool *relaxed)
{
	*relaxed = mf_text_eq(word, MF_TEXT("relaxed"));
	return *relaxed || mf_text_eq(word, MF_TEXT("simple"));
}

static bool
take_canon(struct signature_ *s, const struct tag_ *c)
{
	struct mf_text body, head;

	if (c == NULL)
		return true;
	body = c->value;
	if (!text_cut(&body, '/', &head))
		return take_canon_part(c->value, &s->public.relaxed_header);
	return take_canon_part(head, &s->public.relaxed_header) &&
	    take_canon_part(body, &s->public.relaxed_body);
}

/* The characters of b= that are told of it. */
static void
take_mark(struct signature_ *s, struct mf_text b)
{
	size_t len = 0;

	for (size_t i = 0; i < b.len && len < DKIM_MARK_MAX; i++)
		if ((unsigned char)b.p[i] > ' ')
			s->public.mark[len++] = b.p[i];
}

static bool
take_hashes(struct signature_ *s, struct mf_text b, struct mf_text bh)
{
	size_t len;

	return base64_decode_(
		   b, s->octets, sizeof(s->octets), &s->octets_len) &&
	    s->octets_len != 0 &&
	    base64_decode_(bh, s->body_hash, sizeof(s->body_hash), &len) &&
	    len == sizeof(s->body_hash);
}

/* --- i= --- */

static int
hex_of(char c)
{
	return ascii_is_digit(c)   ? c - '0'
	    : c >= 'A' && c <= 'F' ? c - 'A' + 10
				   : -1;
}

/* DKIM-Quoted-Printable (RFC 6376 2.11), of which NUL is nobody's name. */
static bool
decode_identity(struct mf_text text, struct text_out *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		int high = 0, low = 0;

		if (ascii_is_blank(c) || c == '\r' || c == '\n')
			continue;
		if (c == '=' && i + 2 < text.len) {
			high = hex_of(text.p[i + 1]);
			low = hex_of(text.p[i + 2]);
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '=')
			return false;
		if (high < 0 || low < 0 || c == '\0')
			return false;
		out_char(out, c);
	}
	return !out->full;
}

static bool
take_identity(struct signature_ *s, const struct tag_ *i, struct mf_text d)
{
	struct text_out out = text_out(s->public.identity, DKIM_IDENTITY_MAX);
	size_t at;

	if (i == NULL) {
		out_char(&out, '@');
		out_text(&out, d);
		return true;
	}
	if (!decode_identity(i->value, &out)) {
		s->public.identity[0] = '\0';
		return false;
	}
	at = text_rfind(out_view(&out), '@');
	struct mf_text domain = text_from(out_view(&out), at + 1);
	return at != out.len && name_ok_(domain) &&
	    dkim_domain_covers(d, domain);
}

/* --- h=, q=, l=, t=, x= --- */

static bool
is_field_name(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.p[i] <= ' ' || (unsigned char)t.p[i] > '~')
			return false;
	return t.len != 0;
}

static enum dkim_reason
take_headers(struct signature_ *s, struct mf_text h)
{
	enum dkim_reason reason = DKIM_REASON_FROM;
	struct mf_text name;
	size_t count = 0;

	s->headers = h;
	while (tags_item_(&h, &name)) {
		if (!is_field_name(name))
			return DKIM_REASON_HEADERS;
		if (++count > DKIM_NAMES_MAX)
			return DKIM_REASON_TOO_LARGE;
		if (text_eq_fold(name, MF_TEXT("from")))
			reason = DKIM_REASON_VERIFIED;
	}
	return reason;
}

/* Methods that aren't known are passed over. */
static bool
has_query(const struct tag_ *q)
{
	struct mf_text list, method;

	if (q == NULL)
		return true;
	list = q->value;
	while (tags_item_(&list, &method))
		if (mf_text_eq(method, MF_TEXT("dns/txt")))
			return true;
	return false;
}

/* More than any body has where the digits don't fit. */
static bool
take_length(struct signature_ *s, const struct tag_ *l)
{
	s->public.has_length = l != NULL;
	if (l == NULL)
		return true;
	if (l->value.len == 0 || l->value.len > LENGTH_DIGITS)
		return false;
	for (size_t i = 0; i < l->value.len; i++)
		if (!ascii_is_digit(l->value.p[i]))
			return false;
	if (!text_uint(l->value, UINT64_MAX - 1, &s->public.length))
		s->public.length = UINT64_MAX - 1;
	return true;
}

static bool
take_time(const struct tag_ *tag, uint64_t *out)
{
	return tag == NULL ||
	    (tag->value.len <= TIME_DIGITS &&
		text_uint(tag->value, UINT64_MAX, out));
}

static bool
take_times(struct signature_ *s, const struct tag_ *t, const struct tag_ *x)
{
	s->has_expiry = x != NULL;
	return take_time(t, &s->public.signed_sec) &&
	    take_time(x, &s->public.expires_sec) &&
	    (t == NULL || x == NULL ||
		s->public.expires_sec > s->public.signed_sec);
}

/* --- all of them --- */

/* What is reported of a signature, whatever else is wrong with it. */
static void
take_names(struct signature_ *s, const struct tag_list_ *list)
{
	const struct tag_ *d = tags_find_(list, "d");
	const struct tag_ *selector = tags_find_(list, "s");
	const struct tag_ *b = tags_find_(list, "b");

	if (d != NULL && name_ok_(d->value))
		copy_lower(d->value, s->public.domain, DKIM_NAME_SIZE);
	if (selector != NULL && name_ok_(selector->value))
		copy_lower(selector->value, s->public.selector, DKIM_NAME_SIZE);
	if (b != NULL)
		take_mark(s, b->value);
}

static bool
has_all(const struct tag_list_ *list)
{
	static const char *const needed[] = {
	    "v", "a", "b", "bh", "d", "h", "s"};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (tags_find_(list, needed[i]) == NULL)
			return false;
	return true;
}

static bool
make_question(struct signature_ *s)
{
	struct text_out out = text_out(s->question, DKIM_NAME_MAX);

	out_str(&out, s->public.selector);
	out_str(&out, "._domainkey.");
	out_str(&out, s->public.domain);
	s->question_len = out.len;
	return !out.full;
}

/* In the order in which a reader would look at them. */
static enum dkim_reason
take_tags(struct signature_ *s, const struct tag_list_ *list, uint64_t now_sec)
{
	struct mf_text d = mf_text_of(s->public.domain);
	enum dkim_reason reason;

	if (!mf_text_eq(tags_find_(list, "v")->value, MF_TEXT("1")))
		return DKIM_REASON_VERSION;
	reason = take_algorithm(s, tags_find_(list, "a")->value);
	if (reason == DKIM_REASON_ALGORITHM)
		return reason;
	if (d.len == 0)
		return DKIM_REASON_DOMAIN;
	if (s->public.selector[0] == '\0' || !make_question(s))
		return DKIM_REASON_SELECTOR;
	if (!take_canon(s, tags_find_(list, "c")))
		return DKIM_REASON_CANON;
	if (!take_identity(s, tags_find_(list, "i"), d))
		return DKIM_REASON_IDENTITY;
	if (!take_length(s, tags_find_(list, "l")))
		return DKIM_REASON_LENGTH;
	if (!has_query(tags_find_(list, "q")))
		return DKIM_REASON_QUERY;
	if (!take_times(s, tags_find_(list, "t"), tags_find_(list, "x")))
		return DKIM_REASON_TIMES;
	if (reason != DKIM_REASON_VERIFIED)
		return reason;
	if (!take_hashes(
		s, tags_find_(list, "b")->value, tags_find_(list, "bh")->value))
		return DKIM_REASON_BASE64;
	reason = take_headers(s, tags_find_(list, "h")->value);
	if (reason == DKIM_REASON_VERIFIED && s->has_expiry &&
	    s->public.expires_sec < now_sec)
		return DKIM_REASON_EXPIRED;
	return reason;
}

void
signature_parse_(struct signature_ *s, struct mf_text value, uint64_t now_sec)
{
	struct tag_list_ list;
	enum tags_status_ status;
	enum dkim_reason reason;

	if (value.len > DKIM_FIELD_MAX) {
		signature_close_(s, DKIM_REASON_TOO_LARGE);
		return;
	}
	status = tags_parse_(value, &list);
	take_names(s, &list);
	if (status != TAGS_OK_)
		reason = status == TAGS_TWICE_ ? DKIM_REASON_TAG_TWICE
					       : DKIM_REASON_TAGS;
	else if (!has_all(&list))
		reason = DKIM_REASON_TAG_MISSING;
	else {
		s->b_raw = tags_find_(&list, "b")->raw;
		reason = take_tags(s, &list, now_sec);
	}
	signature_close_(s,
	    reason == DKIM_REASON_VERIFIED ? DKIM_REASON_KEY_UNKNOWN : reason);
	s->open = reason == DKIM_REASON_VERIFIED;
}
