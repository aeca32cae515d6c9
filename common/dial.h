/* SPDX-License-Identifier: ISC */
/*
 * Connections to a server whose address a configuration names.
 */
#ifndef MAILFROM_COMMON_DIAL_H
#define MAILFROM_COMMON_DIAL_H

#include "common/sockaddr.h"

/*
 * Connect.  From then on a read or write that takes longer than limit_sec
 * fails with EAGAIN.  A descriptor, close-on-exec; or -1, and errno says why
 * (EADDRNOTAVAIL: the host has no address, ETIMEDOUT).
 */
int dial(const struct sockaddr_spec *spec, unsigned limit_sec);

/* Write all of t; false, and errno says why. */
bool dial_send(int fd, struct mf_text t);

#endif
