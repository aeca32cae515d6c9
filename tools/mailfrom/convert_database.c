/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/convert_database.h"

#include "store/store_url.h"

#define OUR_SQLITE "sqlite:/var/lib/mailfrom/store.db"

static bool
uses_database(const struct conversion *c)
{
	return text_eq_fold(
	    convert_value(c, "original-envelope", MF_TEXT("embedded")),
	    MF_TEXT("database"));
}

void
convert_original_envelope(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	(void)rule;
	if (uses_database(c)) {
		convert_tell(c, e, CONVERT_SAME, "srs",
		    "all senders are kept in the store");
		convert_set(c, "srs", "hide_senders", MF_TEXT("yes"), e->line);
		if (convert_value(c, "envelope-database", MF_TEXT("")).len == 0)
			convert_set(
			    c, "store", "url", MF_TEXT(OUR_SQLITE), e->line);
	} else if (text_eq_fold(e->value, MF_TEXT("embedded")))
		convert_tell(
		    c, e, CONVERT_SAME, NULL, "the sender is in the address");
	else
		convert_fail(c, e, "neither embedded nor database: \"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
}

/* redis:HOST:PORT and redis:/path; false: it is neither. */
static bool
redis_url(struct mf_text value, struct text_out *out)
{
	struct mf_text where = text_from(value, strlen("redis:"));
	struct store_url url;
	const char *why;

	out_str(
	    out, text_starts(where, MF_TEXT("/")) ? "redis+unix:" : "redis://");
	out_text(out, where);
	return !out->full && store_url_parse(out_view(out), &url, &why);
}

void
convert_envelope_database(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *e)
{
	static const char import[] =
	    "mailfrom store import brings over what it has, so that "
	    "outstanding addresses are restored";
	char room[STORE_PATH_SIZE];
	struct text_out url = text_out(room, sizeof(room));

	(void)rule;
	if (!uses_database(c)) {
		convert_tell(c, e, CONVERT_NOT_NEEDED, NULL,
		    "original-envelope doesn't use it");
		return;
	}
	if (text_starts(e->value, MF_TEXT("sqlite:")))
		out_str(&url, OUR_SQLITE);
	else if (!text_starts(e->value, MF_TEXT("redis:")) ||
	    !redis_url(e->value, &url)) {
		convert_fail(c, e,
		    "neither sqlite:FILE nor redis:HOST:PORT: "
		    "\"%.*s\"",
		    (int)text_head(e->value, 80).len, e->value.p);
		return;
	}
	convert_tell(c, e, CONVERT_OTHER, "store", "%s", import);
	convert_set(c, "store", "url", out_view(&url), e->line);
}
