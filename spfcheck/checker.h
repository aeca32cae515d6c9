/* SPDX-License-Identifier: ISC */
/*
 * SPF for daemons: the resolver and the engine that [spf] describes.
 *
 * A checker is read only but for its cache, and shared by all threads.  With
 * another engine than native every check is evaluated on the resolver's thread,
 * where a helper process that hangs holds up all others: for CHECKER_AUDIT_MS
 * or CHECKER_LIBSPF2_MS, and ten times in quick succession at most (engine.h).
 */
#ifndef MAILFROM_SPFCHECK_CHECKER_H
#define MAILFROM_SPFCHECK_CHECKER_H

#include "spfcheck/settings.h"
#include <mailfrom/spf_engine.h>
#include <mailfrom/spf_resolver.h>

/*
 * What a helper may take for one evaluation, in which it waits for nothing;
 * less where its opinion is only compared.
 */
#define CHECKER_LIBSPF2_MS 1000
#define CHECKER_AUDIT_MS   200

struct checker;

/*
 * Only see whether a checker could be made, files included; starts nothing.
 * False, and every mistake reported.
 */
bool check_settings_ok(const struct check_settings *settings,
    const struct conf *conf, const char *file, struct report *report);

/*
 * Make a checker; the settings, conf and file need not outlive it.  old: that
 * of the configuration before, or NULL.  If it has the same settings and
 * records it is returned again, with its cache, and held once more.  The
 * caller's, for checker_release(); NULL, and errors were reported.
 *
 * It starts a thread (and helper processes, for libspf2): after the last fork.
 */
struct checker *checker_new(const struct check_settings *settings,
    const struct conf *conf, const char *file, struct checker *old,
    struct report *report);

struct checker *checker_hold(struct checker *checker);

/*
 * Give up a hold.  With the last one the checker ends: checks in flight get
 * temperror, and their callbacks are called before this returns.  Not from
 * within such a callback.  NULL is fine.
 */
void checker_release(struct checker *checker);

/* At most so many checks side by side. */
#define CHECKS_MAX 16

/*
 * best_guess, delegate and default_explanation of the request are those of
 * [spf], whatever they were.
 */
struct check {
	struct spf_request request;
	struct spf_verdict verdict;
};

/*
 * Make count checks, at most CHECKS_MAX, side by side and wait for all, until
 * deadline_ms of CLOCK_MONOTONIC: what isn't done by then is a temperror.
 * Where all answers are cached this costs nothing but the evaluation.
 */
void checker_run(struct checker *checker, struct check *checks, size_t count,
    uint64_t deadline_ms);

/*
 * Have hook called by checker_run() before it waits, on any thread.  For the
 * process as a whole; before the first check.
 */
void checker_before_wait(void (*hook)(void));

/*
 * Make one check without waiting; a number for checker_cancel().  The contracts
 * are those of spf_resolver_start() and spf_resolver_cancel().
 */
uint64_t checker_start(struct checker *checker,
    const struct spf_request *request, unsigned timeout_ms,
    spf_resolver_callback *done, void *arg);
bool checker_cancel(struct checker *checker, uint64_t check);

/*
 * Ask for the TXT records of name without waiting, so that checker_ask() finds
 * them.
 */
void checker_ask_ahead(struct checker *checker, struct mf_text name);

/*
 * Ask for the TXT records of name and wait, until deadline_ms of CLOCK_MONOTONIC:
 * a failure then.  For spf_reply_release(); NULL: out of memory.
 */
const struct spf_reply *checker_ask(
    struct checker *checker, struct mf_text name, uint64_t deadline_ms);

/* When a check that begins now has to end, in ms of CLOCK_MONOTONIC. */
uint64_t checker_deadline(const struct checker *checker);

/* The time that [spf] allows for a check. */
unsigned checker_timeout_ms(const struct checker *checker);

/* Domains of trusted_forwarder. */
const struct conf_list *checker_forwarders(const struct checker *checker);

void checker_stats(
    struct checker *checker, struct spf_resolver_stats *resolver);

/* False, and all zero: the engine is native. */
bool checker_engine_stats(
    struct checker *checker, struct spf_engine_stats *engine);

struct metrics_writer;

/* Write them for Prometheus, as PROGRAM_dns_checks_total and so on. */
void checker_write_metrics(struct checker *checker, const char *program,
    struct metrics_writer *writer);

#endif
