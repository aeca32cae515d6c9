/* SPDX-License-Identifier: ISC */
/*
 * mailfrom store import: what postsrsd 2.x has kept, so that its outstanding
 * addresses are restored.
 *
 * Its keys are DIGEST@1, as ours are; the digest is SHA-1 of the sender, which
 * nobody but the one who looks for it need know.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "rewrite/policy.h"
#include "store/rows.h"
#include "tools/mailfrom/mailfrom.h"
#include "tools/mailfrom/store.h"

/* Rows that are under way at a time: they share a commit. */
#define UNDER_WAY_MAX 500

struct store_copy {
	struct store *into;
	uint64_t now_sec;
	struct store_query *queries[UNDER_WAY_MAX];
	size_t under_way;
	pthread_mutex_t lock; /* of what is answered */
	pthread_cond_t done;
	size_t answered;
	uint64_t copied, failed, others;
};

/* On a thread of the store's. */
static void
on_put(void *arg, const struct store_answer *answer)
{
	struct store_copy *c = arg;

	pthread_mutex_lock(&c->lock);
	c->answered++;
	if (answer->status == STORE_OK)
		c->copied++;
	else
		c->failed++;
	pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

static void
wait_for_all(struct store_copy *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->answered < c->under_way)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->under_way; i++)
		store_forget(c->into, c->queries[i]);
	c->under_way = c->answered = 0;
}

static bool
is_address(struct mf_text value)
{
	size_t at = text_rfind(value, '@');

	return at != 0 && at + 1 < value.len && value.len <= SRS_ADDR_MAX &&
	    !text_has_control(value);
}

static bool
copy_row(void *arg, const struct stored_row *row)
{
	char digest[SRS_DIGEST_SIZE], key[POLICY_ROW_KEY_SIZE];
	struct store_copy *c = arg;
	struct store_answer answer;

	if (!srs_alias_digest(row->key, digest) || !is_address(row->value)) {
		c->others++;
		return true;
	}
	snprintf(key, sizeof(key), POLICY_ROW_PREFIX "%s", digest);
	const struct store_request request = {.kind = STORE_PUT,
	    .key = mf_text_of(key),
	    .value = row->value,
	    .expires_sec = row->expires_sec,
	    .now_sec = c->now_sec};
	if (store_ask(c->into, &request, on_put, c, &c->queries[c->under_way],
		&answer) == STORE_WAITS)
		c->under_way++;
	else
		c->failed++;
	if (c->under_way == UNDER_WAY_MAX)
		wait_for_all(c);
	return c->failed == 0;
}

/* postsrsd's own forms: sqlite:FILE, redis:HOST:PORT, redis:/path; or a file. */
static bool
read_source(const char *source, struct store_params *out, const char **why)
{
	struct mf_text text = mf_text_of(source), redis = MF_TEXT("redis:");
	char url[STORE_PATH_SIZE + 16], path[STORE_PATH_SIZE];

	memset(out, 0, sizeof(*out));
	out->timeout_ms = 10000;
	if (text_starts(text, redis) &&
	    !text_starts(text, MF_TEXT("redis://"))) {
		text = text_from(text, redis.len);
		snprintf(url, sizeof(url), "%s%s",
		    text.len != 0 && text.p[0] == '/' ? "redis+unix:"
						      : "redis://",
		    text.p);
	} else if (text_starts(text, MF_TEXT("redis")))
		snprintf(url, sizeof(url), "%s", source);
	else {
		if (text_starts(text, MF_TEXT("sqlite:")))
			text = text_from(text, strlen("sqlite:"));
		if (text.len == 0 || text.len >= sizeof(path)) {
			*why = "no file, or too long";
			return false;
		}
		/* SQLite takes a relative path; the URL of a store doesn't. */
		snprintf(path, sizeof(path), "%s", text.p);
		out->url.scheme = STORE_SQLITE;
		memcpy(out->url.path, path, sizeof(path));
		return true;
	}
	return store_url_parse(mf_text_of(url), &out->url, why);
}

int
store_import(const char *source, const struct store_params *into)
{
	static struct store_copy copy = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .done = PTHREAD_COND_INITIALIZER};
	struct report report = report_to_stderr();
	struct store_params from;
	char reason[ROWS_REASON_SIZE];
	const char *why;
	bool ok;

	if (!read_source(source, &from, &why)) {
		fprintf(stderr, "mailfrom store: %s: %s\n", source, why);
		return MAILFROM_EXIT_USAGE;
	}
	copy.now_sec = (uint64_t)time(NULL);
	copy.into = store_new(into, NULL, &report);
	if (copy.into == NULL)
		return MAILFROM_EXIT_FAILED;
	const struct rows_request request = {.format = ROWS_POSTSRSD,
	    .row = copy_row,
	    .arg = &copy,
	    .now_sec = copy.now_sec};
	ok = store_rows(&from, &request, reason);
	wait_for_all(&copy);
	store_release(copy.into);
	if (!ok)
		fprintf(stderr, "mailfrom store: %s\n",
		    reason[0] != '\0' ? reason
				      : "the store takes nothing more");
	printf("%llu aliases imported, %llu rows of another kind left out\n",
	    (unsigned long long)copy.copied, (unsigned long long)copy.others);
	if (copy.failed != 0)
		printf("%llu aliases NOT imported: run it again\n",
		    (unsigned long long)copy.failed);
	return ok && copy.failed == 0 ? MAILFROM_EXIT_OK : MAILFROM_EXIT_FAILED;
}
