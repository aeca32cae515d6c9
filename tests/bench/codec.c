/* SPDX-License-Identifier: ISC */
/*
 * codec VERB TIMES ADDRESS: call libsrs TIMES times in a row.
 *
 * VERB is encode, decode, ses-sign or ses-verify; decode and ses-verify are
 * given what encode and ses-sign make of ADDRESS.  Prints calls per second.
 * run.py counts the instructions of the library's function under callgrind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mailfrom/ses.h>

#include "common/text.h"

#define NOW UINT64_C(1700000000)

static struct srs_ctx *srs;
static struct ses_ctx *ses;

static enum srs_status
call(char verb, struct mf_text given, struct srs_addr *out)
{
	switch (verb) {
	case 'e':
		return srs_encode(
		    srs, given, MF_TEXT("forward.example"), NOW, out);
	case 'd':
		return srs_decode(srs, given, NOW, out, NULL);
	case 's':
		return ses_sign(ses, given, 1, NOW, out);
	default:
		return ses_verify(ses, given, NOW, out, NULL);
	}
}

static bool
prepare(void)
{
	struct mf_text key = MF_TEXT("a secret of thirty-two characters");

	return srs_ctx_new(&SRS_PARAMS_DEFAULT, &srs) == SRS_OK &&
	    ses_ctx_new(&SES_PARAMS_DEFAULT, &ses) == SRS_OK &&
	    srs_ctx_add_key(srs, key) == SRS_OK &&
	    ses_ctx_add_key(ses, key) == SRS_OK;
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		char verb, before; /* 0: on the address as it is */
	} verbs[] = {{"encode", 'e', 0}, {"decode", 'd', 'e'},
	    {"ses-sign", 's', 0}, {"ses-verify", 'v', 's'}};
	struct srs_addr given, out;
	struct timespec begin, end;
	uint64_t times;

	if (argc != 4 || !text_uint(mf_text_of(argv[2]), UINT32_MAX, &times) ||
	    !prepare()) {
		fputs("usage: codec VERB TIMES ADDRESS\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct mf_text address = mf_text_of(argv[3]);

		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (verbs[i].before != 0) {
			if (call(verbs[i].before, address, &given) != SRS_OK)
				return 1;
			address = mf_text_at(given.text, given.len);
		}
		clock_gettime(CLOCK_MONOTONIC, &begin);
		for (uint64_t n = 0; n < times; n++)
			if (call(verbs[i].verb, address, &out) != SRS_OK)
				return 1;
		clock_gettime(CLOCK_MONOTONIC, &end);
		double seconds = (double)(end.tv_sec - begin.tv_sec) +
		    (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
		printf("%.0f\n", (double)times / seconds);
	}
	srs_ctx_free(srs);
	ses_ctx_free(ses);
	return 0;
}
