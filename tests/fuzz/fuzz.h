/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets have in common.
 *
 * A target is a file with LLVMFuzzerTestOneInput(), which returns 0 and stops
 * the program where an invariant doesn't hold.  It links with clang's
 * -fsanitize=fuzzer, or with replay.c, which runs it over files.
 */
#ifndef MAILFROM_TESTS_FUZZ_FUZZ_H
#define MAILFROM_TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in every build. */
#define FUZZ_CHECK(condition)                                              \
	((condition) ? (void)0                                             \
		     : (fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, \
			    __LINE__, #condition),                         \
			   abort()))

/* Whether back is sender, or sender in quotes that its local part needs. */
static inline bool
fuzz_came_back(struct mf_text back, struct mf_text sender)
{
	size_t at = text_rfind(sender, '@');

	if (mf_text_eq(back, sender))
		return true;
	return back.len == sender.len + 2 && back.p[0] == '"' &&
	    back.p[at + 1] == '"' &&
	    mf_text_eq(mf_text_at(back.p + 1, at), text_head(sender, at)) &&
	    mf_text_eq(text_from(back, at + 2), text_from(sender, at));
}

/* Input that is taken from the front, octet by octet. */
static inline uint8_t
fuzz_octet(struct mf_text *input)
{
	uint8_t octet = input->len != 0 ? (uint8_t)input->p[0] : 0;

	*input = text_from(*input, 1);
	return octet;
}

#endif
