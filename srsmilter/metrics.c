/* SPDX-License-Identifier: ISC */
#include "srsmilter/metrics.h"

#include "common/log.h"
#include "milter/answer.h"

void
srsmilter_metrics_count(
    struct srsmilter_metrics *f, const struct srsmilter_mail *m)
{
	const struct outgoing *out = m->outgoing;

	atomic_fetch_add(&f->messages, 1);
	for (unsigned i = 0; i < RECIPIENT_FATES; i++)
		atomic_fetch_add(&f->fates[i], m->fates[i]);
	atomic_fetch_add(&f->forged, m->forged);
	if (out == NULL)
		return;
	if (out->verdict == OUTGOING_BY_POLICY)
		atomic_fetch_add(&f->by_policy[out->result.reason], 1);
	else
		atomic_fetch_add(&f->verdicts[out->verdict], 1);
}

static uint64_t
get(atomic_ullong *figure)
{
	return atomic_load_explicit(figure, memory_order_relaxed);
}

static void
write_sender(
    struct metrics_writer *w, const struct outgoing *out, uint64_t value)
{
	struct metrics_label label = {
	    .name = "reason", .value = mf_text_of(outgoing_reason_text(out))};

	metrics_counter(w, "srsmilter_senders_total",
	    "Messages by what became of their sender, and why.", &label, value);
}

static void
write_senders(struct metrics_writer *w, struct srsmilter_metrics *f)
{
	/* Reasons for which a recipient isn't restored are not for senders. */
	for (unsigned i = 0; i < SRSMILTER_REASONS; i++) {
		struct outgoing out = {.result.reason = (enum policy_reason)i};

		if (i != POLICY_RESTORED && i != POLICY_NOT_SRS &&
		    i != POLICY_FOREIGN_DOMAIN && i != POLICY_NO_NEXT_HOP &&
		    i != POLICY_BAD_SIGNATURE && i != POLICY_EXPIRED &&
		    i != POLICY_ROW_MISSING)
			write_sender(w, &out, get(&f->by_policy[i]));
	}
	for (unsigned i = OUTGOING_BY_POLICY + 1; i < SRSMILTER_VERDICTS; i++)
		write_sender(w,
		    &(struct outgoing){.verdict = (enum outgoing_verdict)i},
		    get(&f->verdicts[i]));
}

void
srsmilter_metrics_write(struct metrics_writer *w, struct srsmilter_metrics *f,
    struct milter_service *service, const struct replay_stats *replay)
{
	metrics_counter(w, "srsmilter_connections_total",
	    "Connections of the MTA.", NULL, get(&service->connections));
	metrics_counter(w, "srsmilter_messages_total",
	    "Messages that were seen from MAIL on.", NULL, get(&f->messages));
	write_senders(w, f);
	for (unsigned i = 0; i < RECIPIENT_FATES; i++) {
		struct metrics_label label = {.name = "fate",
		    .value = mf_text_of(
			recipient_fate_text((enum recipient_fate)i))};

		metrics_counter(w, "srsmilter_recipients_total",
		    "Recipients by what became of them.", &label,
		    get(&f->fates[i]));
	}
	for (unsigned i = 0; i <= SPF_PERMERROR; i++) {
		struct metrics_label label = {.name = "result",
		    .value = mf_text_of(spf_result_text((enum spf_result)i))};

		metrics_counter(w, "srsmilter_forwarders_total",
		    "Recipients with an RRS address, by SPF of its forwarder.",
		    &label, get(&f->forwarders[i]));
	}
	metrics_counter(w, "srsmilter_forged_total",
	    "Recipients whose signature was wrong, whatever became of them.",
	    NULL, get(&f->forged));
	metrics_counter(w, "srsmilter_sessions_ended_total",
	    "Sessions ended after max_forged recipients.", NULL,
	    get(&f->sessions_ended));
	metrics_counter(w, "srsmilter_errors_total",
	    "Messages that could not be dealt with.", NULL,
	    get(&service->errors));
	metrics_gauge(w, "srsmilter_signatures",
	    "Used SES signatures that are remembered.", NULL, replay->entries);
	metrics_counter(w, "srsmilter_signatures_evicted_total",
	    "Used SES signatures that were forgotten for lack of room.", NULL,
	    replay->evicted);
	metrics_gauge(w, "srsmilter_callbacks",
	    "Steps that are being answered.", NULL, milter_busy());
	metrics_counter(w, "srsmilter_log_lines_dropped_total",
	    "Log lines dropped because their reader did not keep up.", NULL,
	    log_health().dropped);
	metrics_gauge(w, "srsmilter_log_waiting_bytes",
	    "Size of the log lines that wait for their reader.", NULL,
	    log_health().waiting);
}
