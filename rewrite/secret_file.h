/* SPDX-License-Identifier: ISC */
/*
 * A secret file that a key of [srs] names: read, and checked for what nobody
 * should sign with.
 */
#ifndef MAILFROM_REWRITE_SECRET_FILE_H
#define MAILFROM_REWRITE_SECRET_FILE_H

#include "common/conf.h"
#include "rewrite/secrets.h"

struct secret_file {
	const char *key; /* of [srs] */
	const char *path;
	enum secrets_mode mode;
	const struct conf *conf;
	const char *file; /* of the configuration */
	struct report *report;
};

/* Takes one secret.  False: it can't be used, which was reported. */
typedef bool secret_taker(void *arg, struct mf_text secret);

/*
 * Give every secret of the file to take, the signing one first.  False, and an
 * error reported: the file can't be read, is accessible to all users, or has a
 * weak secret; or take said so.
 */
bool secret_file_read(
    const struct secret_file *file, secret_taker *take, void *arg);

#endif
