/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what was found and what clients get, as JSON.
 */
#include "common/json_writer.h"
#include "tools/spfquery/lint.h"

/* Networks of a class that are listed; --networks has all. */
#define NETWORKS_MAX 100

static void
print_finding(struct json_writer *w, const struct lint_finding *f)
{
	json_open(w, NULL, '{');
	json_text(w, "level", mf_text_of(lint_level_text(f->level)));
	json_text(w, "code", mf_text_of(f->code));
	json_text(w, "domain", mf_text_of(f->domain));
	json_text(w, "term", mf_text_of(f->term));
	json_text(w, "text", mf_text_of(f->says));
	json_close(w, '}');
}

/* --- results --- */

static void
print_set(struct json_writer *w, const char *name, const struct reach *r,
    const struct ipset *clients)
{
	struct ipset set = reach_shown(r, clients);
	char room[IPSET_COUNT_SIZE], net_room[IP_NET_SIZE];
	struct ipset_walk walk = {0};
	struct ip_net net;

	json_open(w, name, '{');
	ipset_count_print(&set, room);
	json_text(w, "addresses", mf_text_of(room));
	json_number(w, "networks", ipset_nets(&set));
	json_open(w, "first_networks", '[');
	for (int i = 0; i < NETWORKS_MAX && ipset_next(&set, &walk, &net);
	     i++) {
		ip_net_print(&net, net_room);
		json_item(w, mf_text_of(net_room));
	}
	json_close(w, ']');
	json_close(w, '}');
	ipset_clear(&set);
}

static void
print_result(
    struct json_writer *w, const struct reach *r, enum spf_result result)
{
	struct ipset must = reach_must(r, result), may = reach_may(r, result);

	if (!ipset_is_empty(&may)) {
		json_open(w, spf_result_text(result), '{');
		print_set(w, "certain", r, &must);
		ipset_remove_set(&may, &must);
		print_set(w, "possible", r, &may);
		json_close(w, '}');
	}
	ipset_clear(&must);
	ipset_clear(&may);
}

static void
print_bits(struct json_writer *w, const char *name, unsigned bits)
{
	json_open(w, name, '[');
	for (unsigned i = SPF_NONE; i <= SPF_PERMERROR; i++)
		if ((bits & REACH_BIT(i)) != 0)
			json_item(
			    w, mf_text_of(spf_result_text((enum spf_result)i)));
	json_close(w, ']');
}

static void
print_others(struct json_writer *w, const struct reach *r)
{
	struct ipset others = ipset_minus(&r->everybody, &r->named);

	print_bits(w, "others", reach_results(r, &others));
	ipset_clear(&others);
}

/* --- bounds --- */

static void
print_path(struct json_writer *w, const struct reach_step *s)
{
	if (s == NULL)
		return;
	print_path(w, s->before);
	json_open(w, NULL, '{');
	json_text(w, "domain", s->domain);
	json_text(w, "term", s->term);
	json_truth(w, "void", s->is_void);
	json_close(w, '}');
}

static void
print_bound(struct json_writer *w, const char *name, const struct lint_bound *b)
{
	char ip[SPF_IP_SIZE];

	json_open(w, name, '{');
	json_number(w, "count", b->count);
	json_truth(w, "reached", b->witness.found && b->reached == b->count);
	if (b->witness.found) {
		spf_ip_print(&b->witness.ip, ip);
		json_number(w, "found", b->reached);
		json_text(w, "ip", mf_text_of(ip));
		json_text(w, "sender", mf_text_of(b->witness.sender));
		json_text(w, "result",
		    mf_text_of(spf_result_text(b->witness.verdict.result)));
	}
	json_open(w, "path", '[');
	print_path(w, b->outcome->last);
	json_close(w, ']');
	json_close(w, '}');
}

static void
print_family(struct json_writer *w, const char *name, const struct reach *r,
    const struct lint_bounds *b)
{
	json_open(w, name, '{');
	json_open(w, "results", '{');
	for (int result = SPF_NONE; result <= SPF_PERMERROR; result++)
		print_result(w, r, (enum spf_result)result);
	json_close(w, '}');
	print_others(w, r);
	json_truth(w, "everybody_passes", reach_all_pass(r));
	json_truth(w, "complete", r->complete);
	print_bound(w, "terms_least", &b->terms_least);
	print_bound(w, "terms_most", &b->terms_most);
	print_bound(w, "voids_least", &b->voids_least);
	print_bound(w, "voids_most", &b->voids_most);
	json_close(w, '}');
}

/* The results that clients with this address can get. */
static void
print_possible(
    struct json_writer *w, const struct reach *r, const struct spf_ip *ip)
{
	unsigned bits = 0;

	for (size_t i = 0; i < r->count; i++)
		if (ipset_has(&r->outcomes[i].clients, ip))
			bits |= REACH_BIT((unsigned)r->outcomes[i].result);
	print_bits(w, "possible", bits);
}

static void
print_client(
    struct json_writer *w, const struct lint *l, const struct lint_client *c)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&c->request->ip, ip);
	json_open(w, "client", '{');
	json_text(w, "ip", mf_text_of(ip));
	json_text(w, "sender", c->request->sender);
	json_text(w, "helo", c->request->helo);
	json_text(w, "result", mf_text_of(spf_result_text(c->verdict->result)));
	json_text(w, "mechanism", mf_text_of(c->verdict->mechanism));
	json_text(w, "at", mf_text_of(c->verdict->at));
	json_text(w, "problem", mf_text_of(c->verdict->problem));
	json_number(w, "terms", c->verdict->terms);
	json_number(w, "voids", c->verdict->voids);
	print_possible(
	    w, &l->reaches[survey_family(c->request->ip.v6)], &c->request->ip);
	json_close(w, '}');
}

void
lint_print_json(
    FILE *to, const struct lint *l, const struct lint_client *client)
{
	struct json_writer w = {.to = to, .first = true};

	json_open(&w, NULL, '{');
	json_text(&w, "domain", l->domain);
	json_text(&w, "record", mf_text_of(l->record));
	json_number(&w, "errors", l->levels[LINT_ERROR]);
	json_number(&w, "warnings", l->levels[LINT_WARNING]);
	json_number(&w, "terms_max", l->limits.terms);
	json_number(&w, "voids_max", l->limits.voids);
	print_family(&w, "ipv4", &l->reaches[SURVEY_V4], &l->bounds[SURVEY_V4]);
	print_family(&w, "ipv6", &l->reaches[SURVEY_V6], &l->bounds[SURVEY_V6]);
	if (client != NULL)
		print_client(&w, l, client);
	json_open(&w, "findings", '[');
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next)
		print_finding(&w, f);
	json_close(&w, ']');
	json_close(&w, '}');
	putc('\n', to);
}
