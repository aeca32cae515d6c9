/* SPDX-License-Identifier: ISC */
#include "srsmilter/rrs_check.h"

#include <time.h>

#include "common/reply.h"
#include "milter/session.h"

/* The forwarder's own hosts often have records of their own, for their HELO. */
static bool
is_below(struct mf_text helo, struct mf_text forwarder)
{
	if (helo.len != 0 && helo.p[helo.len - 1] == '.')
		helo.len--;
	return helo.len > forwarder.len + 1 &&
	    text_ends_fold(helo, forwarder) &&
	    helo.p[helo.len - forwarder.len - 1] == '.';
}

static struct spf_request
request_of(const struct session *s, enum spf_identity identity)
{
	return (struct spf_request){.ip = s->client.ip,
	    .ip_unknown = !s->client.has_ip,
	    .identity = identity,
	    .helo = mf_text_of(s->helo),
	    .now_sec = (uint64_t)time(NULL)};
}

void
rrs_check(struct checker *checker, const struct session *s,
    struct mf_text forwarder, struct rrs_findings *out)
{
	struct text_out name =
	    text_out(out->forwarder, sizeof(out->forwarder) - 1);
	size_t count = is_below(mf_text_of(s->helo), forwarder) ? 2 : 1;
	char room[sizeof("postmaster@") + DOMAIN_MAX];
	struct text_out sender = text_out(room, sizeof(room));
	struct check checks[2];

	out_text(&name, forwarder);
	out->forwarder[name.len] = '\0';
	ascii_lower_all(out->forwarder, name.len);
	out_str(&sender, "postmaster@");
	out_str(&sender, out->forwarder);
	checks[0].request = request_of(s, SPF_MAILFROM);
	checks[0].request.sender = out_view(&sender);
	checks[1].request = request_of(s, SPF_HELO);
	checker_run(checker, checks, count, checker_deadline(checker));
	out->result = checks[0].verdict.result;
	out->cause = checks[0].verdict.cause;
	out->helo = count == 2 ? checks[1].verdict.result : SPF_NONE;
	if (count == 2 && out->cause == SPF_CAUSE_NONE)
		out->cause = checks[1].verdict.cause;
}

/* --- what follows: no state, no I/O --- */

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
rrs_findings_text(const struct rrs_findings *f, struct mf_text ip, char *out)
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
