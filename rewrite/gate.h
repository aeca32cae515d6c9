/* SPDX-License-Identifier: ISC */
/*
 * The SPF gate, skip_if_spf_passes: a sender whose domain lets all our
 * addresses send needs no rewriting.
 *
 * A message may leave from any of outbound_addresses, so each of them has to
 * get a pass, by a record of the domain itself: what best_guess and delegate
 * say is not what the next host sees.  Doubt rewrites.
 */
#ifndef MAILFROM_REWRITE_GATE_H
#define MAILFROM_REWRITE_GATE_H

#include "settings/srs.h"
#include "spfcheck/checker.h"

#define GATE_ADDRESSES_MAX CHECKS_MAX

/* How long an answer is waited for, whatever [spf] allows. */
#define GATE_TIMEOUT_MS 20000

/* Read only, for all threads. */
struct gate;

/* Whether a file asks for the gate, before anything of it is read. */
bool gate_is_wanted(const struct ini *ini);

/*
 * Make the gate that the settings ask for; *out is NULL if they ask for none,
 * and the caller's, for gate_free(), otherwise.  False, and errors reported:
 * addresses are missing, too many or none.
 */
bool gate_new(const struct rewrite_settings *settings, const struct conf *conf,
    const char *file, struct gate **out, struct report *report);
void gate_free(struct gate *gate); /* NULL is fine */

/*
 * Ask for sender, which has a domain, and wait until deadline_ms of
 * CLOCK_MONOTONIC (checker_deadline()), but for GATE_TIMEOUT_MS at most.  True:
 * it may stay.  *cause: why DNS couldn't say, or SPF_CAUSE_NONE.  Takes 50 KB
 * of stack.
 */
bool gate_passes(const struct gate *gate, struct checker *checker,
    struct mf_text sender, uint64_t now_sec, uint64_t deadline_ms,
    enum spf_cause *cause);

/* --- without waiting --- */

enum gate_answer {
	GATE_REWRITES,
	GATE_PASSES, /* the sender may stay */
	GATE_WAITS   /* the answer isn't there yet */
};

struct gate_query;

/* Called once, on a thread of the checker's, which it may not hold up. */
typedef void gate_callback(void *arg, bool passes, enum spf_cause cause);

/*
 * Ask without waiting.  With GATE_WAITS *query is the caller's, for
 * gate_forget(), and done is called, maybe before this returns.  With another
 * answer done isn't called; *cause is that of GATE_REWRITES, as gate_passes()
 * has it.  The checker may end before the query does.
 */
enum gate_answer gate_ask(const struct gate *gate, struct checker *checker,
    struct mf_text sender, uint64_t now_sec, gate_callback *done, void *arg,
    struct gate_query **query, enum spf_cause *cause);

/*
 * Give a query up, whether or not it is answered.  Once this returns done isn't
 * called, nor is it running; so done may not take a lock that the caller of
 * this holds.
 */
void gate_forget(struct gate_query *query);

#endif
