/* SPDX-License-Identifier: ISC */
/*
 * The daemon's side: helper processes, one for each check that is running.
 *
 * A helper is trusted with nothing: what it says is read strictly, it may look
 * up only what a check may, and it has to be done in time.  Else it is killed,
 * the check has no opinion, and the next one gets a new helper.
 */
#include "libspf-engine/helpers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "libspf-engine/helper.h"
#include "libspf-engine/opinion.h"

/* Starts in quick succession, and how often one more is allowed after them. */
#define STARTS_BURST   10
#define START_EVERY_MS 6000
#define START_DEBT_MS  (STARTS_BURST * START_EVERY_MS)

/*
 * For the first one to begin: nobody waits for it, and a system that is just
 * starting is slow.
 */
#define FIRST_START_MS 3000

struct helpers {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t freed;
	char *path;
	unsigned count, timeout_ms;
	/* When the starts so far will be paid off, at one in START_EVERY_MS. */
	uint64_t starts_paid_ms;
	uint64_t starts;
	int last_status;
	struct helper helpers[];
};

/* Under the lock: whether one more may be started now; if so, it counts. */
static bool
may_start(struct helpers *helpers)
{
	uint64_t now = helper_now_ms_();

	if (helpers->starts_paid_ms < now)
		helpers->starts_paid_ms = now;
	if (helpers->starts_paid_ms - now + START_EVERY_MS > START_DEBT_MS)
		return false;
	helpers->starts_paid_ms += START_EVERY_MS;
	helpers->starts++;
	return true;
}

/* --- whose turn it is --- */

/* A helper that nobody uses, a running one if there is any. */
static struct helper *
find_free(struct helpers *helpers)
{
	struct helper *found = NULL;

	for (unsigned i = 0; i < helpers->count; i++) {
		struct helper *h = &helpers->helpers[i];

		if (!h->busy && (found == NULL || found->pid == 0))
			found = h;
	}
	return found;
}

/* NULL: none was free in time, or none can be started. */
static struct helper *
take(struct helpers *helpers, uint64_t until_ms, enum spf_opinion *why)
{
	struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = (long)(until_ms % 1000) * 1000000};
	struct helper *h;
	int error = 0;

	*why = SPF_OPINION_LATE;
	pthread_mutex_lock(&helpers->lock);
	while ((h = find_free(helpers)) == NULL && error == 0)
		error = pthread_cond_timedwait(
		    &helpers->freed, &helpers->lock, &until);
	if (h != NULL && h->pid == 0 && !may_start(helpers)) {
		*why = SPF_OPINION_UNAVAILABLE;
		h = NULL;
	}
	if (h != NULL)
		h->busy = true;
	pthread_mutex_unlock(&helpers->lock);
	return h;
}

static void
give_back(struct helpers *helpers, struct helper *h)
{
	pthread_mutex_lock(&helpers->lock);
	h->busy = false;
	pthread_cond_signal(&helpers->freed);
	pthread_mutex_unlock(&helpers->lock);
}

/* --- a check --- */

struct exchange {
	struct helpers *helpers;
	struct helper *helper;
	const struct spf_request *request;
	const struct spf_source *source;
	uint64_t until_ms;
	unsigned lookups;
};

