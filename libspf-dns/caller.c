/* SPDX-License-Identifier: ISC */
/*
 * The resolver as callers see it, on their threads.
 *
 * A check is first evaluated where it is called, over the cache, under a lock
 * for reading: nothing is held, copied or parsed.  Only if an answer is missing
 * does it go to the resolver's thread, and begins anew there.
 */
#include <stdlib.h>

#include "libspf-dns/resolver_.h"

/* --- checks --- */

static void
no_verdict(struct spf_verdict *out, enum spf_cause why)
{
	struct text_out text = text_out(out->problem, SPF_TEXT_MAX);

	*out = (struct spf_verdict){.result = SPF_TEMPERROR, .cause = why};
	out_str(&text, spf_cause_text(why));
}

struct cached {
	const struct spf_resolver *resolver;
	uint64_t now_ms;
};

static const struct spf_answer *
lookup_cached(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct cached *c = arg;
	const struct cache *cache = c->resolver->cache;
	const struct spf_reply *reply = cache_find_(
	    cache, cache_hash_(cache, rr, name), rr, name, c->now_ms);

	return reply != NULL ? reply->answer : NULL;
}

/* The verdict, if all that it needs is cached. */
static bool
check_cached(struct spf_resolver *r, const struct spf_request *request,
    uint64_t now_us, struct spf_verdict *out)
{
	struct cached cached = {r, now_us / 1000};
	struct spf_source source = {.lookup = lookup_cached, .arg = &cached};
	struct spf_request quick = *request;
	enum spf_status status;

	/* The first answer that is missing ends it. */
	quick.sequential = true;
	count_(&r->counters.checks, 1);
	/* Another evaluator may take its time; nobody may put meanwhile. */
	if (r->params.evaluate != NULL)
		return false;
	pthread_rwlock_rdlock(&r->cache_lock);
	status = spf_evaluate(&quick, &source, out);
	pthread_rwlock_unlock(&r->cache_lock);
	if (status != SPF_OK)
		return false;
	count_(&r->counters.checks_cached, 1);
	count_(&r->counters.cache_hits, out->lookups);
	return true;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

void
spf_resolver_check(struct spf_resolver *r, const struct spf_request *request,
    unsigned timeout_ms, struct spf_verdict *out, struct spf_cost *cost)
{
	uint64_t started_us = clock_us_();
	struct waiting waiting;
	struct dns_check c;

	if (check_cached(r, request, started_us, out)) {
		if (cost != NULL)
			*cost = (struct spf_cost){
			    .elapsed_us = clock_us_() - started_us};
		return;
	}
	c = (struct dns_check){.resolver = r,
	    .started_us = started_us,
	    .timeout_ms = least(timeout_ms, r->params.timeout_ms),
	    .request = *request,
	    .waiting = &waiting,
	    .verdict = out,
	    .cost_out = cost};
	waiting_begin_(&waiting);
	if (check_post_(r, &c) == 0) {
		no_verdict(out, SPF_CAUSE_STOPPING);
		waiting_end_(&waiting);
	}
	waiting_wait_(&waiting);
}

/* Copy the texts of a request to room. */
static void
copy_texts(struct spf_request *request, char *room)
{
	struct mf_text *texts[] = {&request->sender, &request->helo,
	    &request->receiver, &request->delegate,
	    &request->default_explanation};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i]->len != 0)
			memcpy(room, texts[i]->p, texts[i]->len);
		texts[i]->p = room;
		room += texts[i]->len;
	}
}

uint64_t
spf_resolver_start(struct spf_resolver *r, const struct spf_request *request,
    unsigned timeout_ms, spf_resolver_callback *done, void *arg)
{
	uint64_t started_us = clock_us_(), id = 0;
	struct spf_verdict verdict;
	struct spf_cost cost = {0};
	enum spf_cause why = SPF_CAUSE_NO_MEMORY;
	struct dns_check *c;

	if (check_cached(r, request, started_us, &verdict)) {
		cost.elapsed_us = clock_us_() - started_us;
		done(arg, &verdict, &cost);
		return 0;
	}
	c = malloc(sizeof(*c) + request->sender.len + request->helo.len +
	    request->receiver.len + request->delegate.len +
	    request->default_explanation.len);
	if (c != NULL) {
		*c = (struct dns_check){.resolver = r,
		    .started_us = started_us,
		    .timeout_ms = least(timeout_ms, r->params.timeout_ms),
		    .request = *request,
		    .done = done,
		    .arg = arg};
		copy_texts(&c->request, (char *)(c + 1));
		why = SPF_CAUSE_STOPPING;
		id = check_post_(r, c);
	}
	if (id == 0) {
		free(c);
		no_verdict(&verdict, why);
		done(arg, &verdict, &cost);
	}
	return id;
}

/* --- questions --- */

/* The reply to a question, held, if it is cached; else NULL. */
static struct spf_reply *
find_cached(struct spf_resolver *r, enum spf_rr rr, struct mf_text name)
{
	uint64_t hash = cache_hash_(r->cache, rr, name), now_ms = clock_ms_();
	struct spf_reply *reply;

	pthread_rwlock_rdlock(&r->cache_lock);
	reply = cache_find_(r->cache, hash, rr, name, now_ms);
	if (reply != NULL)
		reply_hold_(reply);
	pthread_rwlock_unlock(&r->cache_lock);
	if (reply != NULL)
		count_(&r->counters.cache_hits, 1);
	return reply;
}

