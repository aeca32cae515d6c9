/* SPDX-License-Identifier: ISC */
/*
 * Becoming a daemon.
 */
#ifndef MAILFROM_COMMON_BACKGROUND_H
#define MAILFROM_COMMON_BACKGROUND_H

#include <stdbool.h>

/*
 * Go into the background.  The parent stays until the child serves, or has
 * failed and said why, and exits with what became of it.  Returns in the child
 * only, with the descriptor that background_ready() takes.
 */
int background_start(void);

/*
 * The child serves: let go of the terminal and of the parent, but for stderr
 * where there is nothing else to log to.  -1: not in the background, nothing is
 * done.
 */
void background_ready(int ready_fd, bool keeps_stderr);

/*
 * A pid file is opened as root and written once the process has its number.
 * The descriptor, or -1 with errno: EEXIST if there is something else than a
 * file with one name; writing closes it, and does nothing to -1.  False: it
 * could not be written, errno says why.
 */
int pid_file_open(const char *path);

/* Whether it could be opened now; else errno.  Nothing changes. */
bool pid_file_check(const char *path);

bool pid_file_write(int fd);

#endif
