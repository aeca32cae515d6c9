/* SPDX-License-Identifier: ISC */
/*
 * Why lookups fail: the table of texts, and the answer of each failure.
 */
#include <mailfrom/spf.h>

#include "common/text.h"

#define FAILURE(type, why) \
	[type] = {.rr = type, .status = SPF_DNS_ERROR, .cause = why}

#define CAUSE(why, words)                                    \
	[why] = {words,                                      \
	    {                                                \
		FAILURE(SPF_RR_TXT, (enum spf_cause)(why)),  \
		FAILURE(SPF_RR_A, (enum spf_cause)(why)),    \
		FAILURE(SPF_RR_AAAA, (enum spf_cause)(why)), \
		FAILURE(SPF_RR_MX, (enum spf_cause)(why)),   \
		FAILURE(SPF_RR_PTR, (enum spf_cause)(why)),  \
	    }}

static const struct cause {
	const char *text;
	struct spf_answer answers[SPF_RR_PTR + 1];
} causes[SPF_CAUSE_COUNT] = {
    CAUSE(SPF_CAUSE_NONE, ""),
    /* RFC 1035 4.1.1 */
    CAUSE(SPF_CAUSE_FORMERR, "FORMERR"),
    CAUSE(SPF_CAUSE_SERVFAIL, "SERVFAIL"),
    CAUSE(3, "NXDOMAIN"),
    CAUSE(SPF_CAUSE_NOTIMP, "NOTIMP"),
    CAUSE(SPF_CAUSE_REFUSED, "REFUSED"),
    /* RFC 2136 2.2 */
    CAUSE(6, "YXDOMAIN"),
    CAUSE(7, "YXRRSET"),
    CAUSE(8, "NXRRSET"),
    CAUSE(9, "NOTAUTH"),
    CAUSE(10, "NOTZONE"),
    CAUSE(11, "DSOTYPENI"), /* RFC 8490 5.4 */
    CAUSE(12, "RCODE 12"),
    CAUSE(13, "RCODE 13"),
    CAUSE(14, "RCODE 14"),
    CAUSE(15, "RCODE 15"),
    /* none of the DNS */
    CAUSE(SPF_CAUSE_TIMEOUT, "timeout"),
    CAUSE(SPF_CAUSE_UNREACHABLE, "network unreachable"),
    CAUSE(SPF_CAUSE_CONNREFUSED, "connection refused"),
    CAUSE(SPF_CAUSE_MALFORMED, "malformed answer"),
    CAUSE(SPF_CAUSE_TRUNCATED, "truncated answer"),
    CAUSE(SPF_CAUSE_REFERRAL, "referral"),
    CAUSE(SPF_CAUSE_ALIASES, "too many CNAMEs"),
    CAUSE(SPF_CAUSE_NO_SERVER, "no nameserver configured"),
    CAUSE(SPF_CAUSE_LATE, "no answer in time"),
    CAUSE(SPF_CAUSE_STOPPING, "shutting down"),
    CAUSE(SPF_CAUSE_NO_MEMORY, "out of memory"),
    CAUSE(SPF_CAUSE_SYSTEM, "system error"),
};

const char *
spf_cause_text(enum spf_cause cause)
{
	return causes[cause].text;
}

size_t
spf_failure_print(enum spf_rr rr, struct mf_text name, enum spf_cause cause,
    char *out, size_t size)
{
	const struct mf_text failed = MF_TEXT(" failed: ");
	struct mf_text why = mf_text_of(spf_cause_text(cause));
	struct text_out o = text_out(out, size - 1);
	size_t end = failed.len + why.len;

	out_str(&o, "DNS lookup of ");
	out_str(&o, spf_rr_text(rr));
	if (name.len != 0)
		out_char(&o, ' ');
	out_text(&o,
	    text_head(name, o.size - o.len > end ? o.size - o.len - end : 0));
	out_text(&o, failed);
	out_text(&o, why);
	out[o.len] = '\0';
	return o.len;
}

bool
spf_cause_parse(struct mf_text text, enum spf_cause *out)
{
	for (unsigned i = SPF_CAUSE_NONE + 1; i < SPF_CAUSE_COUNT; i++)
		if (text_eq_fold(text, mf_text_of(causes[i].text))) {
			*out = (enum spf_cause)i;
			return true;
		}
	return false;
}

const struct spf_answer *
spf_answer_failure(enum spf_rr rr, enum spf_cause cause)
{
	return &causes[cause].answers[rr];
}
