/* SPDX-License-Identifier: ISC */
#include "rewrite/secrets.h"

#include <stdlib.h>

#include "common/array.h"
#include "rewrite/secret_memory.h"

/* The default secret that pysrs ships, with and without the quotes. */
static const char *const published[] = {"shhhh!", "\"shhhh!\""};

static bool
add_line(struct secrets *s, const char *path, unsigned number,
    struct mf_text line, struct mf_text ended, struct report *report)
{
	if (line.len == 0)
		return true;
	if (memchr(line.p, '\0', line.len) != NULL) {
		report_error(report, path, number, NULL, "contains a NUL byte");
		return false;
	}
	if (line.p[0] == '#') {
		report_warning(report, path, number, NULL,
		    "treated as a comment; postsrsd 1.x would use this line "
		    "as a secret");
		return true;
	}
	struct mf_text *more =
	    array_grow(s->items, s->count, &s->room, sizeof(*more));
	if (more == NULL) {
		report_error(report, path, number, NULL, "out of memory");
		return false;
	}
	s->items = more;
	s->items[s->count++] = ended;
	return true;
}

static bool
parse(struct secrets *s, const char *path, enum secrets_mode mode,
    struct report *report)
{
	struct mf_text rest = mf_text_at(s->file.data, s->file.len);

	for (unsigned number = 1; rest.len != 0; number++) {
		size_t end = text_find(rest, '\n');
		struct mf_text line = text_head(rest, end);
		struct mf_text ended = text_head(rest, end + 1);

		rest = text_from(rest, end + 1);
		if (line.len != 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if (!add_line(s, path, number, line,
			mode == SECRETS_PLAIN ? line : ended, report))
			return false;
	}
	return true;
}

bool
secrets_load(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report)
{
	int error;

	*out = (struct secrets){.count = 0};
	error = file_read_into(&secret_memory, path, &out->file);
	if (error != 0) {
		report_error(report, path, 0, NULL, "cannot read secrets: %s",
		    strerror(error));
		return false;
	}
	if (!parse(out, path, mode, report))
		return false;
	if (out->count == 0) {
		report_error(report, path, 0, NULL,
		    "contains no secret; create one with: srs keygen > %s",
		    path);
		return false;
	}
	return true;
}

void
secrets_free(struct secrets *secrets)
{
	file_free(&secrets->file);
	free(secrets->items);
	*secrets = (struct secrets){.count = 0};
}

const char *
secret_weakness(struct mf_text secret)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (mf_text_eq(text_trim(secret), mf_text_of(published[i])))
			return "the secret is the one published with pysrs";
	if (secret.len < SECRET_MIN)
		return "the secret is too short (minimum 12 bytes); use the "
		       "output of srs keygen";
	return NULL;
}

/*
 * The end of the longest hash of a fixed address.  Signatures are the beginning
 * of a hash, so nobody gets one from the other.
 */
void
secret_fingerprint(
    struct mf_text secret, char out[static SECRET_FINGERPRINT_SIZE])
{
	struct srs_params params = SRS_PARAMS_DEFAULT;
	struct mf_text sender = MF_TEXT("fingerprint@invalid");
	struct mf_text domain = MF_TEXT("mailfrom.invalid");
	struct srs_ctx *ctx;
	struct srs_addr address;

	out[0] = '\0';
	params.hash_length = params.hash_min = SRS_HASH_MAX;
	if (srs_ctx_new(&params, &ctx) != SRS_OK)
		return;
	if (srs_ctx_add_key(ctx, secret) == SRS_OK &&
	    srs_encode(ctx, sender, domain, 0, &address) == SRS_OK) {
		const char *end = address.text + strlen("SRS0=") + SRS_HASH_MAX;

		memcpy(
		    out, end - SECRET_FINGERPRINT_MAX, SECRET_FINGERPRINT_MAX);
		out[SECRET_FINGERPRINT_MAX] = '\0';
	}
	srs_ctx_free(ctx);
}
