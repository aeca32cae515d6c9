/* SPDX-License-Identifier: ISC */
#include "store/rows.h"

#include <stdio.h>

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

bool
store_purge(const struct store_params *params, uint64_t now_sec,
    uint64_t *deleted, char reason[static ROWS_REASON_SIZE])
{
	*deleted = 0;
	reason[0] = '\0';
	return params->url.scheme != STORE_SQLITE ||
	    sqlite_purge(params, now_sec, deleted, reason);
}
