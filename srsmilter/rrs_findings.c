/* SPDX-License-Identifier: ISC */
#include "srsmilter/rrs_findings.h"

enum recipient_fate
rrs_findings_fate(const struct rrs_findings *f)
{
	if (f->result == SPF_PASS || f->helo == SPF_PASS)
		return RECIPIENT_RESTORED;
	if (f->result == SPF_TEMPERROR || f->helo == SPF_TEMPERROR)
		return RECIPIENT_FORWARDER_UNKNOWN;
	return RECIPIENT_NOT_FORWARDER;
}

void
rrs_findings_text(const struct rrs_findings *f, struct mf_text ip,
    char out[static REPLY_SIZE])
{
	char words[REPLY_SIZE];
	struct text_out o = text_out(words, sizeof(words));

	out_str(&o, "SPF ");
	out_str(&o,
	    spf_result_text(f->helo == SPF_TEMPERROR ? f->helo : f->result));
	out_str(&o, ": ");
	out_text(&o, ip.len != 0 ? ip : MF_TEXT("the client"));
	out_str(&o,
	    rrs_findings_fate(f) == RECIPIENT_FORWARDER_UNKNOWN
		? " cannot be checked for "
		: " is not allowed to send mail for ");
	out_str(&o, f->forwarder);
	out_str(&o, ", the only sender that this address accepts");
	reply_quote(out_view(&o), out);
}
