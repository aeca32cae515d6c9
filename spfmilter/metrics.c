/* SPDX-License-Identifier: ISC */
#include "spfmilter/metrics.h"

#include "common/log.h"
#include "milter/answer.h"

void
spfmilter_metrics_count(
    struct spfmilter_metrics *f, const struct spfmilter_mail *m)
{
	atomic_fetch_add(&f->recipients_refused, m->refused);
	atomic_fetch_add(&f->recipients_exempt, m->exempt);
	atomic_fetch_add(&f->recipients_left, m->left);
	if (m->is_more)
		return;
	atomic_fetch_add(&f->messages, 1);
	atomic_fetch_add(&f->removed, m->removed);
	if (m->findings != NULL) {
		enum spf_result mailfrom =
		    findings_verdict(m->findings, EXAMINED_MAILFROM)->result;
		enum spf_result helo =
		    findings_verdict(m->findings, EXAMINED_HELO)->result;

		atomic_fetch_add(&f->mailfrom[mailfrom], 1);
		atomic_fetch_add(&f->helo[helo], 1);
	}
	if (m->dkim != NULL && m->dkim->over)
		atomic_fetch_add(
		    &f->dkim[dkim_check_result(m->dkim->check)], 1);
	if (m->lifted)
		atomic_fetch_add(&f->dkim_lifted, 1);
	if (m->decision != NULL)
		atomic_fetch_add(&f->decisions[m->decision->verb], 1);
}

static uint64_t
get(atomic_ullong *figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

static void
write_results(struct metrics_writer *w, const char *name, const char *help,
    atomic_ullong figures[static SPFMILTER_RESULTS])
{
	for (unsigned i = 0; i < SPFMILTER_RESULTS; i++) {
		struct metrics_label label = {.name = "result",
		    .value = mf_text_of(spf_result_text((enum spf_result)i))};

		metrics_counter(w, name, help, &label, get(&figures[i]));
	}
}

static void
write_decisions(struct metrics_writer *w, struct spfmilter_metrics *f)
{
	for (unsigned i = 0; i < SPFMILTER_VERBS; i++) {
		struct metrics_label label = {.name = "action",
		    .value = mf_text_of(action_text((enum action_verb)i))};

		/* No decision ends in these. */
		if (i == ACTION_SKIP || i == ACTION_ERROR)
			continue;
		metrics_counter(w, "spfmilter_decisions_total",
		    "Messages by what was decided.", &label,
		    get(&f->decisions[i]));
	}
}

static void
write_policyd(struct metrics_writer *w, struct policyd_metrics *f)
{
	metrics_counter(w, "spfmilter_policy_connections_total",
	    "Connections to the policy service.", NULL, get(&f->connections));
	metrics_gauge(w, "spfmilter_policy_connections",
	    "Open connections to the policy service.", NULL, get(&f->open));
	metrics_counter(w, "spfmilter_policy_requests_total",
	    "Policy requests that were answered.", NULL, get(&f->requests));
	metrics_counter(w, "spfmilter_policy_malformed_total",
	    "Policy connections closed after a malformed request.", NULL,
	    get(&f->malformed));
	metrics_counter(w, "spfmilter_policy_turned_away_total",
	    "Policy connections closed because of policy_max_connections or a "
	    "lack of descriptors.",
	    NULL, get(&f->turned_away));
	metrics_counter(w, "spfmilter_policy_timeouts_total",
	    "Policy connections closed because a request or answer took too "
	    "long.",
	    NULL, get(&f->timeouts));
}

static void
write_dkim(struct metrics_writer *w, struct spfmilter_metrics *f)
{
	for (unsigned i = 0; i < SPFMILTER_DKIM; i++) {
		struct metrics_label label = {.name = "result",
		    .value = mf_text_of(dkim_result_text((enum dkim_result)i))};

		metrics_counter(w, "spfmilter_dkim_total",
		    "Messages by the result of their DKIM signatures.", &label,
		    get(&f->dkim[i]));
	}
	metrics_counter(w, "spfmilter_dkim_lifted_total",
	    "Messages whose refusal a DKIM signature has lifted.", NULL,
	    get(&f->dkim_lifted));
}

void
spfmilter_metrics_write(struct metrics_writer *w, struct spfmilter_metrics *f,
    struct milter_service *service)
{
	metrics_counter(w, "spfmilter_connections_total",
	    "Connections of the MTA.", NULL, get(&service->connections));
	metrics_counter(w, "spfmilter_messages_total",
	    "Messages that were seen from MAIL on.", NULL, get(&f->messages));
	write_results(w, "spfmilter_mailfrom_total",
	    "Checked messages by the result of MAIL FROM.", f->mailfrom);
	write_results(w, "spfmilter_helo_total",
	    "Checked messages by the result of the HELO name.", f->helo);
	write_decisions(w, f);
	write_dkim(w, f);
	metrics_counter(w, "spfmilter_recipients_refused_total",
	    "Recipients that were refused.", NULL, get(&f->recipients_refused));
	metrics_counter(w, "spfmilter_recipients_exempt_total",
	    "Recipients that were accepted because they are exempt.", NULL,
	    get(&f->recipients_exempt));
	metrics_counter(w, "spfmilter_recipients_rrs_total",
	    "Recipients with RRS addresses that were left to srsmilter.", NULL,
	    get(&f->recipients_left));
	metrics_counter(w, "spfmilter_results_removed_total",
	    "Authentication-Results that claimed our name.", NULL,
	    get(&f->removed));
	write_policyd(w, &f->policyd);
	metrics_counter(w, "spfmilter_errors_total",
	    "Messages that on_error decided.", NULL, get(&service->errors));
	metrics_gauge(w, "spfmilter_callbacks",
	    "Steps that are being answered.", NULL, milter_busy());
	metrics_counter(w, "spfmilter_log_lines_dropped_total",
	    "Log lines dropped because their reader did not keep up.", NULL,
	    log_health().dropped);
	metrics_gauge(w, "spfmilter_log_waiting_bytes",
	    "Size of the log lines that wait for their reader.", NULL,
	    log_health().waiting);
}
