/* SPDX-License-Identifier: ISC */
/*
 * Items as records.  Networks of one result that don't fit beside the others
 * go into records of their own, which are included; what would fill such a
 * record least stays with the domain's own, as long as that has the capacity.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/flatten.h"
#include "tools/spfquery/spfquery.h"

#define HEAD "v=spf1"
#define TAIL " -all" /* of included records: nobody else */

/* What an included record has for terms, each with a blank before it. */
#define ROOM (FLATTEN_RECORD_MAX - sizeof(HEAD TAIL) + 1)

/* Octets of the longest term of a network: " -ip6:...", with its NUL. */
#define TERM_SIZE (6 + IP_NET_SIZE)

struct pack {
	struct flat_records *out;
	struct flat_record **last;
	struct mf_text domain;
	unsigned number; /* of included records so far */
};

/* Where an item's networks go. */
struct flat_place {
	const struct flat_item *item;
	size_t octets;    /* of all of its terms */
	unsigned records; /* that are full, of its own */
	size_t rest;      /* octets that are left */
	bool rest_stays;  /* these are in the domain's own record */
};

static void fail(struct pack *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
fail(struct pack *p, const char *format, ...)
{
	va_list args;

	if (p->out->problem[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(p->out->problem, sizeof(p->out->problem), format, args);
	va_end(args);
}

/* --- terms --- */

static const char *
qualifier(enum spf_result result)
{
	switch (result) {
	case SPF_FAIL:
		return "-";
	case SPF_SOFTFAIL:
		return "~";
	case SPF_NEUTRAL:
		return "?";
	case SPF_NONE:
	case SPF_PASS:
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		break;
	}
	return "";
}

/* A walk over the networks of both families. */
struct nets {
	const struct flat_item *item;
	size_t family;
	struct ipset_walk walk;
};

static bool
next_net(struct nets *n, struct ip_net *net)
{
	while (n->family < SURVEY_FAMILIES) {
		if (ipset_next(&n->item->sets[n->family], &n->walk, net))
			return true;
		n->family++;
		n->walk = (struct ipset_walk){0};
	}
	return false;
}

static size_t
print_term(const struct ip_net *net, const char *q, char out[static TERM_SIZE])
{
	char text[IP_NET_SIZE];

	ip_net_print(net, text);
	return (size_t)snprintf(
	    out, TERM_SIZE, " %s%s:%s", q, net->ip.v6 ? "ip6" : "ip4", text);
}

/* --- planning --- */

/* Fill records one after the other, as make_records() will. */
static void
measure(struct flat_place *p)
{
	struct nets nets = {.item = p->item};
	struct ip_net net;

	while (next_net(&nets, &net)) {
		char text[TERM_SIZE];
		size_t len = print_term(&net, "", text);

		if (p->rest + len > ROOM) {
			p->records++;
			p->rest = 0;
		}
		p->rest += len;
		p->octets += len;
	}
}

/* Octets of what is left, with the qualifier that is needed outside. */
static size_t
rest_octets(const struct flat_place *p)
{
	struct nets nets = {.item = p->item};
	size_t used = 0, octets = 0;
	struct ip_net net;

	while (next_net(&nets, &net)) {
		char text[TERM_SIZE];
		size_t len = print_term(&net, "", text);

		if (used + len > ROOM) {
			used = 0;
			octets = 0;
		}
		used += len;
		octets += len + strlen(qualifier(p->item->result));
	}
	return octets;
}

/* " include:_spf12.example.com", with a qualifier. */
static size_t
include_octets(const struct pack *p)
{
	return sizeof(" ?include:_spf99.") - 1 + p->domain.len;
}

static size_t
fixed_octets(const struct flat *f)
{
	size_t len = sizeof(HEAD) - 1;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		if (i->kept != NULL)
			len += 1 + strlen(i->kept);
	len +=
	    f->redirect != NULL ? 1 + strlen(f->redirect) : sizeof(" ?all") - 1;
	return len + (f->modifiers[0] != '\0' ? 1 + strlen(f->modifiers) : 0);
}

/* The one whose rest takes least, of those that don't stay yet. */
static struct flat_place *
smallest(struct flat_place *places, size_t count)
{
	struct flat_place *best = NULL;

	for (struct flat_place *p = places; p != places + count; p++)
		if (p->rest != 0 && !p->rest_stays &&
		    (best == NULL || p->rest < best->rest))
			best = p;
	return best;
}

/* Decide which rests stay with the domain's own record; its octets. */
static size_t
plan(
    const struct pack *p, struct flat_place *places, size_t count, size_t fixed)
{
	size_t octets = fixed;
	struct flat_place *next;

	for (size_t i = 0; i < count; i++)
		octets += include_octets(p) *
		    (places[i].records + (places[i].rest != 0));
	while ((next = smallest(places, count)) != NULL) {
		size_t with = octets - include_octets(p) + rest_octets(next);

		if (with > FLATTEN_RECORD_MAX)
			break;
		next->rest_stays = true;
		octets = with;
	}
	return octets;
}

/* --- making --- */

struct text {
	char room[SPF_RECORD_MAX];
	struct text_out out;
};

static struct flat_record *
record_add(struct pack *p, struct mf_text name)
{
	struct flat_record *r = spfquery_must(calloc(1, sizeof(*r)));

	r->name = spfquery_copy(name);
	*p->last = r;
	p->last = &r->next;
	return r;
}

/* End an included record, and include it. */
static void
end_record(struct pack *p, struct text *inner, struct text *own, const char *q)
{
	char name[SPF_RECORD_MAX];
	int len = snprintf(name, sizeof(name), "_spf%u.%.*s", ++p->number,
	    (int)p->domain.len, p->domain.p);

	if (len > SPF_NAME_MAX)
		fail(p, "the name %.60s... would be longer than %d bytes", name,
		    SPF_NAME_MAX);
	out_str(&inner->out, TAIL);
	record_add(p, mf_text_at(name, (size_t)len))->text =
	    spfquery_copy(out_view(&inner->out));
	out_char(&own->out, ' ');
	out_str(&own->out, q);
	out_str(&own->out, "include:");
	out_str(&own->out, name);
	inner->out.len = 0;
}

static void
make_records(struct pack *p, const struct flat_place *place, struct text *inner,
    struct text *own)
{
	struct nets nets = {.item = place->item};
	const char *q = qualifier(place->item->result);
	unsigned left = place->records;
	size_t used = 0;
	struct ip_net net;

	inner->out.len = 0;
	while (next_net(&nets, &net)) {
		char text[TERM_SIZE];
		size_t len = print_term(&net, "", text);

		if (used + len > ROOM) {
			end_record(p, inner, own, q);
			left--;
			used = 0;
		}
		used += len;
		if (left == 0 && place->rest_stays) {
			len = print_term(&net, q, text);
			out_text(&own->out, mf_text_at(text, len));
			continue;
		}
		if (inner->out.len == 0)
			out_str(&inner->out, HEAD);
		out_text(&inner->out, mf_text_at(text, len));
	}
	if (inner->out.len != 0)
		end_record(p, inner, own, q);
}

static void
make_end(const struct flat *f, struct text *own)
{
	out_char(&own->out, ' ');
	if (f->redirect != NULL)
		out_str(&own->out, f->redirect);
	else {
		out_str(&own->out, qualifier(f->others));
		out_str(&own->out, "all");
	}
	if (f->modifiers[0] == '\0')
		return;
	out_char(&own->out, ' ');
	out_str(&own->out, f->modifiers);
}

static void
make(struct pack *p, const struct flat *f, const struct flat_place *places)
{
	struct text *own = spfquery_must(malloc(sizeof(*own)));
	struct text *inner = spfquery_must(malloc(sizeof(*inner)));
	struct flat_record *first = record_add(p, p->domain);

	own->out = text_out(own->room, sizeof(own->room));
	inner->out = text_out(inner->room, sizeof(inner->room));
	out_str(&own->out, HEAD);
	for (const struct flat_item *i = f->first; i != NULL; i = i->next) {
		if (i->kept == NULL) {
			make_records(p, places++, inner, own);
			continue;
		}
		out_char(&own->out, ' ');
		out_str(&own->out, i->kept);
	}
	make_end(f, own);
	first->text = spfquery_copy(out_view(&own->out));
	free(inner);
	free(own);
}

static void
check_terms(struct pack *p, const struct flat *f)
{
	unsigned terms = p->number + f->redirect_terms;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		terms += i->terms;
	p->out->terms = terms;
	if (terms > SPF_TERMS_MAX)
		fail(p,
		    "it would still take %u lookups, %u more than %d: %u "
		    "records of networks, and %u for what can't be "
		    "flattened",
		    terms, terms - SPF_TERMS_MAX, SPF_TERMS_MAX, p->number,
		    terms - p->number);
}

static void
check_length(struct pack *p)
{
	size_t len = strlen(p->out->first->text);

	if (len > FLATTEN_RECORD_MAX)
		fail(p,
		    "the record of %.*s would have %zu bytes, %zu more than %d",
		    (int)p->domain.len, p->domain.p, len,
		    len - FLATTEN_RECORD_MAX, FLATTEN_RECORD_MAX);
}

void
flatten_pack(
    struct flat_records *out, const struct flat *f, struct mf_text domain)
{
	struct pack p = {.out = out, .last = &out->first, .domain = domain};
	struct flat_place *places;
	size_t count = 0;

	*out = (struct flat_records){.first = NULL};
	if (f->problem[0] != '\0') {
		fail(&p, "%s", f->problem);
		return;
	}
	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		count++;
	places = spfquery_must(calloc(count + 1, sizeof(*places)));
	count = 0;
	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		if (i->kept == NULL) {
			places[count].item = i;
			measure(&places[count++]);
		}
	plan(&p, places, count, fixed_octets(f));
	make(&p, f, places);
	check_terms(&p, f);
	check_length(&p);
	free(places);
}

void
flatten_records_clear(struct flat_records *records)
{
	while (records->first != NULL) {
		struct flat_record *r = records->first;

		records->first = r->next;
		free(r->name);
		free(r->text);
		free(r);
	}
}

bool
flatten_records_equal(
    const struct flat_records *a, const struct flat_records *b)
{
	const struct flat_record *x = a->first, *y = b->first;

	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (strcmp(x->name, y->name) != 0 ||
		    strcmp(x->text, y->text) != 0)
			return false;
	return x == NULL && y == NULL;
}
