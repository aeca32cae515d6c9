/* SPDX-License-Identifier: ISC */
#include "spfmilter/mail_log.h"

#include "common/log.h"

static void
log_findings(struct log_line *line, const struct findings *found)
{
	const struct spf_verdict *v =
	    findings_verdict(found, EXAMINED_MAILFROM);
	const struct spf_verdict *helo = findings_verdict(found, EXAMINED_HELO);

	log_word(line, "spf", spf_result_text(v->result));
	log_word(line, "helo_spf", spf_result_text(helo->result));
	log_text_if(line, "domain", mf_text_of(v->domain));
	log_text_if(line, "mechanism", mf_text_of(v->mechanism));
	log_text_if(line, "problem", mf_text_of(v->problem));
	log_text_if(line, "dns_error", mf_text_of(spf_cause_text(v->cause)));
	log_text_if(
	    line, "helo_dns_error", mf_text_of(spf_cause_text(helo->cause)));
	log_text_if(line, "forwarder", found->forwarder);
	if (v->guessed)
		log_text(line, "guessed", MF_TEXT("yes"));
	if (v->delegated)
		log_text(line, "delegated", MF_TEXT("yes"));
}

static void
log_dkim(struct log_line *line, const struct spfmilter_mail *m)
{
	/* Without the end of the message nobody knows. */
	if (m->dkim == NULL || !m->dkim->over)
		return;
	log_word(
	    line, "dkim", dkim_result_text(dkim_check_result(m->dkim->check)));
	log_text_if(line, "dkim_domain", m->dkim_domain);
	log_text_if(
	    line, "dkim_key_error", mf_text_of(spf_cause_text(m->dkim->cause)));
}

static void
log_decision(struct log_line *line, const struct decision *d)
{
	log_word(line, "action", action_text(d->verb));
	log_word(line, "reason", decision_reason_text(d->reason));
	if (d->entry != NULL) {
		struct action action;

		log_text(line, "key", access_entry_key(d->entry));
		/* What the file means is for its owner to find out. */
		if (access_entry_action(d->entry, &action) != ACTION_VALID)
			log_text(
			    line, "bad_value", access_entry_value(d->entry));
	}
	log_uint_if(line, "code", d->code);
	log_text_if(line, "dsn", mf_text_of(d->dsn));
}

void
spfmilter_mail_log(const struct spfmilter_mail *m)
{
	struct log_line line;

	if (!log_enabled(LEVEL_INFO))
		return;
	log_begin(&line, LEVEL_INFO, "mail");
	log_text(&line, "queue_id",
	    m->queue_id.len != 0 ? m->queue_id : MF_TEXT("NOQUEUE"));
	log_text_if(&line, "ip", m->ip);
	log_text_if(&line, "client", m->client);
	log_text(&line, "helo", m->helo);
	log_text(&line, "from", m->sender);
	log_text_if(&line, "user", m->user);
	log_text_if(&line, "behind_relay", m->relayed);
	if (m->findings != NULL)
		log_findings(&line, m->findings);
	log_dkim(&line, m);
	if (m->decision != NULL)
		log_decision(&line, m->decision);
	log_uint(&line, "rcpts", m->recipients);
	log_uint_if(&line, "refused", m->refused);
	log_uint_if(&line, "exempt", m->exempt);
	log_uint_if(&line, "rrs", m->left);
	log_uint_if(&line, "removed_ar", m->removed);
	if (m->mode == MODE_REPORT)
		log_text(&line, "mode", MF_TEXT("report"));
	log_word(&line, "outcome", m->outcome);
	log_end(&line);
}
