/* SPDX-License-Identifier: ISC */
/*
 * The address of a store, as [store] url has it.
 *
 *	none
 *	sqlite:/path
 *	redis://HOST[:PORT][/N]			N: number of the database
 *	rediss://HOST[:PORT][/N]		with TLS
 *	redis+unix:/path[?db=N]
 *	redis+sentinel://HOST[:PORT][,HOST[:PORT]...]/NAME[/N]
 *
 * An IPv6 address is in square brackets.  User and password have keys of their
 * own: a URL is shown in logs and to whoever may read the configuration.
 */
#ifndef MAILFROM_STORE_STORE_URL_H
#define MAILFROM_STORE_STORE_URL_H

#include "common/text.h"

#define STORE_HOST_SIZE     256
#define STORE_PATH_SIZE     1024
#define STORE_MASTER_SIZE   128
#define STORE_SENTINELS_MAX 16

#define STORE_REDIS_PORT    6379
#define STORE_SENTINEL_PORT 26379
#define STORE_DATABASE_MAX  65535

enum store_scheme {
	STORE_NONE,
	STORE_SQLITE,
	STORE_REDIS,
	STORE_REDIS_TLS,
	STORE_REDIS_UNIX,
	STORE_REDIS_SENTINEL
};

struct store_host {
	char name[STORE_HOST_SIZE]; /* without brackets */
	uint16_t port;
};

/* Unused members are zero, all of them. */
struct store_url {
	enum store_scheme scheme;
	char path[STORE_PATH_SIZE]; /* sqlite, redis+unix: absolute */
	struct store_host hosts[STORE_SENTINELS_MAX]; /* else: at least one */
	unsigned host_count;
	char master[STORE_MASTER_SIZE]; /* redis+sentinel */
	unsigned database;
};

/*
 * Parse text.  True, or false and *why says what is wrong with it (a constant).
 */
bool store_url_parse(
    struct mf_text text, struct store_url *out, const char **why);

#endif
