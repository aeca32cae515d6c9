/* SPDX-License-Identifier: ISC */
/*
 * How often SES signatures were used: a bounce is sent once, and perhaps a
 * second time by another server; who sends more has found the address
 * somewhere.
 *
 * The table is bounded.  Entries go when their signature expires, and when it
 * is full, with the one that expires first.  It is in memory only: a restart
 * forgets it.  Any thread may ask.  Time is an argument, seconds since 1970
 * UTC.
 */
#ifndef MAILFROM_SRSMILTER_REPLAY_H
#define MAILFROM_SRSMILTER_REPLAY_H

#include <mailfrom/ses.h>

struct replay;

/*
 * A table of at most `entries` signatures (1..REPLAY_SIZE_MAX), some 80
 * octets each, which the system gives when they are needed.  NULL, and errno:
 * no memory, or no random numbers.
 */
struct replay *replay_new(size_t entries);
void replay_free(struct replay *replay); /* NULL is fine */

/*
 * Whether signature, of at most SES_SIGNATURE_MAX octets, has been used `limit`
 * times, 1..SES_REPLAYS_MAX.  Case counts: struct policy_signature has one.
 */
bool replay_used_up(struct replay *replay, struct mf_text signature,
    unsigned limit, uint64_t now_sec);

/*
 * Count a use of signature, which expires at expires_sec.  False, and nothing
 * is counted: it was used `limit` times already.
 */
bool replay_use(struct replay *replay, struct mf_text signature,
    uint64_t expires_sec, unsigned limit, uint64_t now_sec);

struct replay_stats {
	size_t entries;
	uint64_t evicted; /* before their time, as the table was full */
};

void replay_stats(struct replay *replay, struct replay_stats *out);

#endif
