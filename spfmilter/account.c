/* SPDX-License-Identifier: ISC */
#include "spfmilter/account.h"

#include "common/log.h"

static void
count(struct figures *f, const struct account *m)
{
	atomic_fetch_add(&f->messages, 1);
	atomic_fetch_add(&f->recipients_refused, m->refused);
	atomic_fetch_add(&f->recipients_exempt, m->exempt);
	atomic_fetch_add(&f->removed, m->removed);
	if (m->findings != NULL) {
		enum spf_result mailfrom = m->findings->mailfrom.verdict.result;
		enum spf_result helo = m->findings->helo.verdict.result;

		atomic_fetch_add(&f->mailfrom[mailfrom], 1);
		atomic_fetch_add(&f->helo[helo], 1);
	}
	if (m->decision != NULL)
		atomic_fetch_add(&f->decisions[m->decision->verb], 1);
}

static void
log_optional(struct log_line *line, const char *key, struct text value)
{
	if (value.len != 0)
		log_text(line, key, value);
}

static void
log_findings(struct log_line *line, const struct findings *found)
{
	const struct spf_verdict *v = &found->mailfrom.verdict;

	log_text(line, "spf", text_of(spf_result_text(v->result)));
	log_text(line, "helo_spf",
	    text_of(spf_result_text(found->helo.verdict.result)));
	log_optional(line, "domain", text_of(v->domain));
	log_optional(line, "mechanism", text_of(v->mechanism));
	log_optional(line, "problem", text_of(v->problem));
	log_optional(line, "forwarder", found->forwarder);
	if (v->guessed)
		log_text(line, "guessed", TEXT("yes"));
	if (v->delegated)
		log_text(line, "delegated", TEXT("yes"));
}

static void
log_decision(struct log_line *line, const struct decision *d)
{
	log_text(line, "action", text_of(action_text(d->verb)));
	log_text(line, "reason", text_of(decision_reason_text(d->reason)));
	if (d->entry != NULL) {
		log_text(line, "key", d->entry->key);
		/* What the file means is for its owner to find out. */
		if (d->entry->status != ACTION_VALID)
			log_text(line, "bad_value", d->entry->value);
	}
	if (d->code != 0)
		log_uint(line, "code", d->code);
	log_optional(line, "dsn", text_of(d->dsn));
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
	    m->queue_id.len != 0 ? m->queue_id : TEXT("NOQUEUE"));
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
		log_text(&line, "mode", TEXT("report"));
	log_text(&line, "outcome", text_of(m->outcome));
	log_end(&line);
}
