/* SPDX-License-Identifier: ISC */
#include "srsmilter/mail_log.h"

#include "common/log.h"

static void
log_outgoing(struct log_line *line, const struct outgoing *out)
{
	const struct srs_addr *to = &out->result.address;

	log_word(line, "result",
	    outgoing_changes(out)        ? "changed"
		: outgoing_deferred(out) ? "deferred"
		: outgoing_failed(out)   ? "failed"
					 : "unchanged");
	log_word(line, "reason", outgoing_reason_text(out));
	if (outgoing_changes(out))
		log_text(line, "to", mf_text_at(to->text, to->len));
	if (out->mixed)
		log_text(line, "mixed", MF_TEXT("yes"));
}

static void
log_forwarder(struct log_line *line, const struct rrs_findings *f)
{
	if (f->forwarder[0] == '\0')
		return;
	log_text(line, "forwarder", mf_text_of(f->forwarder));
	log_word(line, "forwarder_spf", spf_result_text(f->result));
	if (f->helo != SPF_NONE)
		log_word(line, "forwarder_helo_spf", spf_result_text(f->helo));
	log_text_if(
	    line, "forwarder_dns_error", mf_text_of(spf_cause_text(f->cause)));
}

static void
log_recipients(struct log_line *line, const struct srsmilter_mail *m)
{
	unsigned all = 0;

	for (unsigned i = 0; i < DESTINATIONS; i++)
		all += m->destinations[i];
	log_uint(line, "rcpts", all);
	log_uint_if(line, "forwarded", m->destinations[DESTINATION_FORWARDED]);
	log_uint_if(line, "excluded", m->destinations[DESTINATION_EXCLUDED]);
	log_uint_if(line, "restored", m->fates[RECIPIENT_RESTORED]);
	log_text_if(line, "restored_rcpt", m->restored_rcpt);
	log_text_if(line, "restored_to", m->restored_to);
	log_uint_if(line, "rrs", m->rrs);
	log_forwarder(line, m->rrs_findings);
	log_uint_if(line, "forged", m->forged);
	log_uint_if(line, "refused", m->refused);
	if (m->refused == 0)
		return;
	log_text(line, "refused_rcpt", m->refused_rcpt);
	log_word(line, "refused_as", recipient_fate_text(m->refused_as));
}

/* What somebody should look at. */
static enum log_level
level_of(const struct srsmilter_mail *m)
{
	if (m->refused != 0 ||
	    (m->outgoing != NULL && outgoing_failed(m->outgoing)))
		return LEVEL_WARNING;
	return LEVEL_INFO;
}

void
srsmilter_mail_log(const struct srsmilter_mail *m)
{
	struct log_line line;

	if (!log_enabled(level_of(m)))
		return;
	log_begin(&line, level_of(m), "mail");
	log_text(&line, "queue_id",
	    m->queue_id.len != 0 ? m->queue_id : MF_TEXT("NOQUEUE"));
	log_text_if(&line, "ip", m->ip);
	log_text_if(&line, "client", m->client);
	log_text(&line, "from", m->sender);
	log_text_if(&line, "user", m->user);
	log_word(&line, "origin", origin_text(m->origin));
	if (m->outgoing != NULL)
		log_outgoing(&line, m->outgoing);
	log_text_if(
	    &line, "dns_error", mf_text_of(spf_cause_text(m->gate_cause)));
	log_recipients(&line, m);
	log_word(&line, "outcome", m->outcome);
	log_end(&line);
}
