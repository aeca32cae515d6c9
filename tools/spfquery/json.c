/* SPDX-License-Identifier: ISC */
/*
 * spfquery --json: a check and its trace as one object in one line.
 */
#include <stdlib.h>

#include "tools/spfquery/dns.h"
#include <mailfrom/spf_header.h>

struct writer {
	FILE *to;
	const struct dns *dns;
	bool first; /* nothing stands before the next item */
};

/* --- pieces --- */

static void
key(struct writer *w, const char *name)
{
	fprintf(w->to, "%s\"%s\":", w->first ? "" : ",", name);
	w->first = false;
}

static void
text(struct writer *w, const char *name, struct mf_text value)
{
	key(w, name);
	spfquery_put_json(w->to, value);
}

static void
number(struct writer *w, const char *name, uint64_t value)
{
	key(w, name);
	fprintf(w->to, "%llu", (unsigned long long)value);
}

static void
truth(struct writer *w, const char *name, bool value)
{
	key(w, name);
	fputs(value ? "true" : "false", w->to);
}

static void
open_with(struct writer *w, const char *name, char bracket)
{
	if (name != NULL)
		key(w, name);
	else if (!w->first)
		putc(',', w->to);
	putc(bracket, w->to);
	w->first = true;
}

static void
close_with(struct writer *w, char bracket)
{
	putc(bracket, w->to);
	w->first = false;
}

/* --- answers --- */

static struct mf_text
address_at(const struct spf_answer *a, size_t i, char room[SPF_IP_SIZE])
{
	struct spf_ip ip = {.v6 = a->rr == SPF_RR_AAAA};
	size_t size = ip.v6 ? 16 : 4;

	memcpy(ip.octets, a->addresses + i * size, size);
	return mf_text_at(room, spf_ip_print(&ip, room));
}

static void
write_answer(struct writer *w, const struct spf_answer *a)
{
	static const char *const words[] = {
	    [SPF_DNS_FOUND] = "found",
	    [SPF_DNS_VOID] = "void",
	    [SPF_DNS_ERROR] = "error",
	};
	char room[SPF_IP_SIZE];

	text(w, "answer", mf_text_of(words[a->status]));
	if (a->status == SPF_DNS_ERROR)
		text(w, "cause", mf_text_of(spf_cause_text(a->cause)));
	if (a->status != SPF_DNS_FOUND)
		return;
	if (a->rr == SPF_RR_TXT) {
		number(w, "spf_records", a->spf_records);
		if (a->spf_records == 0 && a->only_text.len != 0)
			text(w, "text", a->only_text);
		return;
	}
	open_with(w, a->addresses != NULL ? "addresses" : "names", '[');
	for (size_t i = 0; i < a->count; i++) {
		fputs(w->first ? "" : ",", w->to);
		w->first = false;
		spfquery_put_json(w->to,
		    a->addresses != NULL ? address_at(a, i, room)
					 : a->names[i]);
	}
	close_with(w, ']');
}

/* --- events --- */

static void
write_lookup(struct writer *w, const struct spf_event *e)
{
	const struct dns_reply *reply = dns_find(w->dns, e->rr, e->name);

	text(w, "type", mf_text_of(spf_rr_text(e->rr)));
	text(w, "name", e->name);
	write_answer(w, e->answer);
	if (reply != NULL && reply->timed)
		number(w, "microseconds", reply->elapsed_us);
}

static void
write_fields(struct writer *w, const struct spf_event *e)
{
	switch (e->kind) {
	case SPF_EVENT_CHECK:
		text(w, "domain", e->name);
		break;
	case SPF_EVENT_RECORD:
		text(w, "domain", e->name);
		text(w, "record", e->text);
		break;
	case SPF_EVENT_TERM:
		text(w, "term", e->text);
		break;
	case SPF_EVENT_MACRO:
		text(w, "before", e->text);
		text(w, "after", e->name);
		break;
	case SPF_EVENT_LOOKUP:
		write_lookup(w, e);
		break;
	case SPF_EVENT_MATCH:
		text(w, "term", e->text);
		truth(w, "matched", e->matched);
		break;
	case SPF_EVENT_PROBLEM:
		text(w, "problem", e->text);
		break;
	case SPF_EVENT_RESULT:
		text(w, "domain", e->name);
		text(w, "result", mf_text_of(spf_result_text(e->result)));
		break;
	}
}

