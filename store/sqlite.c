/* SPDX-License-Identifier: ISC */
/*
 * Rows in an SQLite file that all processes of a host share.
 *
 * WAL, so that nobody who reads waits for who writes; every commit is synced,
 * and shared by all that has been asked meanwhile, which is what makes it
 * cheap.  Reads are answered first: they don't wait for the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "store/backend.h"

/* Requests that share a commit. */
#define BATCH_MAX 1000

/* Rows that have expired are deleted so often, so many at a time. */
#define PURGE_MS  60000
#define PURGE_MAX 1000

/* How long a file that can't be used is left alone, first and at most. */
#define RETRY_MS     50
#define RETRY_MAX_MS 5000

#define BUSY_STEP_MS 10
#define PAGE_SIZE    4096

/* "mlfr", and the version of the table. */
#define APPLICATION_ID 0x6d6c6672
#define SCHEMA_VERSION 1

enum statement { PUT, GET, COUNT, PURGE, BEGIN, COMMIT, ROLLBACK, STATEMENTS };

#define PUT_SQL                                                    \
	"INSERT INTO row(key, value, expires) VALUES(?1, ?2, ?3) " \
	"ON CONFLICT(key) DO UPDATE SET value = excluded.value, "  \
	"expires = max(expires, excluded.expires)"
#define GET_SQL "SELECT value FROM row WHERE key = ?1 AND expires > ?4"
#define COUNT_SQL                                                    \
	"INSERT INTO row(key, value, expires) VALUES(?1, 1, ?3) "    \
	"ON CONFLICT(key) DO UPDATE SET "                            \
	"value = CASE WHEN expires > ?4 THEN value + 1 ELSE 1 END, " \
	"expires = CASE WHEN expires > ?4 THEN expires "             \
	"ELSE excluded.expires END RETURNING value"
#define PURGE_SQL                                            \
	"DELETE FROM row WHERE key IN (SELECT key FROM row " \
	"WHERE expires <= ?4 ORDER BY expires LIMIT ?5)"

static const char *const statements[STATEMENTS] = {[PUT] = PUT_SQL,
    [GET] = GET_SQL,
    [COUNT] = COUNT_SQL,
    [PURGE] = PURGE_SQL,
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK"};

struct sqlite_store {
	struct store *store;
	char path[STORE_PATH_SIZE];
	uint64_t max_pages;
	int busy_ms; /* for another process to end its commit */
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *all[STATEMENTS];
	uint64_t next_purge_ms;
};

/* --- the file --- */

static void
close_db(struct sqlite_store *s)
{
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(s->all[i]);
		s->all[i] = NULL;
	}
	sqlite3_close(s->db);
	s->db = NULL;
}

static bool
run_sql(struct sqlite_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The number that a pragma gives; -1: none. */
static int
pragma(struct sqlite_store *s, const char *sql)
{
	sqlite3_stmt *stmt;
	int value = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static bool
is_ours(struct sqlite_store *s)
{
	return pragma(s, "PRAGMA application_id") == APPLICATION_ID &&
	    pragma(s, "PRAGMA user_version") == SCHEMA_VERSION;
}

/* A new file becomes ours; one of another program or version doesn't. */
static bool
try_table(struct sqlite_store *s)
{
	char sql[512];
	int tables;

	if (is_ours(s))
		return true;
	tables = pragma(s, "SELECT count(*) FROM sqlite_schema");
	/* Another process may have made it since, all at once. */
	if (tables > 0)
		return is_ours(s);
	if (tables < 0 || !run_sql(s, "PRAGMA journal_mode = WAL"))
		return false;
	/* Another process may make it at the same time. */
	snprintf(sql, sizeof(sql),
	    "BEGIN IMMEDIATE;"
	    "CREATE TABLE IF NOT EXISTS row(key TEXT PRIMARY KEY, "
	    "value NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;"
	    "CREATE INDEX IF NOT EXISTS row_expires ON row(expires);"
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	    APPLICATION_ID, SCHEMA_VERSION);
	return run_sql(s, sql);
}

/*
 * SQLite doesn't wait by itself where two processes make the journal of a new file
 * at the same time.
 */
static bool
make_table(struct sqlite_store *s)
{
	const struct timespec a_little = {.tv_nsec = BUSY_STEP_MS * 1000000L};

	for (int ms = 0; !try_table(s); ms += BUSY_STEP_MS) {
		if ((sqlite3_errcode(s->db) & 0xff) != SQLITE_BUSY ||
		    ms >= s->busy_ms)
			return false;
		run_sql(s, "ROLLBACK");
		(void)nanosleep(&a_little, NULL);
	}
	return true;
}

static bool
prepare(struct sqlite_store *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, statements[i], -1,
			SQLITE_PREPARE_PERSISTENT, &s->all[i],
			NULL) != SQLITE_OK)
			return false;
	return true;
}

