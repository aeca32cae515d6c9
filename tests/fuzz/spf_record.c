/* SPDX-License-Identifier: ISC */
/*
 * spf_record_compile() on any text.
 *
 * Whatever it is, it compiles or says why in one printable sentence; what it
 * keeps is its own, within the memory that it says it takes, and the letters'
 * case and a modifier that nobody knows make no difference.
 */
#include "libspf/record_.h"
#include "tests/fuzz/fuzz.h"

static bool
is_inside(struct mf_text part, struct mf_text whole)
{
	return part.p >= whole.p && part.p + part.len <= whole.p + whole.len;
}

static void
check_spec(const struct spf_record *r, const struct spf_domain_spec *spec)
{
	const char *why = NULL;

	if (spec->text.len == 0)
		return;
	FUZZ_CHECK(text_is_printable(spec->text));
	if (spec->macros) {
		FUZZ_CHECK(is_inside(spec->text, r->text));
		for (size_t i = 0, len; i < spec->text.len; i += len) {
			len = 1;
			if (spec->text.p[i] == '%')
				len = macro_length_(text_from(spec->text, i),
				    MACRO_IN_DOMAIN_, &why);
			FUZZ_CHECK(len != 0);
		}
		return;
	}
	FUZZ_CHECK(text_find(spec->text, '%') == spec->text.len);
	FUZZ_CHECK(spec->usable == spf_name_ok(spec->text));
	for (size_t i = 0; i < spec->text.len; i++)
		FUZZ_CHECK(spec->text.p[i] == ascii_lower(spec->text.p[i]));
	FUZZ_CHECK(is_inside(spec->text, mf_text_at((const char *)r, r->size)));
}

static void
check_term(const struct spf_record *r, const struct spf_term *t)
{
	bool needs_target =
	    t->kind == SPF_TERM_EXISTS || t->kind == SPF_TERM_INCLUDE;

	FUZZ_CHECK(t->kind <= SPF_TERM_INCLUDE);
	FUZZ_CHECK(t->result == SPF_PASS || t->result == SPF_FAIL ||
	    t->result == SPF_SOFTFAIL || t->result == SPF_NEUTRAL);
	FUZZ_CHECK(t->cidr4 <= 32 && t->cidr6 <= 128);
	FUZZ_CHECK(is_inside(t->written, r->text) && t->written.len != 0);
	FUZZ_CHECK(text_find(t->written, ' ') == t->written.len);
	FUZZ_CHECK(!needs_target || t->target.text.len != 0);
	check_spec(r, &t->target);
}

static void
check_problem(const struct spf_record *r)
{
	struct mf_text problem = mf_text_of(spf_record_problem(r));

	FUZZ_CHECK(problem.len > 5 && problem.len < 256);
	FUZZ_CHECK(text_is_printable(problem));
	FUZZ_CHECK(problem.p[0] == '"' && r->count == 0);
}

static void
check(const struct spf_record *r, struct mf_text input)
{
	FUZZ_CHECK(mf_text_eq(r->text, text_head(input, SPF_RECORD_MAX + 1)));
	FUZZ_CHECK(r->text.len == 0 || r->text.p != input.p);
	if (r->problem != NULL) {
		check_problem(r);
		return;
	}
	FUZZ_CHECK(spf_is_record(input) && input.len <= SPF_RECORD_MAX);
	FUZZ_CHECK(r->count <= text_count(input, ' '));
	for (size_t i = 0; i < r->count; i++)
		check_term(r, &r->terms[i]);
	FUZZ_CHECK(r->has_redirect == (r->redirect.text.len != 0));
	FUZZ_CHECK(r->has_explanation == (r->explanation.text.len != 0));
	check_spec(r, &r->redirect);
	check_spec(r, &r->explanation);
}

static struct spf_record *
compile(struct mf_text text)
{
	struct spf_record *r = spf_record_compile(text);

	FUZZ_CHECK(r != NULL);
	check(r, text);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char other[SPF_RECORD_MAX + 64];
	struct mf_text input = mf_text_at((const char *)data, size);
	struct text_out out = text_out(other, sizeof(other));
	struct spf_record *r = compile(input), *same;

	for (size_t i = 0; i < input.len; i++)
		out_char(&out, ascii_upper(input.p[i]));
	out_str(&out, " m.o-o_1=%{r}x");
	/* Addresses and names alike don't care for case. */
	if (!out.full && out.len <= SPF_RECORD_MAX && spf_is_record(input)) {
		same = compile(out_view(&out));
		FUZZ_CHECK((same->problem == NULL) == (r->problem == NULL));
		FUZZ_CHECK(same->count == r->count);
		spf_record_free(same);
	}
	struct spf_answer *a = spf_answer_txt(&input, 1);
	FUZZ_CHECK(a != NULL && a->spf_records == spf_is_record(input));
	FUZZ_CHECK(a->record == NULL ||
	    (a->record->problem == NULL) == (r->problem == NULL));
	spf_answer_free(a);
	spf_record_free(r);
	return 0;
}
