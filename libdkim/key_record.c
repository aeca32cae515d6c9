/* SPDX-License-Identifier: ISC */
/*
 * The record of a key (RFC 6376 3.6.1, 6.1.2), and whether it is one for a
 * signature.
 */
#include "libdkim/dkim_.h"

/* Whether a list of the record has word; one that isn't there has all. */
static bool
has_word(const struct tag_ *tag, const char *word)
{
	struct mf_text list, item;

	if (tag == NULL)
		return true;
	list = tag->value;
	while (tags_item_(&list, &item))
		if (mf_text_eq(item, mf_text_of(word)))
			return true;
	return false;
}

static bool
is_of_type(const struct tag_ *k, enum dkim_algorithm algorithm)
{
	struct mf_text type = k != NULL ? k->value : MF_TEXT("rsa");

	return mf_text_eq(type,
	    algorithm == DKIM_ED25519_SHA256 ? MF_TEXT("ed25519")
					     : MF_TEXT("rsa"));
}

static enum dkim_reason
take_flags(struct signature_ *s, const struct tag_ *t)
{
	struct mf_text i = mf_text_of(s->public.identity);
	struct mf_text domain = text_from(i, text_rfind(i, '@') + 1);

	if (t == NULL)
		return DKIM_REASON_VERIFIED;
	s->testing = has_word(t, "y");
	if (has_word(t, "s") &&
	    !text_eq_fold(domain, mf_text_of(s->public.domain)))
		return DKIM_REASON_KEY_STRICT;
	return DKIM_REASON_VERIFIED;
}

static bool
is_version_ok(const struct tag_list_ *list)
{
	const struct tag_ *v = tags_find_(list, "v");

	return v == NULL ||
	    (v == list->tags && mf_text_eq(v->value, MF_TEXT("DKIM1")));
}

static enum dkim_reason
take_key(struct signature_ *s, const struct tag_list_ *list)
{
	const struct tag_ *p = tags_find_(list, "p");
	const struct tag_ *service = tags_find_(list, "s");

	if (!is_version_ok(list) || p == NULL)
		return DKIM_REASON_KEY_SYNTAX;
	if (!is_of_type(tags_find_(list, "k"), s->public.algorithm))
		return DKIM_REASON_KEY_TYPE;
	if (!has_word(tags_find_(list, "h"), "sha256"))
		return DKIM_REASON_KEY_HASH;
	if (!has_word(service, "*") && !has_word(service, "email"))
		return DKIM_REASON_KEY_SERVICE;
	if (p->value.len == 0)
		return DKIM_REASON_KEY_REVOKED;
	if (!base64_decode_(p->value, s->key, sizeof(s->key), &s->key_len))
		return DKIM_REASON_KEY_DATA;
	return take_flags(s, tags_find_(list, "t"));
}

void
key_parse_(struct signature_ *s, struct mf_text record)
{
	struct tag_list_ list;
	enum dkim_reason reason = DKIM_REASON_KEY_SYNTAX;

	if (record.len <= DKIM_KEY_TEXT_MAX &&
	    tags_parse_(record, &list) == TAGS_OK_)
		reason = take_key(s, &list);
	if (reason != DKIM_REASON_VERIFIED)
		signature_close_(s, reason);
	s->answered = true;
}
