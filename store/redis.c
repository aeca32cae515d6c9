/* SPDX-License-Identifier: ISC */
/*
 * Rows in a Redis server, or in the one that Sentinel says is the master.
 *
 * Commands are pipelined on one connection.  With `replicas`, rows that are put
 * go over a second, where a WAIT follows them: it holds up what comes after it
 * on its connection, and is shared by all rows that were put meanwhile.
 *
 * Connecting: sentinel (if there are any), AUTH, SELECT, ROLE (the same), and
 * only then requests.  What fails is tried again after a delay that doubles and
 * is never the same for two hosts, so that a server that comes back isn't met
 * by all of them at once.
 */
/* pipe2() is outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/redis_.h"

#define RETRY_MS     50
#define RETRY_MAX_MS 5000

/* An idle connection is asked whether it still is one. */
#define IDLE_SEC 10

/* --- losing --- */

/* xorshift64*: 0..below-1; only so that hosts differ. */
static uint64_t
draw(struct redis_store *s, uint64_t below)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(0x2545f4914f6cdd1d) >> 32) % below;
}

static void
schedule(struct redis_store *s)
{
	uint64_t ms = s->delay_ms / 2 + draw(s, s->delay_ms);
	struct timeval delay = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	event_add(s->retry, &delay);
	s->delay_ms *= 2;
	if (s->delay_ms > RETRY_MAX_MS)
		s->delay_ms = RETRY_MAX_MS;
}

static void
close_all(struct redis_store *s)
{
	redis_link_close(s->sentinel);
	s->sentinel = NULL;
	for (unsigned i = 0; i < s->link_count; i++) {
		redis_link_close(s->sides[i].link);
		s->sides[i].link = NULL;
		s->sides[i].is_ready = false;
	}
}

static void
lose(struct redis_store *s, const char *reason)
{
	close_all(s);
	redis_keep_all_(s);
	store_is_down(s->store, reason);
	if (!event_pending(s->retry, EV_TIMEOUT, NULL))
		schedule(s);
}

static void
lose_text(struct redis_store *s, const char *what, struct mf_text text)
{
	char reason[REDIS_REASON_SIZE];
	struct text_out out = text_out(reason, sizeof(reason) - 1);

	out_str(&out, what);
	out_str(&out, ": ");
	out_text(&out, text_head(text, 200));
	reason[out.len] = '\0';
	lose(s, reason);
}

/* Where: "HOST:PORT", or the path. */
static void
lose_at(struct redis_store *s, const char *what, const struct store_host *host,
    const char *reason)
{
	char where[STORE_HOST_SIZE + 40];
	struct text_out out = text_out(where, sizeof(where) - 1);

	out_str(&out, what);
	out_char(&out, ' ');
	if (host->name[0] != '\0') {
		out_str(&out, host->name);
		out_char(&out, ':');
		out_uint(&out, host->port);
	} else
		out_text(&out, text_head(mf_text_of(s->params.url.path), 200));
	where[out.len] = '\0';
	lose_text(s, where, mf_text_of(reason));
}

/* --- logging in --- */

static void
settle(struct redis_side *side)
{
	struct redis_store *s = side->store;

	side->is_ready = true;
	for (unsigned i = 0; i < s->link_count; i++)
		if (!s->sides[i].is_ready)
			return;
	s->delay_ms = RETRY_MS;
	store_is_up(s->store);
	redis_send_all_(s);
}

/* Of AUTH, SELECT and ROLE: "master" is what only the last can say. */
static void
on_login(void *arg, const struct redis_answer *answer)
{
	struct redis_side *side = arg;
	struct redis_store *s = side->store;
	struct mf_text text = answer->parts[0].text;

	if (answer->kind == REDIS_LOST || side->link == NULL)
		return; /* down or closed */
	if (answer->kind == REDIS_REFUSED)
		lose_text(s, "Redis", text);
	else if (answer->count > 1 && !mf_text_eq(text, MF_TEXT("master")))
		lose(s, "Redis: the server that Sentinel named is no master");
	else if (--side->replies_due == 0)
		settle(side);
}

