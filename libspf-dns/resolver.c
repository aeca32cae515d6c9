/* SPDX-License-Identifier: ISC */
/*
 * The resolver: its thread, and how that is reached, made and ended.
 */
#include "libspf-dns/resolver_.h"

#include <errno.h>
#include <event2/util.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Evaluation takes some 25 KB (spf.h), libspf2's engine more, and sanitizers
 * multiply that; the default of some systems is less.
 */
#define STACK_SIZE (2 * 1024 * 1024)

/* The resolver whose thread this is. */
static _Thread_local struct spf_resolver *here;

const char *
spf_resolver_status_text(enum spf_resolver_status status)
{
	switch (status) {
	case SPF_RESOLVER_OK:
		return "no error";
	case SPF_RESOLVER_NO_MEMORY:
		return "out of memory";
	case SPF_RESOLVER_BAD_SERVERS:
		return "the list of nameservers can't be understood";
	case SPF_RESOLVER_SYSTEM:
		return "the system refused a thread or a socket";
	}
	return "unknown status";
}

/* --- the resolver's thread --- */

static void
on_aging(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	questions_age_(arg);
	checks_settle_(arg);
}

/* Take what came.  True: it is time to stop. */
static bool
take_inbox(struct spf_resolver *r)
{
	struct check_queue started = TAILQ_HEAD_INITIALIZER(started);
	struct cancel_queue cancels = STAILQ_HEAD_INITIALIZER(cancels);
	struct dns_check *c;
	struct cancel *cancel;
	bool stopping;

	pthread_mutex_lock(&r->inbox_lock);
	TAILQ_CONCAT(&started, &r->started, queued);
	STAILQ_CONCAT(&cancels, &r->cancels);
	stopping = r->stopping;
	pthread_mutex_unlock(&r->inbox_lock);

	while ((c = TAILQ_FIRST(&started)) != NULL) {
		TAILQ_REMOVE(&started, c, queued);
		check_begin_(c);
	}
	while ((cancel = STAILQ_FIRST(&cancels)) != NULL) {
		STAILQ_REMOVE_HEAD(&cancels, entry);
		cancel->found = check_forget_(r, cancel->id);
		waiting_end_(cancel->waiting);
	}
	return stopping;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct spf_resolver *r = arg;
	char octets[64];

	(void)what;
	while (read(fd, octets, sizeof(octets)) > 0)
		;
	if (take_inbox(r))
		event_base_loopbreak(r->base);
	else
		checks_settle_(r);
}

static void *
thread_main(void *arg)
{
	struct spf_resolver *r = arg;

	here = r;
	event_base_loop(r->base, EVLOOP_NO_EXIT_ON_EMPTY);
	checks_give_up_(r, SPF_CAUSE_STOPPING);
	take_inbox(r); /* somebody may be cancelling */
	return NULL;
}

/* --- the inbox --- */

static void
wake(struct spf_resolver *r)
{
	/* If the pipe is full the thread will wake anyway. */
	(void)!write(r->wake_pipe[1], "", 1);
}

uint64_t
check_post_(struct spf_resolver *r, struct dns_check *c)
{
	uint64_t id = 0;
	bool was_empty = false;

	pthread_mutex_lock(&r->inbox_lock);
	if (!r->stopping) {
		was_empty = TAILQ_EMPTY(&r->started);
		id = c->id = ++r->last_id;
		TAILQ_INSERT_TAIL(&r->started, c, queued);
	}
	pthread_mutex_unlock(&r->inbox_lock);
	if (was_empty)
		wake(r);
	return id;
}

bool
spf_resolver_cancel(struct spf_resolver *r, uint64_t id)
{
	struct waiting waiting;
	struct cancel cancel = {.id = id, .waiting = &waiting};

	if (id == 0)
		return false;
	if (here == r) {
		take_inbox(r);
		return check_forget_(r, id);
	}
	waiting_begin_(&waiting);
	pthread_mutex_lock(&r->inbox_lock);
	STAILQ_INSERT_TAIL(&r->cancels, &cancel, entry);
	pthread_mutex_unlock(&r->inbox_lock);
	wake(r);
	waiting_wait_(&waiting);
	return cancel.found;
}

/* --- making and ending --- */

static unsigned
clamp(unsigned n, unsigned min, unsigned max)
{
	return n < min ? min : n > max ? max : n;
}

