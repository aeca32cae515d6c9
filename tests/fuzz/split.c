/* SPDX-License-Identifier: ISC */
/*
 * common/split.h, common/items.h: lists of any bytes, and their items as each
 * type reads them.  What a type has written it reads again, and writes the same.
 */
#include "common/split.h"
#include "common/items.h"
#include "tests/fuzz/fuzz.h"

static const struct item_type *const types[] = {&item_domain, &item_domains,
    &item_mail_domains, &item_destinations, &item_addresses, &item_user,
    &item_mailer, &item_hosts, &item_ip, &item_socket};

static void
read_item(const struct item_type *type, struct mf_text item)
{
	char room[1024], again[1024];
	struct text_out out = text_out(room, sizeof(room));
	struct text_out same = text_out(again, sizeof(again));

	if (!item_read(type, item, &out) || out.full)
		return;
	FUZZ_CHECK(item_read(type, out_view(&out), &same));
	FUZZ_CHECK(text_eq_fold(out_view(&out), out_view(&same)));
}

/* Items are in order, apart, and none of them empty. */
static void
split_all(struct mf_text bytes, bool has_comments, bool has_pairs)
{
	struct split split = {.rest = bytes,
	    .has_comments = has_comments,
	    .has_pairs = has_pairs,
	    .line = 1};
	const char *last = bytes.p;
	unsigned line = 1;
	struct mf_text item;

	while (split_next(&split, &item)) {
		FUZZ_CHECK(item.len != 0 && item.p >= last &&
		    item.p + item.len <= bytes.p + bytes.len);
		FUZZ_CHECK(text_find(item, '\n') == item.len);
		FUZZ_CHECK(split.line >= line &&
		    split.line ==
			1 +
			    text_count(
				mf_text_at(bytes.p, (size_t)(item.p - bytes.p)),
				'\n'));
		FUZZ_CHECK(!has_comments || item.p[0] != '#');
		last = item.p + item.len;
		line = split.line;
		if (has_pairs)
			continue;
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			read_item(types[i], item);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text bytes = mf_text_at((const char *)data, size);

	split_all(bytes, true, false);
	split_all(bytes, false, false);
	split_all(bytes, false, true);
	return 0;
}
