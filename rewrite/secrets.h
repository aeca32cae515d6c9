/* SPDX-License-Identifier: ISC */
/*
 * The secret file: a secret a line, the first signs, all verify.
 *
 * This is postsrsd's file, and pysrs's keys one below the other.  A line's end
 * (LF or CR LF) isn't part of the secret, blanks and a byte order mark are, with
 * a warning, because they are rarely meant.  Empty lines are skipped;
 * so are lines that begin with "#", with a warning, because postsrsd 1.x signs
 * with such a line.
 *
 * Or a directory of such files, as systemd's credentials are, read in the order
 * of their names.
 */
#ifndef MAILFROM_REWRITE_SECRETS_H
#define MAILFROM_REWRITE_SECRETS_H

#include "common/file.h"
#include "common/report.h"
#include <mailfrom/srs.h>

/* Octets below which a secret can be found by trial. */
#define SECRET_MIN 12

/* Files of a directory. */
#define SECRET_FILES_MAX 16

struct secrets {
	struct file files[SECRET_FILES_MAX];
	size_t file_count;
	mode_t mode;           /* what any of them allows anybody */
	struct mf_text *items; /* views into files */
	size_t count, room;
};

enum secrets_mode {
	SECRETS_PLAIN,
	/* The line end belongs to the secret, as in Mail::SRS's files. */
	SECRETS_WITH_LINE_END
};

/*
 * Read the secrets of path.  False, and an error reported, if a file can't be
 * read, holds a NUL, or there is no secret.  secrets_free() is due either way; it wipes.
 */
bool secrets_load(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report);
void secrets_free(struct secrets *secrets);

/* Why nobody should sign with this secret, or NULL. */
const char *secret_weakness(struct mf_text secret);

/* Characters of a fingerprint, of base64url. */
#define SECRET_FINGERPRINT_MAX  8
#define SECRET_FINGERPRINT_SIZE (SECRET_FINGERPRINT_MAX + 1)

/*
 * A few characters by which to see whether two hosts have the same secret.
 * They are no signature of any address, and say as much about the secret as one
 * does: a secret that can be guessed from an address can be from them.
 * out: the caller's; "" if the secret is empty or too long to sign with, or
 * memory has run out.
 */
void secret_fingerprint(
    struct mf_text secret, char out[static SECRET_FINGERPRINT_SIZE]);

/* Octets of the list of fingerprints for a log line, cut, with NUL. */
#define SECRET_LIST_SIZE 128

/* "abcdefgh, ijklmnop", the signing one first. */
void secret_list(const char fingerprints[][SECRET_FINGERPRINT_SIZE],
    size_t count, char out[static SECRET_LIST_SIZE]);

#endif