static void
send_auth(const struct redis_store *s, struct redis_link *link,
    redis_callback *done, void *arg)
{
	const struct store_params *p = &s->params;
	const struct mf_text words[] = {
	    MF_TEXT("AUTH"), mf_text_of(p->user), mf_text_of(p->password)};
	const struct mf_text without[] = {words[0], words[2]};

	if (p->user[0] != '\0')
		redis_link_send(link, words, 3, done, arg);
	else
		redis_link_send(link, without, 2, done, arg);
}

static void
on_up(void *arg)
{
	struct redis_side *side = arg;
	struct redis_store *s = side->store;
	char database[21];
	const struct mf_text role = MF_TEXT("ROLE");
	const struct mf_text select[] = {
	    MF_TEXT("SELECT"), redis_number_(s->params.url.database, database)};
	bool has_auth = s->params.password[0] != '\0';
	bool has_role = s->params.url.scheme == STORE_REDIS_SENTINEL;

	side->replies_due = 1u + has_auth + has_role;
	if (has_auth)
		send_auth(s, side->link, on_login, side);
	redis_link_send(side->link, select, 2, on_login, side);
	if (has_role)
		redis_link_send(side->link, &role, 1, on_login, side);
}

static void
on_down(void *arg, const char *reason)
{
	struct redis_side *side = arg;

	side->link = NULL;
	side->is_ready = false;
	lose_at(side->store, "Redis at", &side->store->master, reason);
}

/* --- connecting --- */

static void
connect_master(struct redis_store *s)
{
	const struct store_url *url = &s->params.url;
	char reason[REDIS_REASON_SIZE];

	for (unsigned i = 0; i < s->link_count; i++) {
		struct redis_side *side = &s->sides[i];
		const struct redis_link_params params = {.base = s->base,
		    .path = url->scheme == STORE_REDIS_UNIX ? url->path : NULL,
		    .host = &s->master,
		    .tls = url->scheme == STORE_REDIS_TLS,
		    .ca_file = s->params.ca_file,
		    .timeout_ms = s->params.timeout_ms,
		    .up = on_up,
		    .down = on_down,
		    .arg = side};

		side->link = redis_link_new(&params, reason, sizeof(reason));
		if (side->link == NULL) {
			lose_at(s, "Redis at", &s->master, reason);
			return;
		}
	}
}

/* --- Sentinel --- */

static const struct store_host *
sentinel_host(const struct redis_store *s)
{
	return &s->params.url.hosts[s->next_sentinel];
}

/* The next time another is asked. */
static void
lose_sentinel(struct redis_store *s, const char *reason)
{
	struct store_host host = *sentinel_host(s);

	s->next_sentinel = (s->next_sentinel + 1) % s->params.url.host_count;
	lose_at(s, "Sentinel at", &host, reason);
}

static bool
read_master(const struct redis_answer *answer, struct store_host *out)
{
	const struct redis_part *host = &answer->parts[0];
	uint64_t port;

	if (answer->count != 2 || host->text.len == 0 ||
	    host->text.len >= sizeof(out->name) ||
	    !text_uint(answer->parts[1].text, UINT16_MAX, &port))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->name, host->text.p, host->text.len);
	out->port = (uint16_t)port;
	return true;
}

static void ask_sentinel(struct redis_store *s, redis_callback *done);

static void
on_master(void *arg, const struct redis_answer *answer)
{
	struct redis_store *s = arg;

	if (answer->kind == REDIS_LOST || s->sentinel == NULL)
		return;
	if (answer->kind == REDIS_REFUSED)
		lose_text(s, "Sentinel", answer->parts[0].text);
	else if (!read_master(answer, &s->master))
		lose_sentinel(s, "it knows no master of that name");
	else {
		redis_link_close(s->sentinel);
		s->sentinel = NULL;
		connect_master(s);
	}
}

/* The password is for the servers; sentinels that want it get it too. */
static void
on_first(void *arg, const struct redis_answer *answer)
{
	struct redis_store *s = arg;

	if (answer->kind == REDIS_REFUSED && s->sentinel != NULL &&
	    s->params.password[0] != '\0' &&
	    text_starts(answer->parts[0].text, MF_TEXT("NOAUTH"))) {
		send_auth(s, s->sentinel, redis_ignore_, NULL);
		ask_sentinel(s, on_master);
	} else
		on_master(arg, answer);
}

