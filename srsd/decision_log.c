/* SPDX-License-Identifier: ISC */
#include "srsd/decision_log.h"

#include "common/log.h"

static enum log_level
level_of(enum policy_reason reason)
{
	if (policy_failed(reason))
		return LEVEL_WARNING;
	/* Every recipient of every message is asked about: no news. */
	if (reason == POLICY_NOT_SRS)
		return LEVEL_DEBUG;
	return LEVEL_INFO;
}

static const char *
outcome_of(enum policy_reason reason)
{
	if (policy_changed(reason))
		return "changed";
	if (policy_defers(reason))
		return "deferred";
	return policy_failed(reason) ? "failed" : "unchanged";
}

void
decision_log(const struct map_lookup *lookup)
{
	const struct policy_result *result = &lookup->result;
	bool reverse = lookup->kind == MAP_REVERSE;
	enum log_level level;
	struct log_line line;

	if (!map_decides(lookup))
		return;
	level = level_of(result->reason);
	if (!log_enabled(level))
		return;
	log_begin(&line, level, reverse ? "reverse" : "forward");
	log_word(&line, "result", outcome_of(result->reason));
	log_word(&line, "reason", policy_reason_text(result->reason));
	log_text(&line, reverse ? "rcpt" : "from", out_view(&lookup->address));
	if (policy_changed(result->reason))
		log_text(&line, "to",
		    mf_text_at(result->address.text, result->address.len));
	if (lookup->host.len != 0)
		log_text(&line, "host", lookup->host);
	if (lookup->gate_cause != SPF_CAUSE_NONE)
		log_text(&line, "dns_error",
		    mf_text_of(spf_cause_text(lookup->gate_cause)));
	log_end(&line);
}
