/* SPDX-License-Identifier: ISC */
/*
 * What the main thread does while workers serve: SIGHUP, and a change of what
 * the configuration names, reload it; SIGTERM and SIGINT end.
 */
#ifndef MAILFROM_SRSD_CONTROL_H
#define MAILFROM_SRSD_CONTROL_H

#include "common/daemon.h"
#include "srsd/server.h"

/*
 * Wait until srsd is to end; signals are unblocked meanwhile.  False: there is
 * no memory for it.
 */
bool control_server(struct server *server, const struct daemon_program *program,
    const struct daemon_options *options);

#endif