/* Checks come in quick succession, and may not keep answers from coming in. */
static void
cache_lock_init(pthread_rwlock_t *lock)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
#ifdef __GLIBC__
	pthread_rwlockattr_setkind_np(
	    &attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
	pthread_rwlock_init(lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static void
resolver_init(struct spf_resolver *r, const struct spf_resolver_params *params)
{
	r->params = *params;
	r->params.nameservers = NULL; /* the sender has a copy */
	r->params.timeout_ms = clamp(params->timeout_ms, 0, SPF_TIMEOUT_MS_MAX);
	r->wake_pipe[0] = r->wake_pipe[1] = -1;
	cache_lock_init(&r->cache_lock);
	pthread_mutex_init(&r->inbox_lock, NULL);
	TAILQ_INIT(&r->started);
	STAILQ_INIT(&r->cancels);
	TAILQ_INIT(&r->ready);
	for (size_t i = 0; i < CHECK_LISTS; i++)
		LIST_INIT(&r->checks[i]);
	questions_init_(r);
}

static bool
make_pipe(int fds[2])
{
	if (pipe(fds) < 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (evutil_make_socket_nonblocking(fds[i]) < 0 ||
		    evutil_make_socket_closeonexec(fds[i]) < 0)
			return false;
	return true;
}

static bool
start_thread(struct spf_resolver *r)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(&r->thread, &attr, thread_main, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	errno = error;
	return error == 0;
}

static enum spf_resolver_status
resolver_build(struct spf_resolver *r, const struct spf_resolver_params *params)
{
	struct spf_resolver_params p = *params;
	struct siphash_key key;
	enum spf_resolver_status status;

	p.timeout_ms = clamp(p.timeout_ms, 10, SPF_TIMEOUT_MS_MAX);
	p.attempt_ms = clamp(p.attempt_ms, 10, p.timeout_ms);
	p.attempts = clamp(p.attempts, 1, 10);
	if (getentropy(&key, sizeof(key)) < 0 || !make_pipe(r->wake_pipe))
		return SPF_RESOLVER_SYSTEM;
	r->cache = cache_new_(p.cache_size, &key);
	r->base = event_base_new();
	if (r->cache == NULL || r->base == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	r->wake = event_new(
	    r->base, r->wake_pipe[0], EV_READ | EV_PERSIST, on_wake, r);
	r->aging = event_new(r->base, -1, 0, on_aging, r);
	if (r->wake == NULL || r->aging == NULL || event_add(r->wake, NULL) < 0)
		return SPF_RESOLVER_NO_MEMORY;
	status = sender_new_(r->base, &p, checks_settle_, r, &r->sender);
	if (status != SPF_RESOLVER_OK)
		return status;
	return start_thread(r) ? SPF_RESOLVER_OK : SPF_RESOLVER_SYSTEM;
}

static void
resolver_destroy(struct spf_resolver *r)
{
	sender_free_(r->sender);
	questions_free_(r);
	if (r->aging != NULL)
		event_free(r->aging);
	if (r->wake != NULL)
		event_free(r->wake);
	if (r->base != NULL)
		event_base_free(r->base);
	for (int i = 0; i < 2; i++)
		if (r->wake_pipe[i] >= 0)
			close(r->wake_pipe[i]);
	cache_free_(r->cache);
	pthread_mutex_destroy(&r->inbox_lock);
	pthread_rwlock_destroy(&r->cache_lock);
	free(r);
}

enum spf_resolver_status
spf_resolver_new(
    const struct spf_resolver_params *params, struct spf_resolver **out)
{
	struct spf_resolver *r = calloc(1, sizeof(*r));
	enum spf_resolver_status status;

	*out = NULL;
	if (r == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	resolver_init(r, params);
	status = resolver_build(r, params);
	if (status != SPF_RESOLVER_OK) {
		int why = errno;

		resolver_destroy(r);
		errno = why;
		return status;
	}
	*out = r;
	return SPF_RESOLVER_OK;
}

void
spf_resolver_free(struct spf_resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->inbox_lock);
	r->stopping = true;
	pthread_mutex_unlock(&r->inbox_lock);
	wake(r);
	pthread_join(r->thread, NULL);
	resolver_destroy(r);
}