const struct spf_reply *
spf_resolver_ask_for(struct spf_resolver *r, enum spf_rr rr,
    struct mf_text name, unsigned timeout_ms)
{
	struct dnsmsg_name wire;
	char text[SPF_NAME_SIZE];
	struct spf_reply *reply = NULL;
	struct waiting waiting;
	struct dns_check c;
	size_t len;

	if (!dnsmsg_name_(name, &wire)) {
		struct spf_answer *none = spf_answer_void(rr);

		reply = reply_new_(rr, MF_TEXT(""), 0);
		if (reply == NULL || none == NULL) {
			reply_release_(reply);
			spf_answer_free(none);
			return NULL;
		}
		reply_answer_(reply, none);
		return reply;
	}
	len = dnsmsg_name_text_(&wire, text);
	reply = find_cached(r, rr, mf_text_at(text, len));
	if (reply != NULL)
		return reply;
	c = (struct dns_check){.resolver = r,
	    .started_us = clock_us_(),
	    .timeout_ms = least(timeout_ms, r->params.timeout_ms),
	    .is_question = true,
	    .rr = rr,
	    .name = mf_text_at(text, len),
	    .waiting = &waiting,
	    .reply_out = &reply};
	waiting_begin_(&waiting);
	if (check_post_(r, &c) == 0)
		waiting_end_(&waiting);
	waiting_wait_(&waiting);
	return reply;
}

const struct spf_reply *
spf_resolver_ask(struct spf_resolver *r, enum spf_rr rr, struct mf_text name)
{
	return spf_resolver_ask_for(r, rr, name, r->params.timeout_ms);
}

/* A question that nobody waits for. */
struct ask_ahead {
	struct dns_check check; /* first: the resolver frees it */
	struct spf_reply *reply;
	char name[SPF_NAME_SIZE];
};

static void
on_ahead(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	struct ask_ahead *ahead = arg;

	(void)verdict;
	(void)cost;
	reply_release_(ahead->reply);
}

void
spf_resolver_ask_ahead(
    struct spf_resolver *r, enum spf_rr rr, struct mf_text name)
{
	struct dnsmsg_name wire;
	char text[SPF_NAME_SIZE];
	struct ask_ahead *ahead;
	struct spf_reply *cached;

	if (!dnsmsg_name_(name, &wire))
		return;
	size_t len = dnsmsg_name_text_(&wire, text);
	cached = find_cached(r, rr, mf_text_at(text, len));
	if (cached != NULL) {
		reply_release_(cached);
		return;
	}
	ahead = calloc(1, sizeof(*ahead));
	if (ahead == NULL)
		return;
	memcpy(ahead->name, text, len);
	ahead->check = (struct dns_check){.resolver = r,
	    .started_us = clock_us_(),
	    .timeout_ms = r->params.timeout_ms,
	    .is_question = true,
	    .rr = rr,
	    .name = mf_text_at(ahead->name, len),
	    .done = on_ahead,
	    .arg = ahead,
	    .reply_out = &ahead->reply};
	if (check_post_(r, &ahead->check) == 0)
		free(ahead);
}

const struct spf_answer *
spf_reply_answer(const struct spf_reply *reply)
{
	return reply->answer;
}

void
spf_reply_release(const struct spf_reply *reply)
{
	reply_release_((struct spf_reply *)(uintptr_t)reply);
}

enum spf_resolver_status
spf_resolver_override(
    struct spf_resolver *r, struct mf_text domain, struct mf_text record)
{
	struct dnsmsg_name wire;
	char room[SPF_NAME_SIZE];
	struct spf_answer *answer;
	struct spf_reply *reply, *out;

	if (!dnsmsg_name_(domain, &wire))
		return SPF_RESOLVER_OK;
	struct mf_text name = mf_text_at(room, dnsmsg_name_text_(&wire, room));
	answer = spf_answer_txt(&record, 1);
	reply = reply_new_(
	    SPF_RR_TXT, name, cache_hash_(r->cache, SPF_RR_TXT, name));
	if (answer == NULL || reply == NULL) {
		spf_answer_free(answer);
		reply_release_(reply);
		return SPF_RESOLVER_NO_MEMORY;
	}
	reply_answer_(reply, answer);
	pthread_rwlock_wrlock(&r->cache_lock);
	out = cache_put_(r->cache, reply, CACHE_FOREVER);
	pthread_rwlock_unlock(&r->cache_lock);
	cache_drop_(out);
	reply_release_(reply);
	return SPF_RESOLVER_OK;
}

void
spf_resolver_stats(struct spf_resolver *r, struct spf_resolver_stats *out)
{
	const struct counters *n = &r->counters;

	*out = (struct spf_resolver_stats){.checks = atomic_load(&n->checks),
	    .checks_cached = atomic_load(&n->checks_cached),
	    .questions = atomic_load(&n->questions),
	    .cache_hits = atomic_load(&n->cache_hits),
	    .timeouts = atomic_load(&n->timeouts),
	    .errors = atomic_load(&n->errors),
	    .in_flight = atomic_load(&n->in_flight)};
	pthread_rwlock_rdlock(&r->cache_lock);
	out->cache_octets = cache_octets_(r->cache);
	out->cache_answers = cache_count_(r->cache);
	pthread_rwlock_unlock(&r->cache_lock);
}
