/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/dns.h"

#include <errno.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/text.h"
#include "tools/zone/zone.h"

/* A record that a zone doesn't have; the resolver keeps its own. */
struct override {
	struct override *next;
	char *domain;
	struct spf_answer *answer;
};

/* What an answer that was waited for is held by. */
struct held {
	struct held *next;
	const struct spf_reply *reply;
};

struct dns {
	struct evaluator *evaluator;
	struct zone *zone;             /* or */
	struct spf_resolver *resolver; /* one of them */
	struct override *overrides;
	struct held *held;
	unsigned timeout_ms;
	uint64_t deadline_us; /* 0: no question yet */
};

/* --- answers --- */

static const struct spf_answer *
zone_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct dns *dns = arg;
	struct spf_source source = zone_source(dns->zone);

	if (rr == SPF_RR_TXT)
		for (const struct override *o = dns->overrides; o != NULL;
		     o = o->next)
			if (text_eq_fold(mf_text_of(o->domain), name))
				return o->answer;
	return source.lookup(source.arg, rr, name);
}

static bool
zone_origin(
    void *arg, enum spf_rr rr, struct mf_text name, struct spf_origin *out)
{
	const struct dns *dns = arg;
	struct spf_source source = zone_source(dns->zone);

	return source.origin(source.arg, rr, name, out);
}

static const struct spf_answer *
wait_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct dns *dns = arg;
	uint64_t now_us = clock_us();
	struct held *held;

	if (dns->deadline_us == 0)
		dns->deadline_us = now_us + (uint64_t)dns->timeout_ms * 1000;
	if (now_us >= dns->deadline_us)
		return spf_answer_failure(rr, SPF_CAUSE_LATE);
	held = spfquery_must(calloc(1, sizeof(*held)));
	held->reply = spf_resolver_ask(dns->resolver, rr, name);
	if (held->reply == NULL)
		spfquery_must(NULL);
	held->next = dns->held;
	dns->held = held;
	return spf_reply_answer(held->reply);
}

struct spf_source
dns_source(struct dns *dns)
{
	return (struct spf_source){
	    .lookup = dns->zone != NULL ? zone_lookup : wait_lookup,
	    .arg = dns,
	    .origin = dns->zone != NULL ? zone_origin : NULL};
}

/* --- checks --- */

void
dns_check(struct dns *dns, const struct spf_request *request,
    struct spf_verdict *out, struct spf_cost *cost)
{
	struct spf_source source = dns_source(dns);

	evaluator_reset(dns->evaluator);
	*cost = (struct spf_cost){0};
	if (dns->zone != NULL)
		evaluator_run(dns->evaluator, request, &source, out);
	else
		spf_resolver_check(
		    dns->resolver, request, dns->timeout_ms, out, cost);
	if (dns->evaluator->decided)
		*out = dns->evaluator->verdict;
}

bool
dns_start(struct dns *dns, const struct spf_request *request,
    spf_resolver_callback *done, void *arg)
{
	if (dns->resolver == NULL)
		return false;
	spf_resolver_start(dns->resolver, request, dns->timeout_ms, done, arg);
	return true;
}

/* --- opening --- */

static struct spf_resolver *
open_resolver(const struct spfquery_options *o, dns_evaluate *evaluate,
    struct evaluator *evaluator)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct spf_resolver *resolver = NULL;
	enum spf_resolver_status status;

	params.nameservers = o->nameservers;
	params.timeout_ms = o->timeout_sec * 1000;
	params.evaluate = evaluate;
	params.evaluate_arg = evaluator;
	status = spf_resolver_new(&params, &resolver);
	if (status == SPF_RESOLVER_OK)
		return resolver;
	fprintf(stderr, "spfquery: %s%s%s%s%s\n",
	    status == SPF_RESOLVER_BAD_SERVERS ? o->nameservers : "",
	    status == SPF_RESOLVER_BAD_SERVERS ? ": " : "",
	    spf_resolver_status_text(status),
	    status == SPF_RESOLVER_SYSTEM ? ": " : "",
	    status == SPF_RESOLVER_SYSTEM ? strerror(errno) : "");
	return NULL;
}

struct dns *
dns_open(const struct spfquery_options *o, dns_evaluate *evaluate,
    struct evaluator *evaluator)
{
	struct dns *dns = spfquery_must(calloc(1, sizeof(*dns)));

	dns->evaluator = evaluator;
	dns->timeout_ms = o->timeout_sec * 1000;
	if (o->zone != NULL)
		dns->zone = zone_from_file(o->zone);
	else
		dns->resolver = open_resolver(o, evaluate, evaluator);
	if (dns->zone != NULL || dns->resolver != NULL)
		return dns;
	dns_close(dns);
	return NULL;
}

void
dns_close(struct dns *dns)
{
	if (dns == NULL)
		return;
	while (dns->overrides != NULL) {
		struct override *o = dns->overrides;

		dns->overrides = o->next;
		spf_answer_free(o->answer);
		free(o->domain);
		free(o);
	}
	while (dns->held != NULL) {
		struct held *held = dns->held;

		dns->held = held->next;
		spf_reply_release(held->reply);
		free(held);
	}
	zone_free(dns->zone);
	spf_resolver_free(dns->resolver);
	free(dns);
}

void
dns_override(struct dns *dns, struct mf_text domain, struct mf_text record)
{
	struct override *o;

	if (dns->resolver != NULL) {
		if (spf_resolver_override(dns->resolver, domain, record) !=
		    SPF_RESOLVER_OK)
			spfquery_must(NULL);
		return;
	}
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	o = spfquery_must(calloc(1, sizeof(*o)));
	o->domain = spfquery_copy(domain);
	o->answer = spfquery_must(spf_answer_txt(&record, 1));
	o->next = dns->overrides;
	dns->overrides = o;
}