static enum spf_opinion
answer_lookup(struct exchange *x, struct mf_text message)
{
	char room[WIRE_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	const struct spf_answer *answer;
	enum spf_rr rr;
	struct mf_text name;

	if (!wire_get_lookup_(message, &rr, &name) ||
	    x->lookups++ == SPF_LIBSPF2_LOOKUPS_MAX)
		return SPF_OPINION_GARBLED;
	answer = x->source->lookup(x->source->arg, rr, name);
	opinion_tell_lookup_(x->request, rr, name, answer);
	return wire_put_answer_(&out, answer) ? helper_send_(x->helper, &out)
					      : SPF_OPINION_REFUSED;
}

/* From the request on to the verdict. */
static enum spf_opinion
converse(struct exchange *x, struct spf_verdict *out, enum spf_status *status,
    enum spf_opinion *opinion)
{
	for (;;) {
		struct mf_text message;
		enum spf_opinion outcome =
		    helper_receive_(x->helper, x->until_ms, &message);

		if (outcome == SPF_OPINION_GIVEN && !wire_is_lookup_(message))
			return wire_get_verdict_(message, status, opinion, out)
			    ? SPF_OPINION_GIVEN
			    : SPF_OPINION_GARBLED;
		if (outcome == SPF_OPINION_GIVEN)
			outcome = answer_lookup(x, message);
		if (outcome != SPF_OPINION_GIVEN)
			return outcome;
	}
}

/* Start it if need be, and send the request; again if it died idle. */
static enum spf_opinion
begin(struct exchange *x, const struct text_out *request)
{
	struct helper *h = x->helper;
	struct helpers *helpers = x->helpers;

	if (h->pid != 0) {
		if (helper_send_(h, request) == SPF_OPINION_GIVEN)
			return SPF_OPINION_GIVEN;
		int status = helper_end_(h);
		pthread_mutex_lock(&helpers->lock);
		helpers->last_status = status;
		bool may = may_start(helpers);
		pthread_mutex_unlock(&helpers->lock);
		if (!may)
			return SPF_OPINION_UNAVAILABLE;
	}
	if (!helper_start_(h, helpers->path, helpers->timeout_ms) ||
	    helper_send_(h, request) != SPF_OPINION_GIVEN) {
		if (h->pid != 0)
			helper_end_(h);
		return SPF_OPINION_UNAVAILABLE;
	}
	return SPF_OPINION_GIVEN;
}

/* The helper can't be used any more. */
static void
end_helper(struct exchange *x)
{
	int status = helper_end_(x->helper);

	pthread_mutex_lock(&x->helpers->lock);
	x->helpers->last_status = status;
	pthread_mutex_unlock(&x->helpers->lock);
}

static enum spf_status
run_exchange(struct exchange *x, const struct text_out *request,
    struct spf_verdict *out, enum spf_opinion *opinion)
{
	enum spf_status status = SPF_OK;
	enum spf_opinion outcome;

	*opinion = begin(x, request);
	if (*opinion != SPF_OPINION_GIVEN)
		return SPF_OK;
	outcome = converse(x, out, &status, opinion);
	if (outcome == SPF_OPINION_GIVEN)
		return status;
	*opinion = outcome; /* and where it was refused, it waits in vain */
	end_helper(x);
	return SPF_OK;
}

enum spf_status
helpers_evaluate_(struct helpers *helpers, const struct spf_request *request,
    const struct spf_source *source, struct spf_verdict *out,
    enum spf_opinion *opinion)
{
	char room[WIRE_SIZE];
	struct text_out message = text_out(room, sizeof(room));
	struct exchange x = {.helpers = helpers,
	    .request = request,
	    .source = source,
	    .until_ms = helper_now_ms_() + helpers->timeout_ms};
	enum spf_opinion what = SPF_OPINION_REFUSED;
	enum spf_status status;

	if (!wire_put_request_(&message, request))
		return opinion_none_(out, what, opinion);
	x.helper = take(helpers, x.until_ms, &what);
	if (x.helper == NULL)
		return opinion_none_(out, what, opinion);
	status = run_exchange(&x, &message, out, &what);
	give_back(helpers, x.helper);
	if (status == SPF_PENDING)
		return SPF_PENDING;
	if (what != SPF_OPINION_GIVEN)
		return opinion_none_(out, what, opinion);
	if (opinion != NULL)
		*opinion = what;
	return SPF_OK;
}

/* --- making and ending --- */

static bool
init_freed(pthread_cond_t *freed)
{
	pthread_condattr_t attr;
	bool ok;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(freed, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

enum spf_engine_status
helpers_new_(
    const char *path, unsigned count, unsigned timeout_ms, struct helpers **out)
{
	struct helpers *helpers =
	    calloc(1, sizeof(*helpers) + count * sizeof(struct helper));

	*out = NULL;
	if (helpers == NULL)
		return SPF_ENGINE_NO_MEMORY;
	helpers->path = path != NULL ? strdup(path) : NULL;
	if (helpers->path == NULL || !init_freed(&helpers->freed)) {
		free(helpers->path);
		free(helpers);
		errno = ENOENT;
		return path != NULL ? SPF_ENGINE_NO_MEMORY
				    : SPF_ENGINE_NO_HELPER;
	}
	pthread_mutex_init(&helpers->lock, NULL);
	helpers->count = count;
	helpers->timeout_ms = timeout_ms;
	if (may_start(helpers) &&
	    !helper_start_(&helpers->helpers[0], path, FIRST_START_MS)) {
		int why = errno;

		helpers_free_(helpers);
		errno = why;
		return SPF_ENGINE_NO_HELPER;
	}
	*out = helpers;
	return SPF_ENGINE_OK;
}

void
helpers_free_(struct helpers *helpers)
{
	if (helpers == NULL)
		return;
	for (unsigned i = 0; i < helpers->count; i++)
		if (helpers->helpers[i].pid != 0)
			helper_end_(&helpers->helpers[i]);
	pthread_cond_destroy(&helpers->freed);
	pthread_mutex_destroy(&helpers->lock);
	free(helpers->path);
	free(helpers);
}

void
helpers_stats_(struct helpers *helpers, uint64_t *starts, int *status)
{
	pthread_mutex_lock(&helpers->lock);
	*starts = helpers->starts;
	*status = helpers->last_status;
	pthread_mutex_unlock(&helpers->lock);
}

pid_t
helpers_pid_(struct helpers *helpers, unsigned i)
{
	return helpers->helpers[i].pid;
}
