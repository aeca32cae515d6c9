/* SPDX-License-Identifier: ISC */
#include "rewrite/secret_memory.h"

#include <errno.h>
#include <openssl/crypto.h>

/*
 * The file at its largest takes a quarter of it, for as long as it is read; 64
 * keys of 192 octets in a rewriter's three rings take a tenth, and a reload has
 * two rewriters, or more while requests still use the old ones.  A power of 2;
 * only pages that are used take memory.
 */
#define HEAP_SIZE  (1024 * 1024)
#define BLOCK_SIZE 64 /* the smallest */

void
secret_memory_start(struct report *report)
{
	errno = 0;
	switch (CRYPTO_secure_malloc_init(HEAP_SIZE, BLOCK_SIZE)) {
	case 1:
		return;
	case 2:
		report_warning(report, NULL, 0, NULL,
		    "cannot lock the memory of the secrets: %s; they may get "
		    "into swap space.  Raise the limit on locked memory "
		    "(LimitMEMLOCK= in systemd, ulimit -l) to 2 MB",
		    errno != 0 ? strerror(errno) : "no reason known");
		return;
	default:
		report_warning(report, NULL, 0, NULL,
		    "no memory can be set apart for the secrets; they may get "
		    "into swap space");
	}
}

static void *
secret_alloc(size_t size)
{
	return OPENSSL_secure_malloc(size);
}

static void
secret_wipe_and_free(void *p, size_t size)
{
	OPENSSL_secure_clear_free(p, size);
}

const struct file_memory secret_memory = {.max = SECRET_FILE_MAX,
    .alloc = secret_alloc,
    .wipe_and_free = secret_wipe_and_free};
