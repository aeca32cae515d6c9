/* SPDX-License-Identifier: ISC */
/*
 * Checks that lack answers, on the resolver's thread.
 *
 * Each evaluation ends with the verdict or with questions.  The first of these
 * alone can decide, so the check is evaluated again when that one is answered,
 * whether or not the others are; they were asked only to have the answers
 * sooner, should they be needed.
 *
 * But the first question may be a new one while older ones are still on their
 * way, whose answers lead to questions that should not wait for it.  So there
 * is another evaluation once all TXT and MX questions that are older than the
 * last evaluation are answered; or, if there were none, those that it has
 * asked.  The others have addresses for answers, which lead to nothing.
 */
#include <stdlib.h>

#include "libspf-dns/resolver_.h"

/* --- what a check has seen --- */

static struct spf_reply **
place_of(struct spf_reply **replies, unsigned mask, uint64_t hash,
    enum spf_rr rr, struct mf_text name)
{
	unsigned at = (unsigned)hash & mask;

	while (replies[at] != NULL && !reply_is_(replies[at], hash, rr, name))
		at = (at + 1) & mask;
	return &replies[at];
}

static bool
replies_grow(struct dns_check *c)
{
	unsigned mask = c->reply_mask * 2 + 1;
	struct spf_reply **more =
	    calloc((size_t)mask + 1, sizeof(struct spf_reply *));

	if (more == NULL)
		return false;
	for (unsigned i = 0; i <= c->reply_mask; i++) {
		struct spf_reply *reply = c->replies[i];

		if (reply != NULL)
			*place_of(more, mask, reply->hash, reply->rr,
			    mf_text_at(reply->name, reply->name_len)) = reply;
	}
	if (c->replies != c->few_replies)
		free(c->replies);
	c->replies = more;
	c->reply_mask = mask;
	return true;
}

static void
remember(struct dns_check *c, struct spf_reply *reply)
{
	if (c->reply_count > c->reply_mask / 2 && !replies_grow(c)) {
		/* There is still room, but it may not fill up. */
		c->no_memory = true;
		if (c->reply_count >= c->reply_mask)
			return;
	}
	*place_of(c->replies, c->reply_mask, reply->hash, reply->rr,
	    mf_text_at(reply->name, reply->name_len)) = reply_hold_(reply);
	c->reply_count++;
}

/* --- answers for the evaluation --- */

static bool
may_lead_on(enum spf_rr rr)
{
	return rr != SPF_RR_A && rr != SPF_RR_AAAA;
}

/* Ask, if this question is needed or may be asked ahead. */
static void
ask(struct dns_check *c, uint64_t hash, enum spf_rr rr, struct mf_text name)
{
	bool ahead = c->awaited != NULL;
	struct question *q;

	if (ahead && c->budget == 0)
		return;
	q = question_ask_(c->resolver, hash, rr, name);
	if (q == NULL) {
		c->no_memory = true;
		return;
	}
	c->cost.questions++;
	if (ahead) {
		c->budget--;
		c->cost.speculative++;
		if (may_lead_on(rr))
			c->leads[c->lead_count++] = q->reply;
	} else
		c->awaited = q;
	remember(c, q->reply);
}

static struct spf_reply *
find_reply(struct dns_check *c, enum spf_rr rr, struct mf_text name)
{
	struct spf_resolver *r = c->resolver;
	uint64_t hash = cache_hash_(r->cache, rr, name);
	struct spf_reply *reply =
	    *place_of(c->replies, c->reply_mask, hash, rr, name);

	if (reply == NULL) {
		reply = cache_find_(r->cache, hash, rr, name, clock_ms_());
		if (reply != NULL) {
			count_(&r->counters.cache_hits, 1);
			remember(c, reply);
		} else if (c->giving_up == SPF_CAUSE_NONE)
			ask(c, hash, rr, name);
	} else if (reply->answer == NULL && c->awaited == NULL &&
	    c->giving_up == SPF_CAUSE_NONE)
		c->awaited = question_of_(r, reply);
	return reply != NULL && reply->answer != NULL ? reply : NULL;
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct dns_check *c = arg;
	struct spf_reply *reply = find_reply(c, rr, name);

	if (reply != NULL)
		return reply->answer;
	if (c->giving_up == SPF_CAUSE_NONE)
		return NULL;
	if (!c->missed)
		c->missed_rr = rr;
	c->missed = true;
	return spf_answer_failure(rr, c->giving_up);
}

