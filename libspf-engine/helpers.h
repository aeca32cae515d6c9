/* SPDX-License-Identifier: ISC */
/*
 * libspf2 in processes of its own: a pool of them, whose turn it is, and a
 * check from its request to its verdict.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_HELPERS_H
#define MAILFROM_LIBSPF_ENGINE_HELPERS_H

#include <sys/types.h>

#include <mailfrom/spf_engine.h>

struct helpers;

/*
 * Up to `count` helpers, one of which is started now.  *out is the caller's,
 * for helpers_free_(); NULL unless SPF_ENGINE_OK.
 */
enum spf_engine_status helpers_new_(const char *path, unsigned count,
    unsigned timeout_ms, struct helpers **out);

/* NULL is fine. */
void helpers_free_(struct helpers *helpers);

/* The contract of spf_libspf2_evaluate(). */
enum spf_status helpers_evaluate_(struct helpers *helpers,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out, enum spf_opinion *opinion);

void helpers_stats_(struct helpers *helpers, uint64_t *starts, int *status);

/* The process of helper i, 0 if it isn't running: for tests. */
pid_t helpers_pid_(struct helpers *helpers, unsigned i);

#endif
