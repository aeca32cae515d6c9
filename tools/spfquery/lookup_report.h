/* SPDX-License-Identifier: ISC */
/*
 * A DNS question's answer and how it was come by, for people and as JSON.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_LOOKUP_REPORT_H
#define MAILFROM_TOOLS_SPFQUERY_LOOKUP_REPORT_H

#include "common/json_writer.h"
#include "tools/spfquery/canvas.h"

/* "NOERROR", "NXDOMAIN", "SERVFAIL"; "" if no server has said one. */
const char *lookup_rcode(const struct spf_origin *origin);

/*
 * "  192.0.2.53:53, 12.3 ms, TTL 300", or "..., cached"; why there is nothing;
 * or no text at all.
 */
void lookup_put_origin(const struct canvas *c, const struct spf_answer *answer,
    const struct spf_origin *origin);

/* Members: the answer, and server, rcode, ttl, cached and microseconds. */
void lookup_write_answer(
    struct json_writer *w, const struct spf_answer *answer);
void lookup_write_origin(
    struct json_writer *w, const struct spf_origin *origin);

#endif