static bool
origin(void *arg, enum spf_rr rr, struct mf_text name, struct spf_origin *out)
{
	const struct dns_check *c = arg;
	uint64_t hash = cache_hash_(c->resolver->cache, rr, name);
	const struct spf_reply *reply =
	    *place_of(c->replies, c->reply_mask, hash, rr, name);
	uint64_t now_ms = clock_ms_();

	*out = (struct spf_origin){.has_rcode = false};
	if (reply == NULL || reply->answer == NULL)
		return false;
	out->has_rcode = reply->origin.has_rcode;
	out->rcode = reply->origin.rcode;
	out->elapsed_us = reply->origin.elapsed_us;
	out->cached = reply->origin.answered_us <= c->started_us;
	if (reply->expires_ms > now_ms && reply->expires_ms != CACHE_FOREVER)
		out->ttl_sec = (uint32_t)((reply->expires_ms - now_ms) / 1000);
	if (reply->origin.asked)
		nameserver_print_(&reply->origin.server, out->server);
	return true;
}

/* --- ending --- */

static void
check_detach(struct dns_check *c)
{
	struct spf_resolver *r = c->resolver;

	if (c->is_ready)
		TAILQ_REMOVE(&r->ready, c, queued);
	listen_no_more_(&c->first);
	listen_no_more_(&c->rest);
	LIST_REMOVE(c, by_id);
	if (c->deadline != NULL)
		event_free(c->deadline);
	for (unsigned i = 0; i <= c->reply_mask; i++)
		reply_release_(c->replies[i]);
	if (c->replies != c->few_replies)
		free(c->replies);
}

/* Tell who wants to know; c is gone afterwards. */
static void
check_end(struct dns_check *c)
{
	struct spf_verdict *verdict = &c->resolver->verdict;

	c->cost.elapsed_us = clock_us_() - c->started_us;
	check_detach(c);
	if (c->waiting == NULL) {
		c->done(c->arg, verdict, &c->cost);
		free(c);
		return;
	}
	if (c->verdict != NULL)
		*c->verdict = *verdict;
	if (c->cost_out != NULL)
		*c->cost_out = c->cost;
	waiting_end_(c->waiting);
}

static enum spf_status
evaluate_request(struct dns_check *c)
{
	struct spf_resolver *r = c->resolver;
	const struct spf_resolver_params *p = &r->params;
	struct spf_source source = {
	    .lookup = lookup, .arg = c, .origin = origin};

	if (p->evaluate == NULL)
		return spf_evaluate(&c->request, &source, &r->verdict);
	return p->evaluate(p->evaluate_arg, &c->request, &source, &r->verdict);
}

/*
 * Only an explanation may be missing without harm, and is known by its TXT
 * question after a certain fail; elsewhere a lost answer may have hidden
 * anything.
 */
static void
end_evaluation(struct dns_check *c, enum spf_cause why)
{
	struct spf_verdict *v = &c->resolver->verdict;

	c->giving_up = why;
	c->request.sequential = true;
	evaluate_request(c);
	if (!c->missed || v->cause != SPF_CAUSE_NONE ||
	    (v->result == SPF_FAIL && c->missed_rr == SPF_RR_TXT))
		return;
	v->result = SPF_TEMPERROR;
	v->cause = why;
	v->explanation[0] = '\0';
	spf_failure_print(
	    c->missed_rr, MF_TEXT(""), why, v->problem, sizeof(v->problem));
}

void
check_give_up_(struct dns_check *c, enum spf_cause why)
{
	if (c->is_question) {
		*c->reply_out = reply_new_(c->rr, c->name, /* of no table */ 0);
		if (*c->reply_out != NULL)
			reply_answer_(
			    *c->reply_out, spf_answer_failure(c->rr, why));
	} else
		end_evaluation(c, why);
	check_end(c);
}

/* --- running --- */

/* True: the verdict, or the reply, is there. */
static bool
evaluate(struct dns_check *c)
{
	if (c->is_question) {
		struct spf_reply *reply = find_reply(c, c->rr, c->name);

		if (reply != NULL)
			*c->reply_out = reply_hold_(reply);
		return reply != NULL;
	}
	/* Without a budget there is nothing to explore for. */
	if (c->budget == 0)
		c->request.sequential = true;
	return evaluate_request(c) == SPF_OK;
}

