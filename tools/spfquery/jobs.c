/* SPDX-License-Identifier: ISC */
/*
 * A report is a function of answers, so it is run as the resolver runs checks:
 * again and again until nothing is missing.  Those that wait for a turn at the
 * output are bounded, and so is what is asked at the same time.
 */
#include "tools/spfquery/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/spfquery/answer_copy.h"
#include "tools/spfquery/domains.h"

#define JOBS_MAX 256

#define NS_PER_SEC  1000000000L
#define PROGRESS_NS (NS_PER_SEC / 5)

struct jobs;

struct job {
	struct spf_trace handle; /* by which jobs_evaluate() finds it */
	struct jobs *jobs;
	char domain[SPF_NAME_SIZE];
	bool done;
	int status;
	char *text;
	size_t len;
};

struct jobs {
	const struct spfquery_options *options;
	jobs_report *report;
	struct dns *dns;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct job ring[JOBS_MAX];
	size_t first, count; /* in the ring */
	int status;
	size_t ended_count;
	bool progress; /* a line on the terminal shows it */
};

/* --- one job --- */

/* A source that knows whether something was missing. */
struct watched {
	const struct spf_source *inner;
	bool missed;
};

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct watched *w = arg;
	const struct spf_answer *a = w->inner->lookup(w->inner->arg, rr, name);

	w->missed = w->missed || a == NULL;
	return a;
}

static bool
origin(void *arg, enum spf_rr rr, struct mf_text name, struct spf_origin *out)
{
	const struct watched *w = arg;

	answer_origin(w->inner, rr, name, out);
	return true;
}

static const struct spf_answer *
whole_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct spf_source *inner = arg;
	const struct spf_answer *a = inner->lookup(inner->arg, rr, name);

	return a != NULL ? a : spf_answer_failure(rr, SPF_CAUSE_LATE);
}

static bool
whole_origin(
    void *arg, enum spf_rr rr, struct mf_text name, struct spf_origin *out)
{
	const struct spf_source *inner = arg;

	answer_origin(inner, rr, name, out);
	return true;
}

struct spf_source
jobs_whole_source(const struct spf_source *source)
{
	return (struct spf_source){.lookup = whole_lookup,
	    .origin = whole_origin,
	    .arg = (void *)(uintptr_t)source};
}

static enum spf_status
run(struct job *job, const struct spf_source *source)
{
	struct watched watched = {.inner = source};
	const struct spf_source over = {
	    .lookup = lookup, .arg = &watched, .origin = origin};
	FILE *to;

	free(job->text);
	job->text = NULL;
	to = spfquery_must(open_memstream(&job->text, &job->len));
	job->status = job->jobs->report(
	    job->jobs->options, mf_text_of(job->domain), &over, to);
	if (fclose(to) != 0)
		spfquery_must(NULL);
	return watched.missed ? SPF_PENDING : SPF_OK;
}

enum spf_status
jobs_evaluate(void *arg, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out)
{
	(void)arg;
	*out = (struct spf_verdict){.result = SPF_NONE};
	return run(request->trace->arg, source);
}

static void
on_done(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	struct job *job = arg;
	struct jobs *jobs = job->jobs;

	(void)verdict;
	(void)cost;
	pthread_mutex_lock(&jobs->lock);
	job->done = true;
	jobs->ended_count++;
	pthread_cond_signal(&jobs->ended);
	pthread_mutex_unlock(&jobs->lock);
}

static void
begin(struct jobs *jobs, const char *domain)
{
	struct job *job = &jobs->ring[(jobs->first + jobs->count++) % JOBS_MAX];
	struct spf_request request = {.identity = SPF_HELO};

	*job = (struct job){.jobs = jobs};
	snprintf(job->domain, sizeof(job->domain), "%s", domain);
	job->handle.arg = job;
	request.trace = &job->handle;
	if (!dns_start(jobs->dns, &request, on_done, job)) {
		struct spf_source source = dns_source(jobs->dns);

		run(job, &source);
		job->done = true;
		jobs->ended_count++;
	}
}

/* --- output --- */

/* Under the lock. */
static void
show_progress(const struct jobs *jobs)
{
	if (jobs->progress)
		fprintf(stderr, "\r\033[K%zu domains done, %zu under way",
		    jobs->ended_count, jobs->count);
}

/* The oldest is there; or it isn't after a while, and progress is shown. */
static void
await_first(struct jobs *jobs)
{
	const struct job *job = &jobs->ring[jobs->first];

	pthread_mutex_lock(&jobs->lock);
	while (!job->done) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PROGRESS_NS;
		until.tv_sec += until.tv_nsec / NS_PER_SEC;
		until.tv_nsec %= NS_PER_SEC;
		pthread_cond_timedwait(&jobs->ended, &jobs->lock, &until);
		show_progress(jobs);
	}
	pthread_mutex_unlock(&jobs->lock);
}

static bool
first_is_done(struct jobs *jobs)
{
	bool done;

	pthread_mutex_lock(&jobs->lock);
	done = jobs->count != 0 && jobs->ring[jobs->first].done;
	pthread_mutex_unlock(&jobs->lock);
	return done;
}

static void
print_first(struct jobs *jobs)
{
	struct job *job = &jobs->ring[jobs->first];

	await_first(jobs);
	spfquery_must(job->text);
	fwrite(job->text, 1, job->len, stdout);
	free(job->text);
	if (job->status > jobs->status)
		jobs->status = job->status;
	jobs->first = (jobs->first + 1) % JOBS_MAX;
	jobs->count--;
}

static void
open_jobs(struct jobs *jobs)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->ended, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&jobs->lock, NULL);
	/* Beside results on the same terminal it would be in their way. */
	jobs->progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
}

int
jobs_run(const struct spfquery_options *o, jobs_report *report, struct dns *dns)
{
	struct jobs *jobs = spfquery_must(calloc(1, sizeof(*jobs)));
	struct domains domains;
	char domain[SPF_NAME_SIZE];
	int rc;

	jobs->options = o;
	jobs->report = report;
	jobs->dns = dns;
	open_jobs(jobs);
	domains_begin(&domains, o);
	while (domains_next(&domains, domain)) {
		while (jobs->count == JOBS_MAX || first_is_done(jobs))
			print_first(jobs);
		begin(jobs, domain);
	}
	while (jobs->count != 0)
		print_first(jobs);
	if (jobs->progress)
		fputs("\r\033[K", stderr);
	pthread_cond_destroy(&jobs->ended);
	pthread_mutex_destroy(&jobs->lock);
	rc = domains.failed ? SPFQUERY_USAGE : jobs->status;
	free(jobs);
	return rc;
}
