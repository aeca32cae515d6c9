/* SPDX-License-Identifier: ISC */
#include "spfmilter/account.h"

#include "common/log.h"
#include "milter/answer.h"

static void
count(struct figures *f, const struct account *m)
{
	atomic_fetch_add(&f->messages, 1);
	atomic_fetch_add(&f->recipients_refused, m->refused);
	atomic_fetch_add(&f->recipients_exempt, m->exempt);
	atomic_fetch_add(&f->removed, m->removed);
	if (m->findings != NULL) {
		enum spf_result mailfrom =
		    findings_verdict(m->findings, EXAMINED_MAILFROM)->result;
		enum spf_result helo =
		    findings_verdict(m->findings, EXAMINED_HELO)->result;

		atomic_fetch_add(&f->mailfrom[mailfrom], 1);
		atomic_fetch_add(&f->helo[helo], 1);
	}
	if (m->decision != NULL)
		atomic_fetch_add(&f->decisions[m->decision->verb], 1);
}

static void
log_optional(struct log_line *line, const char *key, struct mf_text value)
{
	if (value.len != 0)
		log_text(line, key, value);
}

static void
log_findings(struct log_line *line, const struct findings *found)
{
	const struct spf_verdict *v =
	    findings_verdict(found, EXAMINED_MAILFROM);
	const struct spf_verdict *helo = findings_verdict(found, EXAMINED_HELO);

	log_text(line, "spf", mf_text_of(spf_result_text(v->result)));
	log_text(line, "helo_spf", mf_text_of(spf_result_text(helo->result)));
	log_optional(line, "domain", mf_text_of(v->domain));
	log_optional(line, "mechanism", mf_text_of(v->mechanism));
	log_optional(line, "problem", mf_text_of(v->problem));
	log_optional(line, "dns_error", mf_text_of(spf_cause_text(v->cause)));
	log_optional(
	    line, "helo_dns_error", mf_text_of(spf_cause_text(helo->cause)));
	log_optional(line, "forwarder", found->forwarder);
	if (v->guessed)
		log_text(line, "guessed", MF_TEXT("yes"));
	if (v->delegated)
		log_text(line, "delegated", MF_TEXT("yes"));
}

static void
log_decision(struct log_line *line, const struct decision *d)
{
	log_text(line, "action", mf_text_of(action_text(d->verb)));
	log_text(line, "reason", mf_text_of(decision_reason_text(d->reason)));
	if (d->entry != NULL) {
		log_text(line, "key", d->entry->key);
		/* What the file means is for its owner to find out. */
		if (d->entry->status != ACTION_VALID)
			log_text(line, "bad_value", d->entry->value);
	}
	if (d->code != 0)
		log_uint(line, "code", d->code);
	log_optional(line, "dsn", mf_text_of(d->dsn));
}

void
account(struct figures *figures, const struct account *m)
{
	struct log_line line;

	count(figures, m);
	if (!log_enabled(LEVEL_INFO))
		return;
	log_begin(&line, LEVEL_INFO, "mail");
	log_text(&line, "queue_id",
	    m->queue_id.len != 0 ? m->queue_id : MF_TEXT("NOQUEUE"));
	log_optional(&line, "ip", m->ip);
	log_optional(&line, "client", m->client);
	log_text(&line, "helo", m->helo);
	log_text(&line, "from", m->sender);
	log_optional(&line, "user", m->user);
	log_optional(&line, "behind_relay", m->relayed);
	if (m->findings != NULL)
		log_findings(&line, m->findings);
	if (m->decision != NULL)
		log_decision(&line, m->decision);
	log_uint(&line, "rcpts", m->recipients);
	if (m->refused != 0)
		log_uint(&line, "refused", m->refused);
	if (m->exempt != 0)
		log_uint(&line, "exempt", m->exempt);
	if (m->removed != 0)
		log_uint(&line, "removed_ar", m->removed);
	if (m->mode == MODE_REPORT)
		log_text(&line, "mode", MF_TEXT("report"));
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
write_results(struct metrics_writer *w, const char *name, const char *help,
    atomic_ullong figures[static ACCOUNT_RESULTS])
{
	for (unsigned i = 0; i < ACCOUNT_RESULTS; i++) {
		struct metrics_label label = {.name = "result",
		    .value = mf_text_of(spf_result_text((enum spf_result)i))};

		metrics_counter(w, name, help, &label, get(&figures[i]));
	}
}

static void
write_decisions(struct metrics_writer *w, struct figures *f)
{
	for (unsigned i = 0; i < ACCOUNT_VERBS; i++) {
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
write_resolver(
    struct metrics_writer *w, const struct spf_resolver_stats *resolver)
{
	metrics_counter(w, "spfmilter_dns_checks_total", "SPF checks made.",
	    NULL, resolver->checks);
	metrics_counter(w, "spfmilter_dns_checks_cached_total",
	    "SPF checks that asked no name server.", NULL,
	    resolver->checks_cached);
	metrics_counter(w, "spfmilter_dns_questions_total",
	    "Questions sent to name servers.", NULL, resolver->questions);
	metrics_counter(w, "spfmilter_dns_timeouts_total",
	    "Questions that got no answer in time.", NULL, resolver->timeouts);
	metrics_counter(w, "spfmilter_dns_errors_total",
	    "Questions that failed, timeouts too.", NULL, resolver->errors);
	metrics_gauge(w, "spfmilter_dns_cache_bytes",
	    "Size of the DNS answers that are kept.", NULL,
	    resolver->cache_octets);
	metrics_gauge(w, "spfmilter_dns_in_flight",
	    "Questions that wait for an answer.", NULL, resolver->in_flight);
}

void
figures_write(struct metrics_writer *w, struct figures *f,
    const struct spf_resolver_stats *resolver)
{
	metrics_counter(w, "spfmilter_connections_total",
	    "Connections of the MTA.", NULL, get(&f->connections));
	metrics_counter(w, "spfmilter_messages_total",
	    "Messages that were seen from MAIL on.", NULL, get(&f->messages));
	write_results(w, "spfmilter_mailfrom_total",
	    "Checked messages by the result of MAIL FROM.", f->mailfrom);
	write_results(w, "spfmilter_helo_total",
	    "Checked messages by the result of the HELO name.", f->helo);
	write_decisions(w, f);
	metrics_counter(w, "spfmilter_recipients_refused_total",
	    "Recipients that were refused.", NULL, get(&f->recipients_refused));
	metrics_counter(w, "spfmilter_recipients_exempt_total",
	    "Recipients that were accepted because they are exempt.", NULL,
	    get(&f->recipients_exempt));
	metrics_counter(w, "spfmilter_results_removed_total",
	    "Authentication-Results that claimed our name.", NULL,
	    get(&f->removed));
	metrics_counter(w, "spfmilter_errors_total",
	    "Messages that on_error decided.", NULL, get(&f->errors));
	metrics_gauge(w, "spfmilter_callbacks",
	    "Steps that are being answered.", NULL, milter_busy());
	write_resolver(w, resolver);
}
