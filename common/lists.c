/* SPDX-License-Identifier: ISC */
#include "common/lists.h"

#include <stdlib.h>

#include "common/domain.h"

static int
compare(const void *a, const void *b)
{
	return text_cmp_fold(
	    *(const struct mf_text *)a, *(const struct mf_text *)b);
}

bool
list_build(struct list *out, const struct conf_list *items)
{
	*out = (struct list){.count = 0};
	if (items->count == 0)
		return true;
	out->patterns = malloc(items->count * sizeof(*out->patterns));
	if (out->patterns == NULL)
		return false;
	for (size_t i = 0; i < items->count; i++) {
		struct mf_text t = items->items[i];

		if (t.len > 1 && t.p[t.len - 1] == '.')
			t.len--;
		out->patterns[out->count++] = t;
	}
	qsort(out->patterns, out->count, sizeof(*out->patterns), compare);
	return true;
}

void
list_free(struct list *list)
{
	free(list->patterns);
	*list = (struct list){.count = 0};
}

static bool
has(const struct list *list, struct mf_text t)
{
	return list->count != 0 &&
	    bsearch(&t, list->patterns, list->count, sizeof(t), compare) !=
	    NULL;
}

bool
list_has_word(const struct list *list, struct mf_text word)
{
	return has(list, word);
}

bool
list_has_domain(const struct list *list, struct mf_text domain)
{
	char room[DOMAIN_MAX + 1];

	if (list->count == 0 || domain.len == 0)
		return false;
	domain = domain_ascii(domain, room);
	if (domain.len > 1 && domain.p[domain.len - 1] == '.')
		domain.len--;
	if (has(list, domain))
		return true;
	/* ".parent" for every parent. */
	for (size_t i = 1; i < domain.len; i++)
		if (domain.p[i] == '.' && has(list, text_from(domain, i)))
			return true;
	return false;
}

/* user+detail@domain, or user+detail@, without the detail. */
static bool
has_without_detail(const struct list *list, struct mf_text address, size_t at)
{
	size_t plus = text_find(text_head(address, at), '+');
	char short_form[512];
	struct text_out out = text_out(short_form, sizeof(short_form));

	if (plus == 0 || plus == at)
		return false;
	out_text(&out, text_head(address, plus));
	out_text(&out, text_from(address, at));
	return !out.full &&
	    (has(list, out_view(&out)) ||
		has(list, text_head(out_view(&out), plus + 1)));
}

/* The address with its domain as lists have it; in room if it has U-labels. */
static struct mf_text
as_listed(struct mf_text address, char *room, size_t size)
{
	char domain[DOMAIN_MAX + 1];
	struct text_out out = text_out(room, size);
	size_t at = text_rfind(address, '@');

	if (!text_is_ascii(text_from(address, at + 1))) {
		out_text(&out, text_head(address, at + 1));
		out_text(
		    &out, domain_ascii(text_from(address, at + 1), domain));
		if (!out.full)
			return out_view(&out);
	}
	if (address.len > 1 && address.p[address.len - 1] == '.')
		address.len--;
	return address;
}

bool
list_has_address(const struct list *list, struct mf_text address)
{
	char room[1024];

	if (list->count == 0)
		return false;
	address = as_listed(address, room, sizeof(room));
	size_t at = text_rfind(address, '@');
	if (at == address.len)
		return list_has_domain(list, address);
	return list_has_domain(list, text_from(address, at + 1)) ||
	    has(list, address) || has(list, text_head(address, at + 1)) ||
	    has_without_detail(list, address, at);
}
