/* SPDX-License-Identifier: ISC */
#include "srsd/metrics.h"

#include <stddef.h>

#include "common/log.h"
#include "common/resources.h"

static uint64_t
get(atomic_ullong *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

/* Sum of a count of all workers, which is so many octets into its struct. */
static uint64_t
sum(const struct srsd_metrics *m, size_t offset)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < m->count; i++) {
		char *counts = (char *)worker_counts(m->workers[i]);

		total += get((atomic_ullong *)(void *)(counts + offset));
	}
	return total;
}

/* --- requests --- */

static void
write_requests(struct metrics_writer *w, const struct srsd_metrics *m)
{
	for (unsigned i = 0; i <= MAPS; i++) {
		struct metrics_label label = {
		    "map", i == MAPS ? MF_TEXT("unknown") : map_name(i)};

		metrics_counter(w, "srsd_requests_total",
		    "Requests by the map that they name.", &label,
		    sum(m,
			offsetof(struct srsd_counts, maps) +
			    i * sizeof(atomic_ullong)));
	}
	metrics_counter(w, "srsd_malformed_total",
	    "Requests that could not be understood.", NULL,
	    sum(m, offsetof(struct srsd_counts, malformed)));
}

/* Whether recipients can have this outcome, or senders. */
static bool
is_of_recipients(enum policy_reason reason)
{
	return reason == POLICY_RESTORED || reason == POLICY_NOT_SRS ||
	    reason == POLICY_FOREIGN_DOMAIN || reason == POLICY_BAD_SIGNATURE ||
	    reason == POLICY_EXPIRED || reason == POLICY_ROW_MISSING;
}

static bool
is_of_both(enum policy_reason reason)
{
	return reason == POLICY_TOO_LONG || reason == POLICY_BAD_ADDRESS ||
	    reason == POLICY_NULL_SENDER || reason == POLICY_STORE_DOWN;
}

static void
write_outcomes(struct metrics_writer *w, const struct srsd_metrics *m,
    bool reverse, size_t offset)
{
	const char *name =
	    reverse ? "srsd_recipients_total" : "srsd_senders_total";
	const char *help = reverse ? "Recipients by what was answered, and why."
				   : "Senders by what was answered, and why.";

	for (unsigned i = 0; i < COUNTS_REASONS; i++) {
		enum policy_reason reason = (enum policy_reason)i;
		struct metrics_label label = {
		    "reason", mf_text_of(policy_reason_text(reason))};

		if (is_of_both(reason) || is_of_recipients(reason) == reverse)
			metrics_counter(w, name, help, &label,
			    sum(m, offset + i * sizeof(atomic_ullong)));
	}
}

static void
write_signatures(struct metrics_writer *w, const struct srsd_metrics *m)
{
	static const struct {
		const char *name, *help;
		enum policy_reason reason;
	} all[] = {
	    {"srsd_signatures_forged_total",
		"Recipients whose signature is wrong: guesses, or a secret "
		"that is gone.",
		POLICY_BAD_SIGNATURE},
	    {"srsd_signatures_expired_total",
		"Recipients whose signature is too old.", POLICY_EXPIRED},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		metrics_counter(w, all[i].name, all[i].help, NULL,
		    sum(m,
			offsetof(struct srsd_counts, reverse) +
			    all[i].reason * sizeof(atomic_ullong)));
}

/* --- connections --- */

/* One number of each listener; offset: of its count. */
static void
write_listeners(struct metrics_writer *w, const struct srsd_metrics *m,
    const char *name, const char *help, size_t offset)
{
	struct workers_shared *shared = m->shared;

	for (size_t i = 0; i < shared->sockets->count; i++) {
		char *counts = (char *)&shared->listeners[i];
		struct metrics_label label = {
		    "listener", mf_text_of(shared->sockets->list[i].name)};

		metrics_counter(w, name, help, &label,
		    get((atomic_ullong *)(void *)(counts + offset)));
	}
}

static void
write_open(struct metrics_writer *w, const struct srsd_metrics *m)
{
	struct workers_shared *shared = m->shared;

	for (size_t i = 0; i < shared->sockets->count; i++) {
		struct metrics_label label = {
		    "listener", mf_text_of(shared->sockets->list[i].name)};

		metrics_gauge(w, "srsd_connections", "Open connections.",
		    &label, get(&shared->listeners[i].open));
	}
}

static void
write_connections(struct metrics_writer *w, const struct srsd_metrics *m)
{
	write_open(w, m);
	write_listeners(w, m, "srsd_connections_total",
	    "Connections that were accepted.",
	    offsetof(struct listener_counts, accepted));
	write_listeners(w, m, "srsd_connections_evicted_total",
	    "Connections that were closed because others needed the place.",
	    offsetof(struct listener_counts, evicted));
	write_listeners(w, m, "srsd_connections_refused_total",
	    "Connections that were closed at once: there was no place.",
	    offsetof(struct listener_counts, refused));
	metrics_counter(w, "srsd_accept_failures_total",
	    "Connections that no descriptor was left for at first.", NULL,
	    rarely_total(&m->shared->no_descriptors));
}

/* --- all --- */

static void
write_configured(struct metrics_writer *w, const struct srsd_metrics *m)
{
	struct srsd_config *config = NULL;

	srsd_config_refresh(&m->shared->config, &config);
	metrics_gauge(w, "srsd_connections_limit",
	    "Connections that are served at a time.", NULL,
	    workers_limit(m->shared, config));
	rewriter_write_metrics(config->rewriter, "srsd", w);
	if (config->checker != NULL)
		checker_write_metrics(config->checker, "srsd", w);
	if (config->store != NULL)
		store_write_metrics(config->store, "srsd", w);
	srsd_config_release(config);
}

static void
write_log(struct metrics_writer *w)
{
	struct log_health log = log_health();

	metrics_counter(w, "srsd_log_lines_dropped_total",
	    "Log lines dropped because their reader did not keep up.", NULL,
	    log.dropped);
	metrics_gauge(w, "srsd_log_waiting_bytes",
	    "Size of the log lines that wait for their reader.", NULL,
	    log.waiting);
}

void
srsd_metrics_write(void *arg, struct metrics_writer *w)
{
	const struct srsd_metrics *m = arg;

	write_requests(w, m);
	write_outcomes(w, m, false, offsetof(struct srsd_counts, forward));
	write_outcomes(w, m, true, offsetof(struct srsd_counts, reverse));
	write_signatures(w, m);
	write_connections(w, m);
	write_configured(w, m);
	write_log(w);
	resources_write_metrics(w);
}
