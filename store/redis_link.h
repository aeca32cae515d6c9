/* SPDX-License-Identifier: ISC */
/*
 * A connection to one Redis server, on an event loop; the only file that knows
 * hiredis.  Commands are pipelined: replies come in their order.
 */
#ifndef MAILFROM_STORE_REDIS_LINK_H
#define MAILFROM_STORE_REDIS_LINK_H

#include <event2/event.h>

#include "store/store.h"

/* Elements of an array that are looked at. */
#define REDIS_PARTS_MAX 8

/* Arguments of a command. */
#define REDIS_WORDS_MAX 8

enum redis_kind { REDIS_LOST, REDIS_NOTHING, REDIS_VALUE, REDIS_REFUSED };

/* A reply, or what an array has. */
struct redis_part {
	enum redis_kind kind;
	struct mf_text text; /* of REDIS_VALUE: "" of a number; the error */
	long long number;
	const void *inner; /* of an array, for redis_inner(); else NULL */
	size_t inner_count;
};

/* Element i, below inner_count, of an array within an array. */
struct redis_part redis_inner(const struct redis_part *part, size_t i);

/* REDIS_LOST: the connection was, before the answer came. */
struct redis_answer {
	enum redis_kind kind;
	size_t count; /* 1 if it is no array */
	struct redis_part parts[REDIS_PARTS_MAX];
};

typedef void redis_callback(void *arg, const struct redis_answer *answer);

struct redis_link;

struct redis_link_params {
	struct event_base *base;
	const char *path;              /* of a unix socket; or NULL */
	const struct store_host *host; /* else */
	bool tls;
	const char *ca_file; /* "": the system's */
	unsigned timeout_ms; /* without any reply while some are due */
	/*
	 * The connection is there; or it is lost, and why: the link is gone
	 * then, after all callbacks got REDIS_LOST.
	 */
	void (*up)(void *arg);
	void (*down)(void *arg, const char *reason);
	void *arg;
};

/* Begin to connect.  NULL: it can't; reason says why, down isn't called. */
struct redis_link *redis_link_new(
    const struct redis_link_params *params, char *reason, size_t reason_size);

/*
 * Close it once the loop goes on, so that callbacks of the link may ask for it;
 * commands get REDIS_LOST then, and down isn't called.  NULL is fine.
 */
void redis_link_close(struct redis_link *link);

/* Send a command.  done is called once; with REDIS_LOST maybe at once. */
void redis_link_send(struct redis_link *link, const struct mf_text *words,
    size_t count, redis_callback *done, void *arg);

#endif
