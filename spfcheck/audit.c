/* SPDX-License-Identifier: ISC */
#include "spfcheck/audit.h"

#include "common/log.h"

void
audit_log(void *arg, const struct spf_audit *audit)
{
	const struct spf_request *request = audit->request;
	enum log_level level =
	    audit->outcome == SPF_AUDIT_AGREED ? LEVEL_DEBUG : LEVEL_INFO;
	struct log_line line;
	char ip[SPF_IP_SIZE];

	(void)arg;
	if (!log_enabled(level))
		return;
	log_begin(&line, level, "spf_audit");
	log_word(&line, "outcome", spf_audit_text(audit->outcome));
	log_word(&line, "native", spf_result_text(audit->native->result));
	if (audit->opinion == SPF_OPINION_GIVEN)
		log_word(
		    &line, "libspf2", spf_result_text(audit->libspf2->result));
	else
		log_text(
		    &line, "why", mf_text_of(spf_opinion_text(audit->opinion)));
	log_text(&line, "ip", mf_text_at(ip, spf_ip_print(&request->ip, ip)));
	log_text(&line, "helo", request->helo);
	if (request->identity == SPF_MAILFROM)
		log_text(&line, "from", request->sender);
	log_end(&line);
}
