/* SPDX-License-Identifier: ISC */
#include "srsmilter/account.h"

#include "common/log.h"
#include "milter/answer.h"

static void
count(struct figures *f, const struct account *m)
{
	const struct outgoing *out = m->outgoing;

	atomic_fetch_add(&f->messages, 1);
	for (unsigned i = 0; i < RECIPIENT_FATES; i++)
		atomic_fetch_add(&f->fates[i], m->fates[i]);
	if (out == NULL)
		return;
	if (out->verdict == OUTGOING_BY_POLICY)
		atomic_fetch_add(&f->by_policy[out->result.reason], 1);
	else
		atomic_fetch_add(&f->verdicts[out->verdict], 1);
}

static void
log_optional(struct log_line *line, const char *key, struct mf_text value)
{
	if (value.len != 0)
		log_text(line, key, value);
}

static void
log_count(struct log_line *line, const char *key, unsigned value)
{
	if (value != 0)
		log_uint(line, key, value);
}

static void
log_outgoing(struct log_line *line, const struct outgoing *out)
{
	const struct srs_addr *to = &out->result.address;

	log_text(line, "result",
	    mf_text_of(outgoing_changes(out) ? "changed"
		    : outgoing_failed(out)   ? "failed"
					     : "unchanged"));
	log_text(line, "reason", mf_text_of(outgoing_reason_text(out)));
	if (outgoing_changes(out))
		log_text(line, "to", mf_text_at(to->text, to->len));
	if (out->mixed)
		log_text(line, "mixed", MF_TEXT("yes"));
}

static void
log_recipients(struct log_line *line, const struct account *m)
{
	unsigned all = 0;

	for (unsigned i = 0; i < DESTINATIONS; i++)
		all += m->destinations[i];
	log_uint(line, "rcpts", all);
	log_count(line, "forwarded", m->destinations[DESTINATION_FORWARDED]);
	log_count(line, "excluded", m->destinations[DESTINATION_EXCLUDED]);
	log_count(line, "restored", m->fates[RECIPIENT_RESTORED]);
	log_optional(line, "restored_rcpt", m->restored_rcpt);
	log_optional(line, "restored_to", m->restored_to);
	log_count(line, "refused", m->refused);
	if (m->refused == 0)
		return;
	log_text(line, "refused_rcpt", m->refused_rcpt);
	log_text(
	    line, "refused_as", mf_text_of(recipient_fate_text(m->refused_as)));
}

/* What somebody should look at. */
static enum log_level
level_of(const struct account *m)
{
	if (m->refused != 0 ||
	    (m->outgoing != NULL && outgoing_failed(m->outgoing)))
		return LEVEL_WARNING;
	return LEVEL_INFO;
}

void
account(struct figures *figures, const struct account *m)
{
	struct log_line line;

	count(figures, m);
	if (!log_enabled(level_of(m)))
		return;
	log_begin(&line, level_of(m), "mail");
	log_text(&line, "queue_id",
	    m->queue_id.len != 0 ? m->queue_id : MF_TEXT("NOQUEUE"));
	log_optional(&line, "ip", m->ip);
	log_optional(&line, "client", m->client);
	log_text(&line, "from", m->sender);
	log_optional(&line, "user", m->user);
	log_text(&line, "origin", mf_text_of(origin_text(m->origin)));
	if (m->outgoing != NULL)
		log_outgoing(&line, m->outgoing);
	log_optional(
	    &line, "dns_error", mf_text_of(spf_cause_text(m->gate_cause)));
	log_recipients(&line, m);
	log_text(&line, "outcome", mf_text_of(m->outcome));
	log_end(&line);
}

/* --- figures --- */

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
write_senders(struct metrics_writer *w, struct figures *f)
{
	/* Reasons for which a recipient isn't restored are not for senders. */
	for (unsigned i = 0; i < ACCOUNT_REASONS; i++) {
		struct outgoing out = {.result.reason = (enum policy_reason)i};

		if (i != POLICY_RESTORED && i != POLICY_NOT_SRS &&
		    i != POLICY_FOREIGN_DOMAIN && i != POLICY_NO_NEXT_HOP &&
		    i != POLICY_BAD_SIGNATURE && i != POLICY_EXPIRED)
			write_sender(w, &out, get(&f->by_policy[i]));
	}
	for (unsigned i = OUTGOING_BY_POLICY + 1; i < ACCOUNT_VERDICTS; i++)
		write_sender(w,
		    &(struct outgoing){.verdict = (enum outgoing_verdict)i},
		    get(&f->verdicts[i]));
}

void
figures_write(struct metrics_writer *w, struct figures *f,
    const struct replay_stats *replay)
{
	metrics_counter(w, "srsmilter_connections_total",
	    "Connections of the MTA.", NULL, get(&f->connections));
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
	metrics_counter(w, "srsmilter_errors_total",
	    "Messages that could not be dealt with.", NULL, get(&f->errors));
	metrics_gauge(w, "srsmilter_signatures",
	    "Used SES signatures that are remembered.", NULL, replay->entries);
	metrics_counter(w, "srsmilter_signatures_evicted_total",
	    "Used SES signatures that were forgotten for lack of room.", NULL,
	    replay->evicted);
	metrics_gauge(w, "srsmilter_callbacks",
	    "Steps that are being answered.", NULL, milter_busy());
}
