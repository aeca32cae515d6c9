/* SPDX-License-Identifier: ISC */
/*
 * SPF for daemons: the section [spf], and the resolver and engine it describes.
 */
#ifndef MAILFROM_CHECK_CHECKS_H
#define MAILFROM_CHECK_CHECKS_H

#include "common/conf.h"
#include "common/report.h"
#include "libspf/engine.h"
#include "libspf/resolver.h"

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct check_settings {
	unsigned engine; /* enum spf_engine */
	struct conf_list nameservers;
	uint64_t timeout; /* seconds */
	bool prefetch;
	uint64_t cache_size; /* octets */
	struct text best_guess;
	struct text delegate;
	struct conf_list trusted_forwarder;
	struct conf_list records; /* "domain v=spf1 ..." each */
	struct text explanation;
	struct text helper;
};

/* The table of [spf]; values is where they go. */
struct conf_section check_section(struct check_settings *values);

/* [spf] made ready: read only, shared by all threads.  Counted. */
struct checker;

/*
 * Make a checker.  old: that of the configuration before, or NULL; if all that
 * matters is the same it is returned again, with its cache, and counted once
 * more.  NULL, and errors were reported.
 *
 * It starts a thread (and helper processes, for libspf2): after the last fork.
 */
struct checker *checker_new(const struct check_settings *settings,
    const struct conf *conf, const char *file, struct checker *old,
    struct report *report);

/* Only see whether the settings make sense; starts nothing. */
bool check_settings_ok(const struct check_settings *settings,
    const struct conf *conf, const char *file, struct report *report);

struct checker *checker_hold(struct checker *checker);
void checker_release(struct checker *checker); /* NULL is fine */

/* At most so many checks side by side. */
#define CHECKS_MAX 16

struct check {
	struct spf_request request; /* best_guess and delegate are filled in */
	struct spf_verdict verdict;
};

/*
 * Make count checks side by side and wait for all, until deadline_ms of
 * CLOCK_MONOTONIC at most: what isn't done by then is a temperror.
 */
void checker_run(struct checker *checker, struct check *checks, size_t count,
    uint64_t deadline_ms);

/* When a check that begins now has to end. */
uint64_t checker_deadline(const struct checker *checker);

/* Domains of trusted_forwarder. */
const struct conf_list *checker_forwarders(const struct checker *checker);

void checker_stats(
    struct checker *checker, struct spf_resolver_stats *resolver);

#endif
