/* SPDX-License-Identifier: ISC */
#include "srsmilter/rrs_check.h"

#include <time.h>

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
