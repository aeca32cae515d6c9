/* SPDX-License-Identifier: ISC */
/*
 * One helper process, the side of the daemon: starting it, ending it, and
 * messages (wire.h) to it and from it.  The other side is helper_main.c.
 *
 * A helper is started with posix_spawn(), which is safe in a process with
 * threads, and talks over a socket pair, a message in a datagram.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_HELPER_H
#define MAILFROM_LIBSPF_ENGINE_HELPER_H

#include <sys/types.h>

#include "libspf-engine/wire.h"

struct helper {
	pid_t pid; /* 0: none */
	int fd;
	bool busy;
	char message[WIRE_SIZE + 1]; /* one more shows what is too long */
};

/* The clock that deadlines are on. */
uint64_t helper_now_ms_(void);

/*
 * Start path, and wait up to timeout_ms for its hello.  False, and errno: it
 * can't be started; errno is 0: it isn't what we took it for.
 */
bool helper_start_(struct helper *h, const char *path, unsigned timeout_ms);

/* Kill it, in whatever state it is; its status, as wait(2) has it. */
int helper_end_(struct helper *h);

/* SPF_OPINION_GIVEN: it went well; else what becomes of the check. */
enum spf_opinion helper_send_(struct helper *h, const struct text_out *message);

/* The same; *message is a view into h->message. */
enum spf_opinion helper_receive_(
    struct helper *h, uint64_t until_ms, struct mf_text *message);

#endif
