/* SPDX-License-Identifier: ISC */
/*
 * Whether a configuration says anything for a daemon: a package starts a daemon
 * that nobody has configured yet no more than it lets it fail.
 */
#ifndef MAILFROM_COMMON_CONFIGURED_H
#define MAILFROM_COMMON_CONFIGURED_H

#include "common/daemon.h"

/*
 * Whether the file at options->path sets a key of the program's section, other
 * than secret_file, which packages set.  A legacy file does, and so does one
 * that can't be read or parsed: the daemon has to report that.
 * False if there is no file, or no such key.
 */
bool configured_look(
    const struct daemon_program *program, const struct daemon_options *options);

/* --configured: exit status, with the reason printed if it isn't 0. */
int configured_report(
    const struct daemon_program *program, const struct daemon_options *options);

#endif