/*
 * Addresses aren't for everybody.  By root it is made for whoever owns the
 * directory, as the daemons do; SQLite gives the files beside it the same owner
 * and mode.  False: errno says why.
 */
static bool
create_file(const char *path)
{
	char directory[STORE_PATH_SIZE];
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	bool ok = true;

	if (fd < 0)
		return errno == EEXIST;
	snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	if (geteuid() == 0)
		ok = stat(directory[0] != '\0' ? directory : "/", &st) == 0 &&
		    fchown(fd, st.st_uid, st.st_gid) == 0;
	close(fd);
	return ok;
}

/* Why it can't be used. */
static const char *
open_error(struct sqlite_store *s)
{
	if (s->db == NULL)
		return strerror(errno);
	switch (sqlite3_errcode(s->db)) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return "not a store of this version of mailfrom (mailfrom "
		       "store import reads those of postsrsd)";
	default:
		return sqlite3_errmsg(s->db);
	}
}

static bool
open_db(struct sqlite_store *s)
{
	char sql[100], reason[STORE_PATH_SIZE + 200];
	bool ok = create_file(s->path) &&
	    sqlite3_open_v2(s->path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;

	snprintf(sql, sizeof(sql),
	    "PRAGMA synchronous = FULL; PRAGMA max_page_count = %llu",
	    (unsigned long long)s->max_pages);
	ok = ok && sqlite3_busy_timeout(s->db, s->busy_ms) == SQLITE_OK &&
	    make_table(s) && run_sql(s, sql) && prepare(s);
	if (ok) {
		store_is_up(s->store);
		return true;
	}
	snprintf(reason, sizeof(reason), "%s: %s", s->path, open_error(s));
	store_is_down(s->store, reason);
	close_db(s);
	return false;
}

/* --- requests --- */

static void
bind_query(
    struct sqlite_store *s, enum statement which, const struct store_query *q)
{
	sqlite3_stmt *stmt = s->all[which];

	sqlite3_bind_text(stmt, 1, q->key, (int)q->key_len, SQLITE_STATIC);
	if (which == PUT)
		sqlite3_bind_text(
		    stmt, 2, q->value, (int)q->value_len, SQLITE_STATIC);
	if (which == PUT || which == COUNT)
		sqlite3_bind_int64(stmt, 3, (sqlite3_int64)q->expires_sec);
	if (which == GET || which == COUNT)
		sqlite3_bind_int64(stmt, 4, (sqlite3_int64)q->now_sec);
}

static bool
read_value(sqlite3_stmt *stmt, struct store_answer *out)
{
	const unsigned char *text = sqlite3_column_text(stmt, 0);
	int len = sqlite3_column_bytes(stmt, 0);

	if (text == NULL || len > STORE_VALUE_MAX)
		return false;
	memcpy(out->value, text, (size_t)len);
	out->value_len = (size_t)len;
	out->count = 0;
	text_uint(
	    mf_text_at(out->value, out->value_len), UINT64_MAX, &out->count);
	return true;
}

/* False: the database failed; else the answer is in *out. */
static bool
run(struct sqlite_store *s, const struct store_query *q,
    struct store_answer *out)
{
	enum statement which = q->kind == STORE_PUT ? PUT
	    : q->kind == STORE_COUNT                ? COUNT
						    : GET;
	sqlite3_stmt *stmt = s->all[which];
	int result;
	bool ok;

	bind_query(s, which, q);
	result = sqlite3_step(stmt);
	ok = result == SQLITE_DONE || result == SQLITE_ROW;
	out->status = q->kind == STORE_GET && result == SQLITE_DONE
	    ? STORE_ABSENT
	    : STORE_OK;
	if (result == SQLITE_ROW && !read_value(stmt, out))
		ok = false;
	/* Only now a statement that returns something is carried out. */
	if (result == SQLITE_ROW && which == COUNT)
		ok = sqlite3_step(stmt) == SQLITE_DONE && ok;
	sqlite3_reset(stmt);
	return ok;
}

static bool
step(struct sqlite_store *s, enum statement which)
{
	int result = sqlite3_step(s->all[which]);

	sqlite3_reset(s->all[which]);
	return result == SQLITE_DONE;
}

static void
fail_all(struct sqlite_store *s, struct store_queue *queries)
{
	char reason[200];
	struct store_query *q;

	snprintf(reason, sizeof(reason), "%s", sqlite3_errmsg(s->db));
	while ((q = TAILQ_FIRST(queries)) != NULL) {
		TAILQ_REMOVE(queries, q, entry);
		store_fail(s->store, q, reason);
	}
}

static void
answer_reads(struct sqlite_store *s, struct store_queue *taken,
    struct store_queue *writes)
{
	struct store_answer answer = {.count = 0};
	struct store_query *q;

	while ((q = TAILQ_FIRST(taken)) != NULL) {
		TAILQ_REMOVE(taken, q, entry);
		if (q->kind == STORE_PUT || q->kind == STORE_COUNT)
			TAILQ_INSERT_TAIL(writes, q, entry);
		else if (run(s, q, &answer))
			store_answer(s->store, q, &answer);
		else
			store_fail(s->store, q, sqlite3_errmsg(s->db));
	}
}

/* One commit; nothing is answered before. */
static void
answer_writes(struct sqlite_store *s, struct store_queue *writes)
{
	struct store_query *q;
	struct store_answer answer = {.status = STORE_OK};
	bool ok;

	if (TAILQ_EMPTY(writes))
		return;
	ok = step(s, BEGIN);
	TAILQ_FOREACH (q, writes, entry) {
		if (!ok)
			break;
		ok = run(s, q, &answer);
		q->count = answer.count;
	}
	ok = ok && step(s, COMMIT);
	if (!ok) {
		fail_all(s, writes);
		if (!sqlite3_get_autocommit(s->db))
			step(s, ROLLBACK);
	}
	while ((q = TAILQ_FIRST(writes)) != NULL) {
		TAILQ_REMOVE(writes, q, entry);
		answer = (struct store_answer){
		    .status = STORE_OK, .count = q->count};
		store_answer(s->store, q, &answer);
	}
}

/* --- the thread --- */

static void
purge(struct sqlite_store *s)
{
	sqlite3_stmt *stmt = s->all[PURGE];

	if (clock_ms() < s->next_purge_ms)
		return;
	sqlite3_bind_int64(stmt, 4, (sqlite3_int64)time(NULL));
	sqlite3_bind_int64(stmt, 5, PURGE_MAX);
	/* The next request comes first, whatever is left to delete. */
	s->next_purge_ms = clock_ms() + PURGE_MS;
	if (step(s, PURGE) && sqlite3_changes(s->db) == PURGE_MAX)
		s->next_purge_ms = 0;
}

/* Wait for the file to come back; requests meet their deadlines meanwhile. */
static void
open_again(struct sqlite_store *s)
{
	unsigned delay_ms = RETRY_MS;

	while (!store_stopping(s->store) && !open_db(s)) {
		struct timespec delay = {.tv_sec = delay_ms / 1000,
		    .tv_nsec = (long)(delay_ms % 1000) * 1000000};

		nanosleep(&delay, NULL);
		if (delay_ms < RETRY_MAX_MS)
			delay_ms *= 2;
	}
}

/* Whether the file is still the one that is open: else writes get lost. */
static bool
is_replaced(struct sqlite_store *s)
{
	int moved = 0;

	return sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED,
		   &moved) == SQLITE_OK &&
	    moved != 0;
}

