/* SPDX-License-Identifier: ISC */
/*
 * Listening sockets: opened by us, or handed over by systemd.
 */
#ifndef MAILFROM_COMMON_LISTEN_H
#define MAILFROM_COMMON_LISTEN_H

#include <sys/types.h>

#include "common/report.h"
#include "common/sockaddr.h"

/* That an attempt is only made to see whether it would succeed (-n). */
struct listen_check {
	const char *program; /* what it has open already is no error */
	/* Its systemd unit makes /run/USER, which may not be there yet. */
	const char *user;
};

struct listen_options {
	mode_t mode; /* of a UNIX-domain socket */
	uid_t uid;   /* its owner, (uid_t)-1 and (gid_t)-1: unchanged */
	gid_t gid;
	/* Where the address stands, and what else of it, for messages. */
	const char *file, *key;
	unsigned line, owner_line;        /* 0: nowhere */
	const struct listen_check *check; /* NULL: to listen */
};

/*
 * Open a non-blocking, close-on-exec listening socket with the largest backlog
 * that the system grants.  A UNIX-domain socket that a dead process left is
 * replaced; one that answers, or a file that is no socket, is an error.
 * name is the address as configured, for messages.
 * A descriptor, or -1 and an error was reported.  With options->check, also
 * LISTEN_NOT_NOW: it can't be opened now, but that is no mistake; and
 * listen_check_end() is due.
 */
#define LISTEN_NOT_NOW (-2)
int listen_open(const struct sockaddr_spec *spec,
    const struct listen_options *options, const char *name,
    struct report *report);

/* The same for an address as text; one that is none is reported. */
int listen_open_text(struct mf_text where, const struct listen_options *options,
    struct report *report);

/* Remove what the checks have made in the file system. */
void listen_check_end(void);

/*
 * Warn if where is a path at which this process, which has given up root, could
 * not make a socket: it can only be started as root then.
 */
void listen_warn_user(struct mf_text where,
    const struct listen_options *options, struct report *report);

/* Whether it is an address; if not, an error was reported.  Opens nothing. */
bool listen_check_text(struct mf_text where,
    const struct listen_options *options, struct report *report);

/* The user at the other end of a UNIX-domain connection.  False: unknown. */
bool listen_peer_uid(int fd, uid_t *uid);

/*
 * Sockets passed by systemd (sd_listen_fds(3)): how many, the first being
 * descriptor LISTEN_FIRST_FD.  They are made non-blocking and close-on-exec,
 * and the variables are removed from the environment.
 */
#define LISTEN_FIRST_FD 3
unsigned listen_inherited(void);

/* How many there are; nothing is done to them. */
unsigned listen_inherited_count(void);

/* For a child just forked: what systemd has passed to the parent is its own. */
void listen_inherited_by_child(void);

/* Name of the n-th passed socket (FileDescriptorName=); "" if it has none. */
const char *listen_inherited_name(unsigned n);

/*
 * Owner of a socket from "user", "user:group" or ":group".  False, and an
 * error reported, if there is no such user or group.
 */
bool listen_owner(struct mf_text text, struct listen_options *options,
    const char *file, unsigned line, struct report *report);

#endif
