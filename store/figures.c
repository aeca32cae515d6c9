/* SPDX-License-Identifier: ISC */
/*
 * A store's figures for Prometheus.
 */
#include <stdio.h>

#include "common/metrics.h"
#include "store/store.h"

static const char *const kinds[] = {[STORE_PUT] = "put",
    [STORE_GET] = "get",
    [STORE_COUNT] = "count",
    [STORE_PING] = "ping"};

struct store_figure {
	const char *name, *help;
	uint64_t value;
	bool is_gauge;
};

void
store_write_metrics(
    struct store *s, const char *program, struct metrics_writer *w)
{
	struct store_stats stats;
	char name[80];

	store_stats(s, &stats);
	const struct store_figure figures[] = {
	    {"up", "Whether the store is reached.", stats.is_up, true},
	    {"waiting", "Requests that wait for the store.", stats.waiting,
		true},
	    {"failed_total", "Requests that the store did not answer.",
		stats.failed, false},
	    {"late_total", "Requests that were not answered in time.",
		stats.late, false},
	    {"from_cache_total", "Requests that were answered from memory.",
		stats.from_cache, false},
	    {"connects_total", "How often the store was reached again.",
		stats.connects, false}};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const struct store_figure *f = &figures[i];

		snprintf(name, sizeof(name), "%s_store_%s", program, f->name);
		(f->is_gauge ? metrics_gauge : metrics_counter)(
		    w, name, f->help, NULL, f->value);
	}
	snprintf(name, sizeof(name), "%s_store_requests_total", program);
	for (unsigned i = 0; i <= STORE_PING; i++) {
		struct metrics_label label = {"kind", mf_text_of(kinds[i])};

		metrics_counter(w, name, "Requests to the store by their kind.",
		    &label, stats.requests[i]);
	}
}
