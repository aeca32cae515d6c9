/* SPDX-License-Identifier: ISC */
/*
 * The sockets that srsd listens on: those of the configuration, or those that
 * systemd has passed, which stand in for all of them.
 */
#ifndef MAILFROM_SRSD_SOCKETS_H
#define MAILFROM_SRSD_SOCKETS_H

#include "common/listen.h"
#include "common/privilege.h"
#include "srsd/config.h"
#include "srsd/protocol.h"

#define SOCKETS_MAX 64

/* Octets of the name of a listener, cut, with NUL. */
#define LISTENER_NAME_SIZE 160

struct listener {
	int fd;
	enum protocol protocol;
	bool is_unix;
	char name[LISTENER_NAME_SIZE]; /* its address as configured */
};

struct sockets {
	struct listener list[SOCKETS_MAX];
	size_t count;
	int metrics_fd; /* -1: none */
};

/*
 * Open the sockets, to be called as root; UNIX-domain ones belong to `who`
 * unless socket_owner says otherwise.  check: to see whether it can be done, or
 * NULL; then listen_check_end() is due.  False: an error was reported.
 */
bool sockets_open(struct sockets *sockets, const struct srsd_config *config,
    const struct privilege *who, const struct listen_check *check,
    struct report *report);

/* Warn of sockets that could not be opened by whom the daemon has become. */
void sockets_warn_user(const struct srsd_config *config,
    const struct listen_check *check, struct report *report);

#endif
