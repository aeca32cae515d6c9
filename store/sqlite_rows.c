/* SPDX-License-Identifier: ISC */
/*
 * All rows of an SQLite file, ours or postsrsd's, on a connection of their own.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "store/rows.h"

#define BUSY_MS 10000

/* Rows that are deleted at a time, so that daemons have their turn. */
#define PURGE_MAX 1000

static const char *const selects[] = {
    [ROWS_OURS] = "SELECT key, value, expires FROM row WHERE expires > ?1",
    [ROWS_POSTSRSD] = "SELECT k, v, lt FROM kv WHERE lt > ?1"};

static sqlite3 *
open_rows(const char *path, int flags, char reason[static ROWS_REASON_SIZE])
{
	sqlite3 *db;

	if (sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK) {
		sqlite3_busy_timeout(db, BUSY_MS);
		return db;
	}
	snprintf(reason, ROWS_REASON_SIZE, "%.500s: %s", path,
	    db != NULL ? sqlite3_errmsg(db) : "out of memory");
	sqlite3_close(db);
	return NULL;
}

static struct mf_text
column(sqlite3_stmt *stmt, int i)
{
	const unsigned char *text = sqlite3_column_text(stmt, i);

	return mf_text_at((const char *)text,
	    text != NULL ? (size_t)sqlite3_column_bytes(stmt, i) : 0);
}

/* SQLITE_DONE: all; SQLITE_ROW: row() has stopped it. */
static int
each_row(sqlite3_stmt *stmt, const struct rows_request *request)
{
	int result;

	while ((result = sqlite3_step(stmt)) == SQLITE_ROW) {
		sqlite3_int64 expires = sqlite3_column_int64(stmt, 2);
		const struct stored_row row = {.key = column(stmt, 0),
		    .value = column(stmt, 1),
		    .expires_sec = expires > 0 ? (uint64_t)expires : 0};

		if (!request->row(request->arg, &row))
			break;
	}
	return result;
}

bool
sqlite_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE])
{
	const char *path = params->url.path;
	sqlite3 *db = open_rows(path, SQLITE_OPEN_READWRITE, reason);
	sqlite3_stmt *stmt = NULL;
	int result;

	if (db == NULL)
		return false;
	result =
	    sqlite3_prepare_v2(db, selects[request->format], -1, &stmt, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)request->now_sec);
		result = each_row(stmt, request);
	}
	if (result != SQLITE_DONE && result != SQLITE_ROW)
		snprintf(reason, ROWS_REASON_SIZE, "%.500s: %s", path,
		    sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return result == SQLITE_DONE;
}

bool
sqlite_purge(const struct store_params *params, uint64_t now_sec,
    uint64_t *deleted, char reason[static ROWS_REASON_SIZE])
{
	static const char sql[] =
	    "DELETE FROM row WHERE key IN "
	    "(SELECT key FROM row WHERE expires <= ?1 LIMIT ?2)";
	const char *path = params->url.path;
	sqlite3 *db = open_rows(path, SQLITE_OPEN_READWRITE, reason);
	sqlite3_stmt *stmt = NULL;
	int result;

	if (db == NULL)
		return false;
	result = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (result == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, (sqlite3_int64)now_sec);
		sqlite3_bind_int64(stmt, 2, PURGE_MAX);
		do {
			result = sqlite3_step(stmt);
			sqlite3_reset(stmt);
			if (result == SQLITE_DONE)
				*deleted += (uint64_t)sqlite3_changes(db);
		} while (
		    result == SQLITE_DONE && sqlite3_changes(db) == PURGE_MAX);
	}
	if (result != SQLITE_DONE)
		snprintf(reason, ROWS_REASON_SIZE, "%.500s: %s", path,
		    sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return result == SQLITE_DONE;
}
