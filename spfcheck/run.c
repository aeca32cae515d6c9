/* SPDX-License-Identifier: ISC */
/*
 * Checks, side by side.
 *
 * Each that is done, and the caller once it has started all, takes one off a
 * counter.  Callbacks that came before the caller is through find it above
 * zero; so there is no lock where all is cached.
 */
#include <pthread.h>
#include <time.h>

#include "common/clock.h"
#include "spfcheck/checker_.h"

/*
 * The resolver is given so much less than there is, so that its verdict, which
 * says what was missing, comes before we give up.
 */
#define HEAD_START_MS 50

uint64_t
checker_deadline(const struct checker *c)
{
	return clock_ms() + checker_timeout_ms(c);
}

/* --- one --- */

static struct spf_request
fill_in(const struct checker *c, const struct spf_request *request)
{
	struct spf_request filled = *request;

	filled.limits.voids = (unsigned)c->settings->max_voids;
	filled.best_guess = c->best_guess;
	filled.delegate = c->settings->delegate;
	filled.default_explanation = c->settings->explanation;
	return filled;
}

uint64_t
checker_start(struct checker *c, const struct spf_request *request,
    unsigned timeout_ms, spf_resolver_callback *done, void *arg)
{
	struct spf_request filled = fill_in(c, request);

	return spf_resolver_start(c->resolver, &filled, timeout_ms, done, arg);
}

bool
checker_cancel(struct checker *c, uint64_t check)
{
	return spf_resolver_cancel(c->resolver, check);
}

/* --- many --- */

static void (*before_wait)(void);

void
checker_before_wait(void (*hook)(void))
{
	before_wait = hook;
}

struct run {
	atomic_size_t left; /* checks, and the caller while it starts them */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done; /* under lock */
};

struct one {
	struct run *run;
	struct spf_verdict *verdict;
	uint64_t id; /* 0: done before it could be cancelled */
};

/* True: that was the last. */
static bool
run_leave(struct run *run)
{
	return atomic_fetch_sub(&run->left, 1) == 1;
}

static void
on_done(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	struct one *one = arg;
	struct run *run = one->run;

	(void)cost;
	*one->verdict = *verdict;
	if (!run_leave(run))
		return;
	pthread_mutex_lock(&run->lock);
	run->done = true;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

static void
run_init(struct run *run)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&run->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&run->lock, NULL);
}

/* False: the time is over. */
static bool
run_wait(struct run *run, uint64_t deadline_ms)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
	    .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
	bool done;
	int error = 0;

	pthread_mutex_lock(&run->lock);
	while (!run->done && error == 0)
		error =
		    pthread_cond_timedwait(&run->changed, &run->lock, &until);
	done = run->done;
	pthread_mutex_unlock(&run->lock);
	return done;
}

/* --- what came too late --- */

static const struct spf_answer *
no_answer(void *arg, enum spf_rr rr, struct mf_text name)
{
	(void)arg;
	(void)name;
	return spf_answer_failure(rr, SPF_CAUSE_LATE);
}

/* The verdict has the domain that a check would have been of. */
static void
give_up(const struct checker *c, struct check *check)
{
	struct spf_request request = fill_in(c, &check->request);

	spf_evaluate(&request, &(struct spf_source){.lookup = no_answer},
	    &check->verdict);
}

static unsigned
time_for(uint64_t deadline_ms)
{
	uint64_t now = clock_ms(),
		 left = deadline_ms > now ? deadline_ms - now : 0;

	left -= left / 10 < HEAD_START_MS ? left / 10 : HEAD_START_MS;
	return left < SPF_TIMEOUT_MS_MAX ? (unsigned)left : SPF_TIMEOUT_MS_MAX;
}

void
checker_run(
    struct checker *c, struct check *checks, size_t count, uint64_t deadline_ms)
{
	struct run run = {.done = false};
	struct one ones[CHECKS_MAX];
	unsigned timeout_ms = time_for(deadline_ms);
	bool ready = false;

	for (; count > CHECKS_MAX; count--)
		give_up(c, &checks[count - 1]);
	atomic_init(&run.left, count + 1);
	run_init(&run);
	for (size_t i = 0; i < count; i++) {
		ones[i] = (struct one){&run, &checks[i].verdict, 0};
		ones[i].id = checker_start(
		    c, &checks[i].request, timeout_ms, on_done, &ones[i]);
	}
	ready = run_leave(&run);
	if (!ready && before_wait != NULL)
		before_wait();
	ready = ready || run_wait(&run, deadline_ms);
	for (size_t i = 0; i < count && !ready; i++)
		if (checker_cancel(c, ones[i].id))
			give_up(c, &checks[i]);
	pthread_cond_destroy(&run.changed);
	pthread_mutex_destroy(&run.lock);
}

/* --- one question --- */

void
checker_ask_ahead(struct checker *c, struct mf_text name)
{
	spf_resolver_ask_ahead(c->resolver, SPF_RR_TXT, name);
}

const struct spf_reply *
checker_ask(struct checker *c, struct mf_text name, uint64_t deadline_ms)
{
	if (before_wait != NULL)
		before_wait();
	return spf_resolver_ask_for(
	    c->resolver, SPF_RR_TXT, name, time_for(deadline_ms));
}
