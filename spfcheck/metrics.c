/* SPDX-License-Identifier: ISC */
/*
 * What the resolver and the helper of libspf2 have done, for Prometheus.
 */
#include <stdio.h>

#include "common/metrics.h"
#include "spfcheck/checker.h"

#define NAME_SIZE 64

typedef void write_number(struct metrics_writer *writer, const char *name,
    const char *help, const struct metrics_label *label, uint64_t value);

static void
write(struct metrics_writer *w, write_number *number, const char *program,
    const char *what, const char *help, uint64_t value)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s_%s", program, what);
	number(w, name, help, NULL, value);
}

static void
write_helper(
    struct checker *checker, const char *program, struct metrics_writer *w)
{
	struct spf_engine_stats engine;

	if (!checker_engine_stats(checker, &engine))
		return;
	write(w, metrics_counter, program, "helper_starts_total",
	    "Starts of a helper process for libspf2.", engine.helper_starts);
	write(w, metrics_counter, program, "audit_differences_total",
	    "Checks that libspf2 had another result for.", engine.differences);
}

void
checker_write_metrics(
    struct checker *checker, const char *program, struct metrics_writer *w)
{
	struct spf_resolver_stats r;

	checker_stats(checker, &r);
	write(w, metrics_counter, program, "dns_checks_total",
	    "SPF checks made.", r.checks);
	write(w, metrics_counter, program, "dns_checks_cached_total",
	    "SPF checks that asked no name server.", r.checks_cached);
	write(w, metrics_counter, program, "dns_questions_total",
	    "Questions sent to name servers.", r.questions);
	write(w, metrics_counter, program, "dns_timeouts_total",
	    "Questions that got no answer in time.", r.timeouts);
	write(w, metrics_counter, program, "dns_errors_total",
	    "Questions that failed, timeouts too.", r.errors);
	write(w, metrics_gauge, program, "dns_cache_bytes",
	    "Size of the DNS answers that are kept.", r.cache_octets);
	write(w, metrics_gauge, program, "dns_in_flight",
	    "Questions that wait for an answer.", r.in_flight);
	write_helper(checker, program, w);
}