static void
hear(void *arg, const struct spf_event *e)
{
	static const char *const words[] = {
	    [SPF_EVENT_CHECK] = "check",
	    [SPF_EVENT_RECORD] = "record",
	    [SPF_EVENT_TERM] = "term",
	    [SPF_EVENT_MACRO] = "macro",
	    [SPF_EVENT_LOOKUP] = "lookup",
	    [SPF_EVENT_MATCH] = "match",
	    [SPF_EVENT_PROBLEM] = "problem",
	    [SPF_EVENT_RESULT] = "result",
	};
	struct writer *w = arg;

	open_with(w, NULL, '{');
	text(w, "event", mf_text_of(words[e->kind]));
	/* The lookup of the first record comes before depth 0. */
	number(w, "depth", e->depth <= SPF_TERMS_MAX ? e->depth : 0);
	write_fields(w, e);
	number(w, "terms", e->terms);
	number(w, "voids", e->voids);
	close_with(w, '}');
}

static void
write_trace(struct writer *w, const struct spfquery_report *report)
{
	struct spf_source source = dns_source(report->dns);
	const struct spf_trace trace = {.event = hear, .arg = w};
	struct spf_request request = *report->request;
	struct spf_verdict verdict;

	request.trace = &trace;
	open_with(w, "trace", '[');
	spfquery_evaluate(report->engine == SPFQUERY_LIBSPF2 ? SPFQUERY_LIBSPF2
							     : SPFQUERY_NATIVE,
	    &request, &source, &verdict, NULL);
	close_with(w, ']');
}

/* --- the object --- */

static void
write_request(struct writer *w, const struct spf_request *q)
{
	char ip[SPF_IP_SIZE];
	size_t len = spf_ip_print(&q->ip, ip);

	text(w, "identity",
	    q->identity == SPF_HELO ? MF_TEXT("helo") : MF_TEXT("mailfrom"));
	text(w, "ip", mf_text_at(ip, len));
	text(w, "sender", q->sender);
	text(w, "helo", q->helo);
}

static void
write_why(struct writer *w, const struct spf_verdict *v)
{
	char *memory = NULL;
	size_t size = 0;
	FILE *to = spfquery_must(open_memstream(&memory, &size));

	spfquery_put_why(to, v);
	fclose(to);
	text(w, "why", mf_text_at(spfquery_must(memory), size));
	free(memory);
}

static void
write_verdict(struct writer *w, const struct spf_verdict *v)
{
	text(w, "result", mf_text_of(spf_result_text(v->result)));
	write_why(w, v);
	text(w, "domain", mf_text_of(v->domain));
	text(w, "mechanism", mf_text_of(v->mechanism));
	text(w, "at", mf_text_of(v->at));
	text(w, "explanation", mf_text_of(v->explanation));
	text(w, "problem", mf_text_of(v->problem));
	text(w, "cause", mf_text_of(spf_cause_text(v->cause)));
	truth(w, "guessed", v->guessed);
	truth(w, "delegated", v->delegated);
	number(w, "terms", v->terms);
	number(w, "terms_max", SPF_TERMS_MAX);
	number(w, "voids", v->voids);
	number(w, "voids_max", SPF_VOIDS_MAX);
	number(w, "lookups", v->lookups);
	number(w, "depth", v->depth);
}

void
spfquery_json(FILE *to, const struct spfquery_report *report)
{
	struct writer w = {.to = to, .dns = report->dns, .first = true};
	char header[SPF_HEADER_SIZE];
	uint64_t elapsed_us;
	unsigned asked;

	open_with(&w, NULL, '{');
	write_verdict(&w, report->verdict);
	write_request(&w, report->request);
	size_t len = spf_header_received(
	    report->request, report->verdict, report->receiver, header);
	text(&w, "received_spf", mf_text_at(header, len));
	len =
	    spf_header_authentication(report->request, report->verdict, header);
	text(&w, "authentication_results", mf_text_at(header, len));
	if (report->audit->made) {
		open_with(&w, "libspf2", '{');
		text(&w, "outcome", mf_text_of(report->audit->outcome));
		text(&w, "opinion", mf_text_of(report->audit->opinion));
		text(&w, "result",
		    mf_text_of(spf_result_text(report->audit->verdict.result)));
		text(&w, "explanation",
		    mf_text_of(report->audit->verdict.explanation));
		close_with(&w, '}');
	}
	write_trace(&w, report);
	asked = dns_asked(report->dns, &elapsed_us);
	number(&w, "questions", asked);
	number(&w, "microseconds", elapsed_us);
	close_with(&w, '}');
	putc('\n', to);
}
