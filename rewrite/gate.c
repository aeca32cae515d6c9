/* SPDX-License-Identifier: ISC */
#include "rewrite/gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include <mailfrom/spf.h>

struct gate {
	struct spf_ip addresses[GATE_ADDRESSES_MAX];
	size_t count;
	char helo[SPF_NAME_SIZE];
};

/* --- settings --- */

struct gate_builder {
	const struct rewrite_settings *settings;
	const struct conf *conf;
	const char *file;
	struct report *report;
};

static bool
fail(const struct gate_builder *m, const char *key, const char *reason,
    struct mf_text what)
{
	report_error(m->report, m->file, conf_line(m->conf, "srs", key), key,
	    what.len != 0 ? "%s: \"%.*s\"" : "%s", reason,
	    (int)text_head(what, 200).len, what.p);
	return false;
}

static bool
read_addresses(const struct gate_builder *m, struct gate *gate)
{
	const struct conf_list *list = &m->settings->outbound_addresses;

	if (list->count > GATE_ADDRESSES_MAX)
		return fail(
		    m, "outbound_addresses", "more than 16", MF_TEXT(""));
	for (size_t i = 0; i < list->count; i++)
		if (!spf_ip_parse(
			list->items[i], &gate->addresses[gate->count++]))
			return fail(m, "outbound_addresses",
			    "not an IP address", list->items[i]);
	return true;
}

/* The macro %{h}, of which hardly any record makes use. */
static void
read_helo(const struct gate_builder *m, struct gate *gate)
{
	struct mf_text name = m->settings->helo_name;
	struct text_out out = text_out(gate->helo, sizeof(gate->helo) - 1);

	if (name.len != 0)
		out_text(&out, name);
	else if (gethostname(gate->helo, sizeof(gate->helo) - 1) < 0)
		gate->helo[0] = '\0';
}

bool
gate_is_wanted(const struct ini *ini)
{
	bool is_wanted = false;

	for (size_t i = 0; i < ini->count; i++)
		if (mf_text_eq(ini->entries[i].section, MF_TEXT("srs")) &&
		    mf_text_eq(
			ini->entries[i].key, MF_TEXT("skip_if_spf_passes")))
			conf_bool(ini->entries[i].value, &is_wanted);
	return is_wanted;
}

bool
gate_new(const struct rewrite_settings *settings, const struct conf *conf,
    const char *file, struct gate **out, struct report *report)
{
	const struct gate_builder m = {settings, conf, file, report};
	struct gate *gate = calloc(1, sizeof(*gate));

	*out = NULL;
	if (gate == NULL) {
		report_error(report, file, 0, NULL, "out of memory");
		return false;
	}
	bool ok = read_addresses(&m, gate);
	read_helo(&m, gate);
	if (ok && settings->skip_if_spf_passes && gate->count == 0 &&
	    !conf_is_wrong(conf, "srs", "outbound_addresses"))
		ok = fail(&m, "skip_if_spf_passes",
		    "requires outbound_addresses: all addresses that mail "
		    "leaves from",
		    MF_TEXT(""));
	if (ok && settings->skip_if_spf_passes)
		*out = gate;
	else
		gate_free(gate);
	return ok;
}

void
gate_free(struct gate *gate)
{
	free(gate);
}

/* --- asking --- */

static struct spf_request
request_of(
    const struct gate *gate, size_t i, struct mf_text sender, uint64_t now_sec)
{
	return (struct spf_request){.ip = gate->addresses[i],
	    .identity = SPF_MAILFROM,
	    .sender = sender,
	    .helo = mf_text_of(gate->helo),
	    .now_sec = now_sec};
}

static bool
is_pass(const struct spf_verdict *v)
{
	return v->result == SPF_PASS && !v->guessed && !v->delegated;
}

bool
gate_passes(const struct gate *gate, struct checker *checker,
    struct mf_text sender, uint64_t now_sec, uint64_t deadline_ms,
    enum spf_cause *cause)
{
	struct check checks[GATE_ADDRESSES_MAX];
	uint64_t latest_ms = clock_ms() + GATE_TIMEOUT_MS;

	for (size_t i = 0; i < gate->count; i++)
		checks[i].request = request_of(gate, i, sender, now_sec);
	checker_run(checker, checks, gate->count,
	    deadline_ms < latest_ms ? deadline_ms : latest_ms);
	*cause = SPF_CAUSE_NONE;
	for (size_t i = 0; i < gate->count; i++)
		if (!is_pass(&checks[i].verdict)) {
			*cause = checks[i].verdict.cause;
			return false;
		}
	return true;
}

/* --- without waiting --- */

/* It is held by each check that is started, and by whoever asked. */
struct gate_query {
	pthread_mutex_t lock; /* of all below */
	unsigned holders;
	size_t left;          /* verdicts that aren't there */
	bool failed;          /* one of them wasn't a pass */
	enum spf_cause cause; /* of the first of these */
	bool is_waiting;      /* the answer goes to done */
	gate_callback *done;
	void *arg;
};

/* With the lock, which is given back. */
static void
query_release(struct gate_query *q)
{
	bool is_last = --q->holders == 0;

	pthread_mutex_unlock(&q->lock);
	if (!is_last)
		return;
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool
is_decided(const struct gate_query *q)
{
	return q->failed || q->left == 0;
}

static void
on_verdict(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost)
{
	struct gate_query *q = arg;

	(void)cost;
	pthread_mutex_lock(&q->lock);
	q->left--;
	if (!is_pass(verdict) && !q->failed) {
		q->failed = true;
		q->cause = verdict->cause;
	}
	if (q->is_waiting && is_decided(q)) {
		q->is_waiting = false;
		q->done(q->arg, !q->failed, q->cause);
	}
	query_release(q);
}

static struct gate_query *
query_new(size_t count, gate_callback *done, void *arg)
{
	struct gate_query *q = malloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	*q = (struct gate_query){
	    .holders = 1, .left = count, .done = done, .arg = arg};
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

/* True: there is an answer already. */
static bool
hold_for_a_check(struct gate_query *q)
{
	bool failed;

	pthread_mutex_lock(&q->lock);
	failed = q->failed;
	q->holders += !failed;
	pthread_mutex_unlock(&q->lock);
	return failed;
}

enum gate_answer
gate_ask(const struct gate *gate, struct checker *checker,
    struct mf_text sender, uint64_t now_sec, gate_callback *done, void *arg,
    struct gate_query **query, enum spf_cause *cause)
{
	unsigned timeout_ms = checker_timeout_ms(checker);
	struct gate_query *q = query_new(gate->count, done, arg);
	enum gate_answer answer = GATE_WAITS;

	*query = NULL;
	*cause = SPF_CAUSE_NO_MEMORY;
	if (q == NULL)
		return GATE_REWRITES;
	if (timeout_ms > GATE_TIMEOUT_MS)
		timeout_ms = GATE_TIMEOUT_MS;
	for (size_t i = 0; i < gate->count && !hold_for_a_check(q); i++) {
		struct spf_request request =
		    request_of(gate, i, sender, now_sec);

		checker_start(checker, &request, timeout_ms, on_verdict, q);
	}
	pthread_mutex_lock(&q->lock);
	*cause = q->cause;
	if (is_decided(q)) {
		answer = q->failed ? GATE_REWRITES : GATE_PASSES;
		query_release(q);
		return answer;
	}
	q->is_waiting = true;
	*query = q;
	pthread_mutex_unlock(&q->lock);
	return answer;
}

void
gate_forget(struct gate_query *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_waiting = false;
	query_release(q);
}
