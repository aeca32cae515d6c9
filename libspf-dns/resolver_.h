/* SPDX-License-Identifier: ISC */
/*
 * What resolver.c, checks.c and questions.c share.
 *
 * Threads.  Callers see the cache, under cache_lock for reading, and the inbox,
 * under inbox_lock.  All else belongs to the resolver's thread, which alone
 * changes the cache, and so needs the lock only for that.
 */
#ifndef MAILFROM_LIBSPF_DNS_RESOLVER__H
#define MAILFROM_LIBSPF_DNS_RESOLVER__H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "libspf-dns/cache.h"
#include "libspf-dns/clock.h"
#include "libspf-dns/dnsmsg.h"
#include "libspf-dns/sender.h"
#include "libspf-dns/waiting.h"
#include <mailfrom/spf_resolver.h>

/* Lists of questions in flight, and of checks by their id. */
#define QUESTION_LISTS 4096
#define CHECK_LISTS    1024

/* Replies that a check has room for without asking for memory. */
#define CHECK_REPLIES 32

LIST_HEAD(check_list, dns_check);
LIST_HEAD(question_list, question);
TAILQ_HEAD(check_queue, dns_check);
TAILQ_HEAD(question_queue, question);
STAILQ_HEAD(cancel_queue, cancel);

struct question;

/* Who is to be called when a question is answered. */
struct question_listener {
	LIST_ENTRY(question_listener) entry;
	struct question *question; /* NULL: of none */
	void (*answered)(void *arg);
	void *arg;
};

LIST_HEAD(question_listeners, question_listener);

/* A check that isn't all cached, or one question of spf_resolver_ask(). */
struct dns_check {
	struct spf_resolver *resolver;
	uint64_t id;
	LIST_ENTRY(dns_check) by_id;
	TAILQ_ENTRY(dns_check) queued; /* in the inbox, or ready */
	bool is_ready;
	struct event *deadline;
	unsigned timeout_ms;
	uint64_t started_us;

	/* What is asked: a check's request, or the one question. */
	struct spf_request request;
	bool is_question;
	enum spf_rr rr;
	struct mf_text name;

	/*
	 * What it has seen, or asked for, by hash: the same in each evaluation,
	 * whatever becomes of the cache meanwhile.
	 */
	struct spf_reply **replies;
	unsigned reply_mask, reply_count;
	struct spf_reply *few_replies[CHECK_REPLIES];

	/* For the first question that the last evaluation lacked. */
	struct question *awaited;
	struct question_listener first;
	/*
	 * What was asked ahead, may lead to further questions, and wasn't
	 * answered at the last evaluation, in order; the evaluation is worth
	 * repeating once the first `due` of them are answered.
	 */
	struct spf_reply *leads[SPF_SPECULATION_MAX];
	unsigned lead_count, due;
	struct question_listener rest;
	unsigned budget; /* of speculation */
	bool no_memory;
	/* At the end: what is missing is a temporary error. */
	enum spf_cause giving_up;
	bool missed;
	enum spf_rr missed_rr;

	/* Who wants to know: a callback, or the thread that waits. */
	spf_resolver_callback *done;
	void *arg;
	struct waiting *waiting;
	struct spf_verdict *verdict;
	struct spf_cost *cost_out;
	struct spf_reply **reply_out;
	struct spf_cost cost;
};

/* A question in flight, or about to be. */
struct question {
	struct flight flight;
	struct spf_resolver *resolver;
	LIST_ENTRY(question) entry;
	TAILQ_ENTRY(question) queued; /* to be sent, or sent lately */
	enum { QUESTION_TO_SEND, QUESTION_YOUNG, QUESTION_OLD } stage;
	uint64_t sent_ms;
	struct spf_reply *reply; /* to be answered */
	struct question_listeners listeners;
	struct dnsmsg_name name; /* that is asked for; behind aliases */
	unsigned aliases;
	uint32_t ttl_sec; /* of the aliases so far */
	uint64_t asked_us;
};

struct cancel {
	STAILQ_ENTRY(cancel) entry;
	uint64_t id;
	bool found;
	struct waiting *waiting;
};

struct counters {
	atomic_uint_fast64_t checks, checks_cached, questions, cache_hits,
	    timeouts, errors;
	atomic_size_t in_flight;
};

struct spf_resolver {
	struct spf_resolver_params params;
	pthread_t thread;
	struct counters counters;

	pthread_rwlock_t cache_lock;
	struct cache *cache;

	pthread_mutex_t inbox_lock;
	struct check_queue started;
	struct cancel_queue cancels;
	uint64_t last_id;
	bool stopping;
	int wake_pipe[2];

	struct event_base *base;
	struct event *wake;
	struct event *aging;
	struct sender *sender;
	struct check_queue ready;
	struct check_list checks[CHECK_LISTS];
	struct question_list questions[QUESTION_LISTS];
	struct question_queue to_send, young;
	unsigned young_count, window;
	uint64_t window_rests_until_ms;
	struct spf_verdict verdict;  /* of the check at hand */
	struct dnsmsg_result result; /* of the answer at hand */
	enum dnsmsg_status status;
};

/* --- resolver.c --- */

/* Hand c to the thread.  0: it is stopping; else the check's number. */
uint64_t check_post_(struct spf_resolver *r, struct dns_check *c);

static inline void
count_(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* --- questions.c --- */

void questions_init_(struct spf_resolver *r);

/*
 * The question for rr of name that is in flight, or a new one.  NULL: out of
 * memory.
 */
struct question *question_ask_(
    struct spf_resolver *r, uint64_t hash, enum spf_rr rr, struct mf_text name);

/* The question that will answer reply. */
struct question *question_of_(
    struct spf_resolver *r, const struct spf_reply *reply);

/* Call l, once, when q is answered. */
void listen_(struct question_listener *l, struct question *q);

/* Don't call it, if it is to be called. */
void listen_no_more_(struct question_listener *l);

/* Send what may be sent now. */
void questions_send_(struct spf_resolver *r);

/* Time has passed since questions were sent. */
void questions_age_(struct spf_resolver *r);

/* End those that weren't sent. */
void questions_free_(struct spf_resolver *r);

/* --- checks.c --- */

/* Begin a check that came by the inbox. */
void check_begin_(struct dns_check *c);

/* Evaluate what is ready and send what is to be sent, until nothing is. */
void checks_settle_(void *resolver);

/* End at once: what is missing is a temporary error. */
void check_give_up_(struct dns_check *c, enum spf_cause why);

/* Forget it; nobody is told.  False: there is none of that id. */
bool check_forget_(struct spf_resolver *r, uint64_t id);

/* End all checks. */
void checks_give_up_(struct spf_resolver *r, enum spf_cause why);

#endif