static void
ask_sentinel(struct redis_store *s, redis_callback *done)
{
	const struct mf_text words[] = {MF_TEXT("SENTINEL"),
	    MF_TEXT("get-master-addr-by-name"),
	    mf_text_of(s->params.url.master)};

	redis_link_send(s->sentinel, words, 3, done, s);
}

static void
on_sentinel_up(void *arg)
{
	ask_sentinel(arg, on_first);
}

static void
on_sentinel_down(void *arg, const char *reason)
{
	struct redis_store *s = arg;

	s->sentinel = NULL;
	lose_sentinel(s, reason);
}

static void
connect_sentinel(struct redis_store *s)
{
	char reason[REDIS_REASON_SIZE];
	const struct redis_link_params params = {.base = s->base,
	    .host = sentinel_host(s),
	    .ca_file = "",
	    .timeout_ms = s->params.timeout_ms / 2,
	    .up = on_sentinel_up,
	    .down = on_sentinel_down,
	    .arg = s};

	s->sentinel = redis_link_new(&params, reason, sizeof(reason));
	if (s->sentinel == NULL)
		lose_sentinel(s, reason);
}

static void
connect_now(struct redis_store *s)
{
	if (s->params.url.scheme == STORE_REDIS_SENTINEL)
		connect_sentinel(s);
	else
		connect_master(s);
}

/* --- the thread --- */

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_now(arg);
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct redis_store *s = arg;
	char bytes[64];

	(void)what;
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	if (store_stopping(s->store))
		event_base_loopbreak(s->base);
	else
		redis_send_all_(s);
}

static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	const struct mf_text ping = MF_TEXT("PING");
	struct redis_store *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->link_count; i++)
		if (s->sides[i].is_ready)
			redis_link_send(
			    s->sides[i].link, &ping, 1, redis_ignore_, NULL);
}

static void
redis_run(void *self)
{
	struct redis_store *s = self;

	connect_now(s);
	event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY);
	event_del(s->retry);
	close_all(s);
	redis_keep_all_(s);
	/* The links are closed in the loop's next turn. */
	event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void
redis_wake(void *self)
{
	struct redis_store *s = self;

	(void)!write(s->pipe[1], "", 1);
}

static void
redis_free(void *self)
{
	struct redis_store *s = self;
	struct event *events[] = {s->woken, s->retry, s->idle};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (s->base != NULL)
		event_base_free(s->base);
	if (s->pipe[0] >= 0) {
		close(s->pipe[0]);
		close(s->pipe[1]);
	}
	store_params_wipe(&s->params);
	free(s);
}

static bool
redis_build(struct redis_store *s)
{
	const struct timeval idle = {.tv_sec = IDLE_SEC};

	if (pipe2(s->pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    getentropy(&s->random, sizeof(s->random)) < 0)
		return false;
	s->random |= 1;
	s->base = event_base_new();
	if (s->base == NULL)
		return false;
	s->woken =
	    event_new(s->base, s->pipe[0], EV_READ | EV_PERSIST, on_woken, s);
	s->retry = event_new(s->base, -1, 0, on_retry, s);
	s->idle = event_new(s->base, -1, EV_PERSIST, on_idle, s);
	return s->woken != NULL && s->retry != NULL && s->idle != NULL &&
	    event_add(s->woken, NULL) == 0 && event_add(s->idle, &idle) == 0;
}

void *
store_redis_new(struct store *store, const struct store_params *params)
{
	struct redis_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->store = store;
	s->params = *params;
	s->master = params->url.hosts[0];
	s->link_count = params->replicas != 0 ? REDIS_LINKS : 1;
	s->delay_ms = RETRY_MS;
	s->lose = lose;
	s->pipe[0] = -1;
	TAILQ_INIT(&s->unsent);
	TAILQ_INIT(&s->unacked);
	for (unsigned i = 0; i < REDIS_LINKS; i++)
		s->sides[i].store = s;
	if (redis_build(s))
		return s;
	redis_free(s);
	return NULL;
}

const struct store_backend store_redis = {
    .run = redis_run, .wake = redis_wake, .free = redis_free};
