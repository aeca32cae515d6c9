/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor.h"

void
store_read(struct doctor_facts *f)
{
	struct store_facts *s = &f->store;

	if (!f->own.is_readable || f->own.store_params.url.scheme == STORE_NONE)
		return;
	s->was_asked = true;
	s->answers = store_probe(&f->own.store_params, &s->probe, s->reason);
}

/* Names of MX hosts are separated by blanks. */
static bool
has_several_hosts(const struct doctor_facts *f)
{
	return f->dns.was_asked &&
	    text_find(f->dns.mx_names, ' ') != f->dns.mx_names.len;
}

static void
check_private(const struct doctor_facts *f, struct finding_list *out)
{
	if (has_several_hosts(f))
		findings_add(out, FINDING_WARN,
		    "if they have a file each, a bounce that comes in at "
		    "another host than the one that forwarded finds no row, "
		    "and waits in vain",
		    MF_TEXT("one Redis for all hosts: url = redis://HOST in "
			    "[store]; copy the rows with: mailfrom store "
			    "import"),
		    "the store is an SQLite file of this host, and %s has "
		    "several MX hosts: %.*s",
		    f->own.srs_domain, TEXT_ARGS(f->dns.mx_names));
}

static void
check_eviction(const struct store_probe *p, struct finding_list *out)
{
	if (p->max_memory == 0 ||
	    mf_text_eq(mf_text_of(p->policy), MF_TEXT("noeviction")))
		return;
	findings_add(out, FINDING_WARN,
	    "when its memory is full it deletes rows, whose bounces are lost",
	    MF_TEXT("in redis.conf: maxmemory-policy noeviction\n"
		    "or: redis-cli CONFIG SET maxmemory-policy noeviction"),
	    "Redis may evict rows: maxmemory-policy is %s", p->policy);
}

static void
check_replicas(const struct doctor_facts *f, struct finding_list *out)
{
	unsigned wanted = f->own.store_params.replicas;
	const struct store_probe *p = &f->store.probe;

	if (wanted > p->replicas)
		findings_add(out, FINDING_FAIL,
		    "no alias is handed out until so many have its row",
		    MF_TEXT("start the replicas, or set replicas in [store]"),
		    "replicas = %u, and Redis has %u", wanted, p->replicas);
}

void
check_store(struct doctor_facts *f, struct finding_list *out)
{
	const struct store_facts *s = &f->store;
	size_t before = out->count;

	if (!s->was_asked)
		return;
	if (!s->answers) {
		findings_add(out, FINDING_FAIL,
		    "long senders aren't rewritten, and bounces to aliases "
		    "wait until it is back",
		    MF_TEXT("see that it runs, and that url, user and "
			    "password_file in [store] are right"),
		    "the store doesn't answer: %s", s->reason);
		return;
	}
	if (f->own.store_params.url.scheme == STORE_SQLITE)
		check_private(f, out);
	else {
		check_eviction(&s->probe, out);
		check_replicas(f, out);
	}
	if (out->count == before)
		findings_ok(out, "the store answers: %.*s",
		    TEXT_ARGS(f->own.store.url));
}
