/* SPDX-License-Identifier: ISC */
/*
 * spfquery's answers: see spfquery_dns.h.
 */
#include "tools/spfquery/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/text.h"
#include "tools/spfquery/zone.h"
#include <mailfrom/spf_resolver.h>

struct dns {
	struct zone *zone;             /* or */
	struct spf_resolver *resolver; /* one of them */
	struct dns_reply *replies;
	unsigned timeout_ms;
	uint64_t deadline_us; /* 0: no question yet */
};

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- replies --- */

static struct dns_reply *
reply_add(struct dns *dns, enum spf_rr rr, struct mf_text name)
{
	struct dns_reply *r =
	    spfquery_must(calloc(1, sizeof(*r) + name.len + 1));

	r->rr = rr;
	r->name_len = name.len;
	if (name.len != 0)
		memcpy(r->name, name.p, name.len);
	r->next = dns->replies;
	dns->replies = r;
	return r;
}

const struct dns_reply *
dns_find(const struct dns *dns, enum spf_rr rr, struct mf_text name)
{
	for (const struct dns_reply *r = dns->replies; r != NULL; r = r->next)
		if (r->rr == rr &&
		    text_eq_fold(mf_text_at(r->name, r->name_len), name))
			return r;
	return NULL;
}

static void
reply_own(struct dns_reply *r, struct spf_answer *answer)
{
	r->owned = spfquery_must(answer);
	r->answer = answer;
}

static void
reply_ask(struct dns *dns, struct dns_reply *r)
{
	struct mf_text name = mf_text_at(r->name, r->name_len);
	uint64_t begin = now_us();

	if (dns->zone != NULL) {
		struct spf_source source = zone_source(dns->zone);

		r->answer = source.lookup(source.arg, r->rr, name);
		return;
	}
	if (dns->deadline_us == 0)
		dns->deadline_us = begin + (uint64_t)dns->timeout_ms * 1000;
	if (begin >= dns->deadline_us) {
		r->answer = spf_answer_failure(r->rr, SPF_CAUSE_LATE);
		return;
	}
	r->held = spf_resolver_ask(dns->resolver, r->rr, name);
	if (r->held == NULL)
		spfquery_must(NULL);
	r->answer = spf_reply_answer(r->held);
	r->elapsed_us = now_us() - begin;
	r->timed = true;
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct dns *dns = arg;
	const struct dns_reply *found = dns_find(dns, rr, name);

	if (found == NULL) {
		struct dns_reply *r = reply_add(dns, rr, name);

		reply_ask(dns, r);
		found = r;
	}
	return found->answer;
}

struct spf_source
dns_source(struct dns *dns)
{
	return (struct spf_source){.lookup = lookup, .arg = dns};
}

static void
reply_free(struct dns_reply *r)
{
	spf_answer_free(r->owned);
	spf_reply_release(r->held);
	free(r);
}

void
dns_restart(struct dns *dns)
{
	struct dns_reply **at = &dns->replies;

	dns->deadline_us = 0;
	while (*at != NULL) {
		struct dns_reply *r = *at;

		if (r->fixed) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		reply_free(r);
	}
}

unsigned
dns_asked(const struct dns *dns, uint64_t *elapsed_us)
{
	unsigned count = 0;

	*elapsed_us = 0;
	for (const struct dns_reply *r = dns->replies; r != NULL; r = r->next) {
		if (!r->timed)
			continue;
		count++;
		*elapsed_us += r->elapsed_us;
	}
	return count;
}

/* --- opening --- */

static struct spf_resolver *
open_resolver(const struct spfquery_options *o)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct spf_resolver *resolver = NULL;
	enum spf_resolver_status status;

	params.nameservers = o->nameservers;
	params.timeout_ms = o->timeout_sec * 1000;
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
dns_open(const struct spfquery_options *o)
{
	struct dns *dns = spfquery_must(calloc(1, sizeof(*dns)));

	dns->timeout_ms = o->timeout_sec * 1000;
	if (o->zone != NULL)
		dns->zone = zone_from_file(o->zone);
	else
		dns->resolver = open_resolver(o);
	if (dns->zone != NULL || dns->resolver != NULL)
		return dns;
	dns_close(dns);
	return NULL;
}

void
dns_close(struct dns *dns)
{
	while (dns->replies != NULL) {
		struct dns_reply *r = dns->replies;

		dns->replies = r->next;
		reply_free(r);
	}
	zone_free(dns->zone);
	spf_resolver_free(dns->resolver);
	free(dns);
}

void
dns_override(struct dns *dns, struct mf_text domain, struct mf_text record)
{
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	struct dns_reply *r = reply_add(dns, SPF_RR_TXT, domain);

	reply_own(r, spf_answer_txt(&record, 1));
	r->fixed = true;
	if (dns->resolver != NULL &&
	    spf_resolver_override(dns->resolver, domain, record) !=
		SPF_RESOLVER_OK)
		spfquery_must(NULL);
}

/* --- checks --- */

bool
dns_check(struct dns *dns, enum spfquery_engine engine,
    const struct spf_request *request, struct spf_verdict *out,
    struct spfquery_audit *audit)
{
	struct spf_source source = dns_source(dns);

	audit->made = false;
	dns_restart(dns);
	if (dns->zone == NULL && engine == SPFQUERY_NATIVE &&
	    !request->sequential) {
		spf_resolver_check(
		    dns->resolver, request, dns->timeout_ms, out, NULL);
		return true;
	}
	return spfquery_evaluate(engine, request, &source, out, audit);
}
