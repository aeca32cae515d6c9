/* SPDX-License-Identifier: ISC */
/*
 * Macros and names, with any values.
 *
 * Input: an octet of choices, local part, HELO name and validated name, each
 * with an octet of length before it, then a macro string.  Expanded, it is a
 * name that can be asked for or none, and printable text; the sliding buffer of
 * names gives what one without bounds gives.
 */
#include "libspf/record_.h"
#include "tests/fuzz/fuzz.h"

#define WHOLE_SIZE (4 * 1024 * 1024)

static char whole_room[WHOLE_SIZE];

static struct mf_text
take(struct mf_text *input)
{
	struct mf_text t = text_head(text_from(*input, 1), fuzz_octet(input));

	*input = text_from(*input, t.len);
	return t;
}

static bool
is_valid(struct mf_text spec, enum macro_place_ place)
{
	const char *why = NULL;

	for (size_t i = 0, len; i < spec.len; i += len) {
		len = 1;
		if (spec.p[i] < ' ' || spec.p[i] > '~')
			return false;
		if (spec.p[i] == '%')
			len = macro_length_(text_from(spec, i), place, &why);
		if (len == 0) {
			FUZZ_CHECK(why != NULL);
			return false;
		}
		FUZZ_CHECK(len <= spec.len - i);
	}
	return true;
}

/* 7.3, by its words. */
static struct mf_text
truncated(struct mf_text t)
{
	if (t.len != 0 && t.p[t.len - 1] == '.')
		t.len--;
	while (t.len > SPF_NAME_MAX) {
		size_t dot = text_find(t, '.');

		if (dot == t.len)
			return MF_TEXT("");
		t = text_from(t, dot + 1);
	}
	return spf_name_ok(t) && !text_has_control(t) ? t : MF_TEXT("");
}

/*
 * The pieces of spec one by one, each short enough for a text, which isn't
 * truncated from the left, and put together here.  False: one was longer.
 */
static bool
expand_whole(
    struct mf_text spec, const struct macro_values_ *v, struct mf_text *out)
{
	struct text_out whole = text_out(whole_room, sizeof(whole_room));
	const char *why;

	for (size_t i = 0, len; i < spec.len; i += len) {
		char piece[SPF_TEXT_SIZE];

		len = 1;
		if (spec.p[i] == '%')
			len = macro_length_(
			    text_from(spec, i), MACRO_IN_TEXT_, &why);
		macro_expand_text_(
		    text_head(text_from(spec, i), len), v, piece);
		if (strlen(piece) == SPF_TEXT_MAX)
			return false;
		out_str(&whole, piece);
	}
	FUZZ_CHECK(!whole.full);
	ascii_lower_all(whole.p, whole.len);
	*out = out_view(&whole);
	return true;
}

static bool
is_clean(const struct macro_values_ *v)
{
	return text_is_printable(v->local) && text_is_printable(v->helo) &&
	    text_is_printable(v->validated);
}

static void
check_domain(struct mf_text spec, const struct macro_values_ *v)
{
	char room[SPF_NAME_SIZE];
	struct mf_text whole, name = MF_TEXT("");
	size_t len;

	memset(room, 'X', sizeof(room));
	if (macro_expand_domain_(spec, v, room, &len)) {
		FUZZ_CHECK(len <= SPF_NAME_MAX && room[len] == '\0');
		name = mf_text_at(room, len);
		FUZZ_CHECK(spf_name_ok(name) && !text_has_control(name));
		for (size_t i = 0; i < len; i++)
			FUZZ_CHECK(room[i] == ascii_lower(room[i]));
	}
	/* Texts hide what isn't printable, so compare where nothing is. */
	if (is_clean(v) && expand_whole(spec, v, &whole))
		FUZZ_CHECK(mf_text_eq(name, truncated(whole)));
}

static void
check_text(struct mf_text spec, const struct macro_values_ *v)
{
	char room[SPF_TEXT_SIZE];

	memset(room, 'X', sizeof(room));
	macro_expand_text_(spec, v, room);
	FUZZ_CHECK(memchr(room, '\0', sizeof(room)) != NULL);
	FUZZ_CHECK(text_is_printable(mf_text_of(room)));
}

static void
check_name(struct mf_text t)
{
	char room[SPF_NAME_SIZE], again[SPF_NAME_SIZE];
	size_t len = 0, again_len = 0;
	unsigned labels = name_to_ascii_(t, room, &len);

	if (labels == 0)
		return;
	FUZZ_CHECK(len <= SPF_NAME_MAX && room[len] == '\0');
	FUZZ_CHECK(text_is_printable(mf_text_at(room, len)));
	FUZZ_CHECK(labels == name_labels_(mf_text_at(room, len)));
	FUZZ_CHECK(
	    name_to_ascii_(mf_text_at(room, len), again, &again_len) == labels);
	FUZZ_CHECK(
	    mf_text_eq(mf_text_at(room, len), mf_text_at(again, again_len)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	uint8_t choice = fuzz_octet(&input);
	struct macro_values_ v = {.sender_domain = MF_TEXT("o.example"),
	    .domain = MF_TEXT("d.sub.example"),
	    .receiver = MF_TEXT("r.example"),
	    .now_sec = UINT64_C(1) << (choice >> 2)};

	v.ip.v6 = choice & 1;
	memset(v.ip.octets, 0x2f, v.ip.v6 ? 16 : 4);
	v.local = take(&input);
	v.helo = take(&input);
	v.validated = take(&input);
	check_name(v.helo);
	check_name(input);
	/* Longer specs only repeat what shorter ones have shown. */
	if (input.len > 8192)
		return 0;
	FUZZ_CHECK(macro_text_ok_(input) == is_valid(input, MACRO_IN_TEXT_));
	if (is_valid(input, MACRO_IN_TEXT_)) {
		macro_needs_validated_(input);
		check_text(input, &v);
	}
	if (is_valid(input, MACRO_IN_DOMAIN_)) {
		FUZZ_CHECK(macro_text_ok_(input));
		check_domain(input, &v);
	}
	return 0;
}
