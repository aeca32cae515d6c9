/* SPDX-License-Identifier: ISC */
/*
 * The secret file: a secret a line, the first signs, all verify.
 *
 * This is postsrsd's file, and pysrs's keys one below the other.  A line's end
 * (LF or CR LF) isn't part of the secret, blanks are.  Empty lines are skipped;
 * so are lines that begin with "#", with a warning, because postsrsd 1.x signs
 * with such a line.
 */
#ifndef MAILFROM_REWRITE_SECRETS_H
#define MAILFROM_REWRITE_SECRETS_H

#include "common/file.h"
#include "common/report.h"

/* Octets below which a secret can be found by trial. */
#define SECRET_MIN 12

struct secrets {
	struct file file;
	struct mf_text *items; /* views into file */
	size_t count, room;
};

enum secrets_mode {
	SECRETS_PLAIN,
	/* The line end belongs to the secret, as in Mail::SRS's files. */
	SECRETS_WITH_LINE_END
};

/*
 * Read the secrets of path.  False, and an error reported, if the file can't be
 * read, holds no secret or a NUL.  secrets_free() is due either way; it wipes.
 */
bool secrets_load(const char *path, enum secrets_mode mode, struct secrets *out,
    struct report *report);
void secrets_free(struct secrets *secrets);

/* Why nobody should sign with this secret, or NULL. */
const char *secret_weakness(struct mf_text secret);

#endif
