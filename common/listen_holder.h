/* SPDX-License-Identifier: ISC */
/*
 * Which process has an address that we want to listen on.  Linux says it in
 * /proc, to whoever may see that process; elsewhere nobody is found.
 */
#ifndef MAILFROM_COMMON_LISTEN_HOLDER_H
#define MAILFROM_COMMON_LISTEN_HOLDER_H

#include <sys/socket.h>

#include "common/text.h"

struct listen_holder {
	pid_t pid;     /* 0: unknown */
	char name[64]; /* of its program, printable; "" if unknown */
};

/* address: of AF_UNIX, AF_INET or AF_INET6. */
void listen_holder_find(
    const struct sockaddr *address, struct listen_holder *out);

/*
 * Whether that may well be program, already running: it has this name, or
 * systemd listens for it, or systemd runs us to reload it.
 */
bool listen_holder_is(const struct listen_holder *holder, const char *program);

#endif