/* Of the first count leads those that aren't answered stay; how many. */
static unsigned
drop_answered(struct dns_check *c, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->lead_count; i++)
		if (i >= count || c->leads[i]->answer == NULL)
			c->leads[kept++] = c->leads[i];
	count -= c->lead_count - kept;
	c->lead_count = kept;
	return count;
}

static void
make_ready(struct dns_check *c)
{
	listen_no_more_(&c->first);
	listen_no_more_(&c->rest);
	c->awaited = NULL;
	c->is_ready = true;
	TAILQ_INSERT_TAIL(&c->resolver->ready, c, queued);
}

/* Answers mostly come in the order of the questions: wait for the last. */
static void
await_leads(struct dns_check *c)
{
	struct question *last;

	last = question_of_(c->resolver, c->leads[c->due - 1]);
	if (last != NULL)
		listen_(&c->rest, last);
}

static void
on_first(void *arg)
{
	make_ready(arg);
}

static void
on_rest(void *arg)
{
	struct dns_check *c = arg;

	c->due = drop_answered(c, c->due);
	if (c->due == 0)
		make_ready(c);
	else
		await_leads(c);
}

static void
run(struct dns_check *c)
{
	unsigned asked_before = c->lead_count;
	struct question *awaited;

	TAILQ_REMOVE(&c->resolver->ready, c, queued);
	c->is_ready = false;
	bool ended = evaluate(c);
	awaited = c->awaited;
	c->awaited = NULL;
	if (ended) {
		check_end(c);
		return;
	}
	c->cost.rounds++;
	if (c->no_memory || awaited == NULL) {
		check_give_up_(c, SPF_CAUSE_NO_MEMORY);
		return;
	}
	listen_(&c->first, awaited);
	c->due = drop_answered(c, asked_before);
	if (c->due == 0)
		c->due = c->lead_count;
	if (c->due != 0 && c->budget != 0)
		await_leads(c);
}

void
checks_settle_(void *arg)
{
	struct spf_resolver *r = arg;
	struct dns_check *c;

	do {
		while ((c = TAILQ_FIRST(&r->ready)) != NULL)
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			run(c);
		questions_send_(r);
	} while (sender_settle_(r->sender));
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct dns_check *c = arg;
	struct spf_resolver *r = c->resolver;

	(void)fd;
	(void)what;
	check_give_up_(c, SPF_CAUSE_LATE);
	checks_settle_(r);
}

void
check_begin_(struct dns_check *c)
{
	struct spf_resolver *r = c->resolver;
	struct timeval after = {.tv_sec = c->timeout_ms / 1000,
	    .tv_usec = (suseconds_t)(c->timeout_ms % 1000) * 1000};

	c->first = (struct question_listener){.answered = on_first, .arg = c};
	c->rest = (struct question_listener){.answered = on_rest, .arg = c};
	c->replies = c->few_replies;
	c->reply_mask = CHECK_REPLIES - 1;
	c->budget =
	    r->params.prefetch && !c->is_question && !c->request.sequential
	    ? SPF_SPECULATION_MAX
	    : 0;
	LIST_INSERT_HEAD(&r->checks[c->id % CHECK_LISTS], c, by_id);
	c->is_ready = true;
	TAILQ_INSERT_TAIL(&r->ready, c, queued);
	c->deadline = event_new(r->base, -1, 0, on_deadline, c);
	if (c->deadline == NULL || event_add(c->deadline, &after) < 0)
		check_give_up_(c, SPF_CAUSE_NO_MEMORY);
}

bool
check_forget_(struct spf_resolver *r, uint64_t id)
{
	struct dns_check *c;

	LIST_FOREACH (c, &r->checks[id % CHECK_LISTS], by_id)
		if (c->id == id)
			break;
	if (c == NULL)
		return false;
	check_detach(c);
	free(c);
	return true;
}

void
checks_give_up_(struct spf_resolver *r, enum spf_cause why)
{
	for (size_t i = 0; i < CHECK_LISTS; i++)
		while (!LIST_EMPTY(&r->checks[i]))
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			check_give_up_(LIST_FIRST(&r->checks[i]), why);
}
