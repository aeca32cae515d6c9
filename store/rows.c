/* SPDX-License-Identifier: ISC */
#include "store/rows.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

bool
store_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE])
{
	reason[0] = '\0';
	switch (params->url.scheme) {
	case STORE_NONE:
		snprintf(reason, ROWS_REASON_SIZE, "there is no store");
		return false;
	case STORE_SQLITE:
		return sqlite_rows(params, request, reason);
	case STORE_REDIS:
	case STORE_REDIS_TLS:
	case STORE_REDIS_UNIX:
	case STORE_REDIS_SENTINEL:
		break;
	}
	return redis_rows(params, request, reason);
}

static bool
stop_at_once(void *arg, const struct stored_row *row)
{
	(void)arg;
	(void)row;
	return false;
}

/* A file that isn't there yet is made by the daemons. */
static bool
probe_file(
    const struct store_params *params, char reason[static ROWS_REASON_SIZE])
{
	const struct rows_request request = {.row = stop_at_once};

	if (access(params->url.path, F_OK) != 0 && errno == ENOENT)
		return true;
	return sqlite_rows(params, &request, reason) || reason[0] == '\0';
}

bool
store_probe(const struct store_params *params, struct store_probe *out,
    char reason[static ROWS_REASON_SIZE])
{
	*out = (struct store_probe){.replicas = 0};
	reason[0] = '\0';
	return params->url.scheme == STORE_SQLITE
	    ? probe_file(params, reason)
	    : redis_probe(params, out, reason);
}

bool
store_purge(const struct store_params *params, uint64_t now_sec,
    uint64_t *deleted, char reason[static ROWS_REASON_SIZE])
{
	*deleted = 0;
	reason[0] = '\0';
	return params->url.scheme != STORE_SQLITE ||
	    sqlite_purge(params, now_sec, deleted, reason);
}
