/* SPDX-License-Identifier: ISC */
/*
 * Memory for secrets that is neither swapped nor in a core file, and wiped when
 * it is freed: OpenSSL's secure heap, where libsrs keeps its keys too.
 */
#ifndef MAILFROM_REWRITE_SECRET_MEMORY_H
#define MAILFROM_REWRITE_SECRET_MEMORY_H

#include "common/file.h"
#include "common/report.h"

/* Octets of a secret file: 64 secrets of 4,095 octets, with their line ends. */
#define SECRET_FILE_MAX (256 * 1024 - 1)

/*
 * Set it up, before a secret is read and after the last fork, which keeps no
 * lock.  If the system doesn't let us lock it, that is a warning; without it,
 * as in tools that soon end, secrets are in ordinary memory.
 */
void secret_memory_start(struct report *report);

/* For the secret file; what the heap has no space for is ENOMEM. */
extern const struct file_memory secret_memory;

#endif
