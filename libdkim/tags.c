/* SPDX-License-Identifier: ISC */
/*
 * Tag lists (RFC 6376 3.2), of signatures and of keys, and what is in them:
 *
 *	tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 *	tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 *
 * What the grammar doesn't have isn't guessed at: two readers that guess
 * differently verify different signatures.
 */
#include "libdkim/dkim_.h"

static bool
is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool
is_tag_name(struct mf_text t)
{
	if (t.len == 0 || !is_letter(t.p[0]))
		return false;
	for (size_t i = 1; i < t.len; i++)
		if (!is_letter(t.p[i]) && !ascii_is_digit(t.p[i]) &&
		    t.p[i] != '_')
			return false;
	return true;
}

/* Printable octets, those of UTF-8 (RFC 8616) and folding, but no other CR. */
static bool
is_clean(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = t.p[i];

		if (c == '\r' && i + 2 < t.len && t.p[i + 1] == '\n' &&
		    ascii_is_blank(t.p[i + 2]))
			i += 2;
		else if (ascii_is_control(c) && c != '\t')
			return false;
	}
	return true;
}

const struct tag_ *
tags_find_(const struct tag_list_ *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (mf_text_eq(list->tags[i].name, mf_text_of(name)))
			return &list->tags[i];
	return NULL;
}

static enum tags_status_
add(struct tag_list_ *list, struct mf_text spec)
{
	struct tag_ *tag = &list->tags[list->count];
	struct mf_text name;

	if (list->count == DKIM_TAGS_MAX || !text_cut(&spec, '=', &name))
		return TAGS_MALFORMED_;
	*tag = (struct tag_){text_trim(name), text_trim(spec), spec};
	if (!is_tag_name(tag->name))
		return TAGS_MALFORMED_;
	for (size_t i = 0; i < list->count; i++)
		if (mf_text_eq(list->tags[i].name, tag->name))
			return TAGS_TWICE_;
	list->count++;
	return TAGS_OK_;
}

enum tags_status_
tags_parse_(struct mf_text text, struct tag_list_ *out)
{
	enum tags_status_ status = TAGS_OK_;
	struct mf_text spec;
	bool more = true;

	out->count = 0;
	if (!is_clean(text))
		return TAGS_MALFORMED_;
	while (more && status == TAGS_OK_) {
		more = text_cut(&text, ';', &spec);
		if (!more)
			spec = text;
		/* Only behind the last ";" may be nothing. */
		if (!more && text_trim(spec).len == 0 && out->count != 0)
			break;
		status = add(out, spec);
	}
	return status;
}

bool
tags_item_(struct mf_text *list, struct mf_text *item)
{
	if (list->p == NULL)
		return false;
	if (!text_cut(list, ':', item)) {
		*item = *list;
		*list = (struct mf_text){NULL, 0};
	}
	*item = text_trim(*item);
	return true;
}

/* --- base64 --- */

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool
is_space(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

bool
base64_decode_(struct mf_text text, uint8_t *out, size_t size, size_t *len)
{
	uint32_t group = 0;
	size_t digits = 0, padding = 0;

	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = digit_of(text.p[i]);

		if (is_space(text.p[i]))
			continue;
		if (text.p[i] == '=' && padding < 2 && digits % 4 >= 2 &&
		    digits % 4 + padding < 4) {
			padding++;
			continue;
		}
		if (digit < 0 || padding != 0)
			return false;
		group = group << 6 | (uint32_t)digit;
		if (digits++ % 4 == 0)
			continue;
		if (*len == size)
			return false;
		out[(*len)++] =
		    (uint8_t)(group >> (6 - 2 * ((digits - 1) % 4)));
	}
	return (digits + padding) % 4 == 0;
}
