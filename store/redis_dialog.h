/* SPDX-License-Identifier: ISC */
/*
 * A Redis server asked one thing after the other, by a tool that waits: with
 * log-in and, if the URL has it, by way of Sentinel.
 */
#ifndef MAILFROM_STORE_REDIS_DIALOG_H
#define MAILFROM_STORE_REDIS_DIALOG_H

#include "store/redis_link.h"

#define REDIS_DIALOG_REASON_SIZE 600

struct redis_dialog {
	struct event_base *base;
	struct redis_link *link; /* NULL: it was lost */
	struct store_host host;
	bool is_up;
	char reason[REDIS_DIALOG_REASON_SIZE]; /* why something failed */
};

/* False: reason says why; redis_dialog_end() is due all the same. */
bool redis_dialog_begin(
    struct redis_dialog *dialog, const struct store_params *params);
void redis_dialog_end(struct redis_dialog *dialog);

/* Send a command without waiting for its reply. */
void redis_dialog_send(struct redis_dialog *dialog, const struct mf_text *words,
    size_t count, redis_callback *done, void *arg);

/*
 * Send one, and wait for its reply and all before.  False: it was refused, or
 * the connection is lost; reason says why.  done may be NULL.
 */
bool redis_dialog_ask(struct redis_dialog *dialog, const struct mf_text *words,
    size_t count, redis_callback *done, void *arg);

#endif
