/* SPDX-License-Identifier: ISC */
/*
 * spfquery --json: a check and its trace as one object in one line.
 */
#include <stdlib.h>

#include "common/json_writer.h"
#include "tools/spfquery/json_record.h"
#include "tools/spfquery/lookup_report.h"
#include "tools/spfquery/report.h"
#include "tools/spfquery/spfquery.h"
#include <mailfrom/spf_header.h>

/* --- events --- */

static void
write_lookup(struct json_writer *w, const struct recorded *s)
{
	json_text(w, "type", mf_text_of(spf_rr_text(s->event.rr)));
	json_text(w, "name", s->event.name);
	lookup_write_answer(w, &s->answer);
	lookup_write_origin(w, &s->origin);
}

static void
write_fields(struct json_writer *w, const struct recorded *s)
{
	const struct spf_event *e = &s->event;

	switch (e->kind) {
	case SPF_EVENT_CHECK:
		json_text(w, "domain", e->name);
		break;
	case SPF_EVENT_RECORD:
		json_text(w, "domain", e->name);
		json_text(w, "record", e->text);
		break;
	case SPF_EVENT_TERM:
		json_text(w, "term", e->text);
		break;
	case SPF_EVENT_MACRO:
		json_text(w, "before", e->text);
		json_text(w, "after", e->name);
		break;
	case SPF_EVENT_LOOKUP:
		write_lookup(w, s);
		break;
	case SPF_EVENT_MATCH:
		json_text(w, "term", e->text);
		json_truth(w, "matched", e->matched);
		break;
	case SPF_EVENT_PROBLEM:
		json_text(w, "problem", e->text);
		break;
	case SPF_EVENT_RESULT:
		json_text(w, "domain", e->name);
		json_text(w, "result", mf_text_of(spf_result_text(e->result)));
		break;
	}
}

static void
write_step(struct json_writer *w, const struct recorded *s)
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
	const struct spf_event *e = &s->event;

	json_open(w, NULL, '{');
	json_text(w, "event", mf_text_of(words[e->kind]));
	/* The lookup of the first record comes before depth 0. */
	json_number(w, "depth", e->depth <= SPF_LIMIT_MAX ? e->depth : 0);
	write_fields(w, s);
	json_number(w, "terms", e->terms);
	json_number(w, "voids", e->voids);
	json_close(w, '}');
}

static void
write_trace(struct json_writer *w, const struct recorder *recorder)
{
	json_open(w, "trace", '[');
	for (const struct recorded *s = recorder->first; s != NULL; s = s->next)
		write_step(w, s);
	json_close(w, ']');
}

/* --- the object --- */

static void
write_request(struct json_writer *w, const struct spf_request *q)
{
	char ip[SPF_IP_SIZE];
	size_t len = spf_ip_print(&q->ip, ip);

	json_text(w, "identity",
	    q->identity == SPF_HELO ? MF_TEXT("helo") : MF_TEXT("mailfrom"));
	json_text(w, "ip", mf_text_at(ip, len));
	json_text(w, "sender", q->sender);
	json_text(w, "helo", q->helo);
}

static void
write_why(struct json_writer *w, const struct spf_verdict *v)
{
	char *memory = NULL;
	size_t size = 0;
	FILE *to = spfquery_must(open_memstream(&memory, &size));

	words_why(to, v);
	fclose(to);
	json_text(w, "why", mf_text_at(spfquery_must(memory), size));
	free(memory);
}

static void
write_verdict(struct json_writer *w, const struct spf_verdict *v,
    struct spf_limits limits)
{
	write_why(w, v);
	json_text(w, "domain", mf_text_of(v->domain));
	json_text(w, "mechanism", mf_text_of(v->mechanism));
	json_text(w, "at", mf_text_of(v->at));
	json_text(w, "explanation", mf_text_of(v->explanation));
	json_text(w, "problem", mf_text_of(v->problem));
	json_text(w, "cause", mf_text_of(spf_cause_text(v->cause)));
	json_truth(w, "guessed", v->guessed);
	json_truth(w, "delegated", v->delegated);
	json_number(w, "terms", v->terms);
	json_number(w, "terms_max", limits.terms);
	json_number(w, "voids", v->voids);
	json_number(w, "voids_max", limits.voids);
	json_number(w, "lookups", v->lookups);
	json_number(w, "depth", v->depth);
}

/* The domain's own record, as it was evaluated. */
static void
write_record(struct json_writer *w, const struct recorder *recorder)
{
	for (const struct recorded *s = recorder->first; s != NULL; s = s->next)
		if (s->event.kind == SPF_EVENT_RECORD) {
			json_record(w, s->event.text);
			return;
		}
}

static void
write_headers(struct json_writer *w, const struct spfquery_report *report)
{
	char header[SPF_HEADER_SIZE];
	size_t len = spf_header_received(
	    report->request, report->verdict, report->receiver, header);

	json_text(w, "received_spf", mf_text_at(header, len));
	len =
	    spf_header_authentication(report->request, report->verdict, header);
	json_text(w, "authentication_results", mf_text_at(header, len));
}

static void
write_second(struct json_writer *w, const struct second_opinion *s)
{
	json_open(w, "libspf2", '{');
	json_text(w, "outcome", mf_text_of(spf_audit_text(s->outcome)));
	json_text(w, "opinion",
	    s->opinion == SPF_OPINION_GIVEN
		? MF_TEXT("")
		: mf_text_of(spf_opinion_text(s->opinion)));
	json_text(w, "result", mf_text_of(spf_result_text(s->verdict.result)));
	json_text(w, "explanation", mf_text_of(s->verdict.explanation));
	json_close(w, '}');
}

void
report_json(FILE *to, const struct spfquery_report *report)
{
	const struct evaluator *e = report->evaluator;
	struct json_writer w = {.to = to, .first = true};

	json_open(&w, NULL, '{');
	json_text(
	    &w, "result", mf_text_of(spf_result_text(report->verdict->result)));
	write_record(&w, &e->recorder);
	write_verdict(
	    &w, report->verdict, spf_limits_set(report->request->limits));
	write_request(&w, report->request);
	write_headers(&w, report);
	if (e->second.given)
		write_second(&w, &e->second);
	write_trace(&w, &e->recorder);
	json_number(&w, "questions", report->cost.questions);
	json_number(&w, "microseconds", report->cost.elapsed_us);
	json_close(&w, '}');
	putc('\n', to);
}