static void
sqlite_run(void *self)
{
	struct sqlite_store *s = self;
	struct store_queue taken, writes;

	TAILQ_INIT(&taken);
	TAILQ_INIT(&writes);
	while (!store_stopping(s->store)) {
		if (s->db == NULL)
			open_again(s);
		if (s->db == NULL)
			break;
		purge(s);
		if (!store_take(s->store, &taken, BATCH_MAX)) {
			store_wait(s->store, s->next_purge_ms);
			continue;
		}
		if (is_replaced(s)) {
			store_is_down(s->store, "the file was replaced");
			close_db(s);
			store_put_back(s->store, &taken);
			continue;
		}
		answer_reads(s, &taken, &writes);
		answer_writes(s, &writes);
	}
	close_db(s);
}

static void
sqlite_wake(void *self)
{
	(void)self; /* it waits in store_wait() */
}

static void
sqlite_free(void *self)
{
	free(self);
}

void *
store_sqlite_new(struct store *store, const struct store_params *params)
{
	struct sqlite_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->store = store;
	memcpy(s->path, params->url.path, sizeof(s->path));
	s->busy_ms = (int)params->timeout_ms;
	s->max_pages = params->max_size * (1024 * 1024 / PAGE_SIZE);
	return s;
}

const struct store_backend store_sqlite = {
    .run = sqlite_run, .wake = sqlite_wake, .free = sqlite_free};
