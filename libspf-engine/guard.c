/* SPDX-License-Identifier: ISC */
/*
 * What libspf2 is never shown.
 *
 * It compiles each term, and each explanation, into a block of at most 511
 * octets: 4 for a macro, 4 and the length rounded up to 4 for each run of
 * literals between macros.  With 508 of them taken, the room that is left for
 * the next literal is computed as 511 - 508 - 4 in an unsigned type, so that
 * any length fits: it writes behind its buffer (CVE-2023-42118).  There are
 * many ways to get to 508, such as 127 macros, or 42 of "B%{d}" and one more
 * macro, or four literals of 100 octets and 23 macros.  So a term counts here
 * as what it can take at most, and has to stay well below.
 *
 * A blank in an explanation is read by libspf2 as if it were a "%".
 */
#include "libspf-engine/guard.h"

#include "common/text.h"

#define COMPILED_MAX 400
#define LITERAL_MAX  255
#define MACROS_MAX   119

/* A term, or an explanation. */
static bool
unit_ok(struct mf_text unit)
{
	size_t breaks = 0, macros = 0, literal = 0;

	for (size_t i = 0; i < unit.len; i++) {
		if (unit.p[i] == '%' || unit.p[i] == ' ') {
			breaks++;
			literal = 0;
			continue;
		}
		if (i > 0 && unit.p[i] == '{' && literal == 0)
			macros++;
		if (++literal > LITERAL_MAX)
			return false;
	}
	/*
	 * A run takes 7 more than its length at most, "%-" becomes "%20", and a
	 * prefix length takes 4.
	 */
	return macros <= MACROS_MAX &&
	    4 + unit.len + 8 * (breaks + 1) <= COMPILED_MAX;
}

/* It copies C strings. */
static bool
is_string(struct mf_text text)
{
	return text.len <= GUARD_TEXT_MAX && text_find(text, '\0') == text.len;
}

bool
guard_record_ok_(struct mf_text record)
{
	struct mf_text term;

	if (!is_string(record))
		return false;
	while (text_cut(&record, ' ', &term))
		if (!unit_ok(term))
			return false;
	return unit_ok(record);
}

bool
guard_text_ok_(struct mf_text text)
{
	return is_string(text) && unit_ok(text);
}
