/* SPDX-License-Identifier: ISC */
#include "spfmilter/identities.h"

#include <stdlib.h>
#include <time.h>

static struct spf_request
request_of(const struct examined *who, enum spf_identity identity)
{
	return (struct spf_request){.ip = who->ip,
	    .ip_unknown = who->ip_unknown,
	    .identity = identity,
	    .sender = who->sender,
	    .helo = who->helo,
	    .receiver = who->receiver,
	    .now_sec = (uint64_t)time(NULL)};
}

void
examined_begin(const struct examined *who, struct findings *out)
{
	out->checks[EXAMINED_MAILFROM].request = request_of(who, SPF_MAILFROM);
	out->checks[EXAMINED_HELO].request = request_of(who, SPF_HELO);
	out->forwarder = MF_TEXT("");
}

struct spf_request
examined_forwarder(const struct examined *who, struct mf_text name)
{
	struct spf_request request = request_of(who, SPF_HELO);

	request.helo = name;
	return request;
}

bool
examined_wants_forwarders(
    const struct checker *checker, const struct findings *found)
{
	return findings_verdict(found, EXAMINED_MAILFROM)->result != SPF_PASS &&
	    checker_forwarders(checker)->count != 0;
}

static bool
try_forwarders(struct checker *checker, const struct examined *who,
    uint64_t deadline_ms, struct mf_text *passed)
{
	const struct conf_list *names = checker_forwarders(checker);
	size_t count = names->count < CHECKS_MAX ? names->count : CHECKS_MAX;
	struct check *checks = calloc(count, sizeof(*checks));

	if (checks == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		checks[i].request = examined_forwarder(who, names->items[i]);
	checker_run(checker, checks, count, deadline_ms);
	for (size_t i = count; i-- > 0;)
		if (checks[i].verdict.result == SPF_PASS)
			*passed = names->items[i];
	free(checks);
	return true;
}

bool
examine(
    struct checker *checker, const struct examined *who, struct findings *out)
{
	uint64_t deadline_ms = checker_deadline(checker);

	examined_begin(who, out);
	checker_run(checker, out->checks, EXAMINED_COUNT, deadline_ms);
	return !examined_wants_forwarders(checker, out) ||
	    try_forwarders(checker, who, deadline_ms, &out->forwarder);
}
