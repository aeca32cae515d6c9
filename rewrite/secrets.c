/* SPDX-License-Identifier: ISC */
#include "rewrite/secrets.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/array.h"
#include "rewrite/secret_memory.h"

/* The default secret that pysrs ships, with and without the quotes. */
static const char *const published[] = {"shhhh!", "\"shhhh!\""};

/* What looks like a blank, or like nothing, and is no ASCII. */
static const struct mf_text invisible[] = {
    {"\xc2\xa0", 2},                          /* U+00A0 no-break space */
    {"\xe2\x80\x8b", 3},                      /* U+200B zero width space */
    {"\xe2\x80\x8c", 3},                      /* U+200C, U+200D joiners */
    {"\xe2\x80\x8d", 3}, {"\xe2\x80\xaf", 3}, /* U+202F narrow no-break space */
    {"\xe2\x81\xa0", 3},                      /* U+2060 word joiner */
    {"\xe3\x80\x80", 3},                      /* U+3000 ideographic space */
    {"\xef\xbb\xbf", 3}, /* U+FEFF, in front: byte order mark */
};

static bool
begins_invisibly(struct mf_text t)
{
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (text_starts(t, invisible[i]))
			return true;
	return t.len != 0 && ascii_is_blank(t.p[0]);
}

static bool
ends_invisibly(struct mf_text t)
{
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++)
		if (text_ends_fold(t, invisible[i]))
			return true;
	return t.len != 0 && ascii_is_blank(t.p[t.len - 1]);
}

/*
 * What editors add and nobody sees is part of the secret, as in other software
 * that reads such files: other hosts then have another one.  line: without its
 * end.
 */
static void
warn_of_line(const char *path, unsigned number, struct mf_text line,
    bool has_cr, enum secrets_mode mode, struct report *report)
{
	const char *what = NULL;

	if (number == 1 && text_starts(line, MF_TEXT("\xef\xbb\xbf")))
		what = "begins with a byte order mark, which is part of the "
		       "secret";
	else if (begins_invisibly(line))
		what = "begins with a blank, which is part of the secret";
	if (what != NULL)
		report_warning(report, path, number, NULL, "%s", what);
	if (ends_invisibly(line))
		report_warning(report, path, number, NULL,
		    "ends with a blank, which is part of the secret");
	if (memchr(line.p, '\r', line.len) != NULL)
		report_warning(report, path, number, NULL,
		    "contains a CR, which is part of the secret");
	if (has_cr)
		report_warning(report, path, number, NULL,
		    mode == SECRETS_PLAIN
			? "ends with CR LF: the CR is not part of the secret "
			  "here, but may be in other software"
			: "ends with CR LF, which is part of the secret "
			  "(secret_line_end)");
}

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

/* The last of the files. */
static bool
parse(struct secrets *s, const char *path, enum secrets_mode mode,
    struct report *report)
{
	const struct file *file = &s->files[s->file_count - 1];
	struct mf_text rest = mf_text_at(file->data, file->len);

	for (unsigned number = 1; rest.len != 0; number++) {
		size_t end = text_find(rest, '\n');
		struct mf_text line = text_head(rest, end);
		struct mf_text ended = text_head(rest, end + 1);

		rest = text_from(rest, end + 1);
		bool has_cr = line.len != 0 && line.p[line.len - 1] == '\r';

		if (has_cr)
			line.len--;
		if (!add_line(s, path, number, line,
			mode == SECRETS_PLAIN ? line : ended, report))
			return false;
		if (line.len != 0 && line.p[0] != '#')
			warn_of_line(path, number, line, has_cr, mode, report);
	}
	return true;
}

static bool
load_file(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report)
{
	struct file *file = &out->files[out->file_count];
	int error = file_read_into(&secret_memory, path, file);

	if (error != 0) {
		report_error(report, path, 0, NULL, "cannot read secrets: %s",
		    strerror(error));
		return false;
	}
	out->file_count++;
	out->mode |= file->stat.st_mode;
	return parse(out, path, mode, report);
}

static bool
load_entry(const char *directory, const char *name, enum secrets_mode mode,
    struct secrets *out, struct report *report)
{
	char path[PATH_MAX];
	struct stat st;
	int len = snprintf(path, sizeof(path), "%s/%s", directory, name);

	if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &st) < 0) {
		report_error(report, directory, 0, NULL,
		    "cannot read secrets: %s: %s", name, strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode))
		return true;
	if (out->file_count == SECRET_FILES_MAX) {
		report_error(report, directory, 0, NULL, "more than %d files",
		    SECRET_FILES_MAX);
		return false;
	}
	return load_file(path, mode, out, report);
}

static int
is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By octets, whatever the locale: the first file signs. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
load_directory(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_shown, by_name);
	bool ok = count >= 0;

	if (!ok)
		report_error(report, path, 0, NULL, "cannot read secrets: %s",
		    strerror(errno));
	for (int i = 0; i < count; i++) {
		ok = ok &&
		    load_entry(path, entries[i]->d_name, mode, out, report);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return ok;
}

bool
secrets_load(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report)
{
	struct stat st;
	bool is_directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	*out = (struct secrets){.count = 0};
	if (is_directory ? !load_directory(path, mode, out, report)
			 : !load_file(path, mode, out, report))
		return false;
	if (out->count == 0) {
		report_error(report, path, 0, NULL,
		    "contains no secret; create one with: srs keygen > %s%s",
		    path, is_directory ? "/secret" : "");
		return false;
	}
	return true;
}

void
secrets_free(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->file_count; i++)
		file_free(&secrets->files[i]);
	free(secrets->items);
	*secrets = (struct secrets){.count = 0};
}

const char *
secret_weakness(struct mf_text secret)
{
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (mf_text_eq(text_trim(secret), mf_text_of(published[i])))
			return "the secret is the one published with pysrs: "
			       "anybody can forge its addresses; replace it "
			       "with the output of srs keygen "
			       "(mailfrom-srs(7) describes the move)";
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

void
secret_list(const char fingerprints[][SECRET_FINGERPRINT_SIZE], size_t count,
    char out[static SECRET_LIST_SIZE])
{
	struct text_out list = text_out(out, SECRET_LIST_SIZE - 1);

	for (size_t i = 0; i < count; i++) {
		if (i != 0)
			out_str(&list, ", ");
		if (list.size - list.len < 2 * SECRET_FINGERPRINT_SIZE) {
			out_str(&list, "...");
			break;
		}
		out_str(&list, fingerprints[i]);
	}
	out[list.len] = '\0';
}
