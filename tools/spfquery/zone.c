/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/spfquery/yamlfile.h"

#define RR_COUNT    5
#define RECORDS_MAX 256 /* of one type at one name */
#define TXT_SIZE    65536
/* Of a name that isn't there (RFC 1035 4.1.1). */
#define RCODE_NXDOMAIN 3

#define CNAMES_MAX 16

struct zone_entry {
	struct mf_text name;
	struct mf_text cname; /* empty: none */
	const struct spf_answer *answers[RR_COUNT];
};

struct zone {
	struct zone_entry *entries; /* sorted by name */
	size_t count;
	struct spf_answer *nothing[RR_COUNT];
};

static const char *const rr_words[RR_COUNT] = {"TXT", "A", "AAAA", "MX", "PTR"};

/* --- one name's records --- */

/* The records of one name, as the file lists them. */
struct listing {
	yaml_document_t *document;
	yaml_node_t *sequence;
	struct zone_problem *problem;
};

/* Say what is wrong with node.  Always false, to be returned. */
static bool
wrong(const struct listing *l, const yaml_node_t *node, const char *why)
{
	l->problem->why = why;
	l->problem->line = node != NULL ? node->start_mark.line + 1 : 0;
	return false;
}

/* The type and value of an item "- TYPE: VALUE"; a bare word has no value. */
static struct mf_text
item_get(const struct listing *l, yaml_node_item_t item, yaml_node_t **value)
{
	yaml_node_t *node = yaml_document_get_node(l->document, item);

	*value = NULL;
	if (node == NULL || node->type != YAML_MAPPING_NODE ||
	    node->data.mapping.pairs.start == node->data.mapping.pairs.top)
		return yamlfile_text(node);
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	*value = yaml_document_get_node(l->document, pair->value);
	return yamlfile_text(yaml_document_get_node(l->document, pair->key));
}

static bool
has_type(const struct listing *l, const char *type)
{
	for (yaml_node_item_t *i = l->sequence->data.sequence.items.start;
	     i < l->sequence->data.sequence.items.top; i++) {
		yaml_node_t *value;

		if (mf_text_eq(item_get(l, *i, &value), mf_text_of(type)))
			return true;
	}
	return false;
}

/* Strings of a TXT record, joined. */
static struct mf_text
join(const struct listing *l, yaml_node_t *value, struct text_out *out)
{
	size_t from = out->len;

	if (value->type != YAML_SEQUENCE_NODE) {
		out_text(out, yamlfile_text(value));
	} else {
		for (yaml_node_item_t *i = value->data.sequence.items.start;
		     i < value->data.sequence.items.top; i++)
			out_text(out,
			    yamlfile_text(
				yaml_document_get_node(l->document, *i)));
	}
	return mf_text_at(out->p + from, out->len - from);
}

/* Everything that one lookup can come to, gathered in the file's order. */
struct gathered {
	struct mf_text texts[RECORDS_MAX]; /* TXT, or names */
	unsigned preference[RECORDS_MAX];
	uint8_t addresses[RECORDS_MAX * 16];
	size_t count;
	enum spf_cause cause; /* or none of it */
	struct text_out room;
	char room_text[TXT_SIZE];
};

static bool
gather_name(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	struct mf_text name = yamlfile_text(value);
	uint64_t preference = 0;

	if (rr == SPF_RR_MX) {
		if (value->type != YAML_SEQUENCE_NODE ||
		    value->data.sequence.items.top -
			    value->data.sequence.items.start !=
			2) {
			return wrong(l, value, "MX wants [PREFERENCE, NAME]");
		}
		yaml_node_item_t *items = value->data.sequence.items.start;
		if (!text_uint(yamlfile_text(yaml_document_get_node(
				   l->document, items[0])),
			65535, &preference))
			return wrong(l, value,
			    "the preference of MX is a number from 0 to "
			    "65535");
		name = yamlfile_text(
		    yaml_document_get_node(l->document, items[1]));
	}
	/* By preference, in the file's order among equals. */
	size_t at = g->count++;
	for (; at > 0 && g->preference[at - 1] > preference; at--) {
		g->texts[at] = g->texts[at - 1];
		g->preference[at] = g->preference[at - 1];
	}
	g->texts[at] = name;
	g->preference[at] = (unsigned)preference;
	return true;
}

static bool
gather_address(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	struct spf_ip ip;
	size_t size = rr == SPF_RR_AAAA ? 16 : 4;

	if (!spf_ip_parse(yamlfile_text(value), &ip)) {
		return wrong(l, value, "not an IP address");
	}
	/* An IPv4-mapped AAAA: no IPv6 client can have it. */
	if (ip.v6 != (rr == SPF_RR_AAAA))
		memset(ip.octets, 0, sizeof(ip.octets));
	memcpy(g->addresses + g->count++ * size, ip.octets, size);
	return true;
}

static bool
gather_value(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	if (g->count == RECORDS_MAX) {
		return wrong(l, value, "too many records of a type at a name");
	}
	switch (rr) {
	case SPF_RR_TXT: {
		struct mf_text text = join(l, value, &g->room);

		if (g->room.full)
			return wrong(l, value,
			    "more than 65535 octets of text at a name");
		/* "TXT: NONE" says that SPF records are no TXT records. */
		if (!mf_text_eq(text, MF_TEXT("NONE")))
			g->texts[g->count++] = text;
		return true;
	}
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return gather_address(l, rr, value, g);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return gather_name(l, rr, value, g);
	}
	return false;
}

/* TIMEOUT, SERVFAIL, REFUSED...: in capitals, as texts may be such words. */
static bool
is_cause(struct mf_text word, enum spf_cause *out)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] != ascii_upper(word.p[i]))
			return false;
	return spf_cause_parse(word, out);
}

/*
 * A cause stands for the types that weren't listed before it.  SPF records
 * are TXT records too where a name has none of the latter.
 */
static bool
gather(const struct listing *l, enum spf_rr rr, struct gathered *g)
{
	const char *type = rr_words[rr];

	if (rr == SPF_RR_TXT && !has_type(l, "TXT"))
		type = "SPF";
	g->count = 0;
	g->cause = SPF_CAUSE_NONE;
	g->room = text_out(g->room_text, sizeof(g->room_text));
	for (yaml_node_item_t *i = l->sequence->data.sequence.items.start;
	     i < l->sequence->data.sequence.items.top; i++) {
		yaml_node_t *value;
		struct mf_text word = item_get(l, *i, &value);

		if (value == NULL) {
			enum spf_cause cause;

			if (!is_cause(word, &cause)) {
				return wrong(l,
				    yaml_document_get_node(l->document, *i),
				    "neither TYPE: VALUE nor TIMEOUT, "
				    "SERVFAIL, REFUSED...");
			}
			/* Generated TXT records come behind everything. */
			if (g->count != 0 && strcmp(type, "SPF") != 0)
				continue;
			g->cause = cause;
			return true;
		}
		if (!mf_text_eq(word, mf_text_of(type)))
			continue;
		if (is_cause(yamlfile_text(value), &g->cause))
			return true;
		if (!gather_value(l, rr, value, g))
			return false;
	}
	return true;
}

static const struct spf_answer *
build_answer(enum spf_rr rr, const struct gathered *g)
{
	if (g->cause != SPF_CAUSE_NONE)
		return spf_answer_failure(rr, g->cause);
	switch (rr) {
	case SPF_RR_TXT:
		return spf_answer_txt(g->texts, g->count);
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return spf_answer_addresses(rr, g->addresses, g->count);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return spf_answer_names(rr, g->texts, g->count);
	}
	return NULL;
}

/* --- the zone --- */

static char *
keep_name(struct mf_text name, struct mf_text *out)
{
	char *copy = malloc(name.len + 1);

	if (copy == NULL)
		return NULL;
	if (name.len != 0 && name.p[name.len - 1] == '.')
		name.len--;
	memcpy(copy, name.p, name.len);
	ascii_lower_all(copy, name.len);
	*out = mf_text_at(copy, name.len);
	return copy;
}

static bool
load_cname(const struct listing *l, struct zone_entry *entry)
{
	for (yaml_node_item_t *i = l->sequence->data.sequence.items.start;
	     i < l->sequence->data.sequence.items.top; i++) {
		yaml_node_t *value;
		struct mf_text word = item_get(l, *i, &value);

		if (value != NULL && mf_text_eq(word, MF_TEXT("CNAME")))
			return keep_name(yamlfile_text(value), &entry->cname) !=
			    NULL;
	}
	return true;
}

static bool
load_entry(
    const struct listing *l, struct mf_text name, struct zone_entry *entry)
{
	struct gathered *g = malloc(sizeof(*g));
	bool ok = g != NULL && keep_name(name, &entry->name) != NULL;

	if (ok && l->sequence->type != YAML_SEQUENCE_NODE) {
		ok = wrong(
		    l, l->sequence, "the records of a name must be a list");
	}
	for (unsigned rr = 0; ok && rr < RR_COUNT; rr++) {
		ok = gather(l, (enum spf_rr)rr, g);
		if (ok) {
			entry->answers[rr] = build_answer((enum spf_rr)rr, g);
			ok = entry->answers[rr] != NULL;
		}
	}
	free(g);
	return ok && load_cname(l, entry);
}

static int
compare(const void *a, const void *b)
{
	return text_cmp_fold(((const struct zone_entry *)a)->name,
	    ((const struct zone_entry *)b)->name);
}

static struct zone *
zone_new(size_t count)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		return NULL;
	zone->entries = calloc(count + 1, sizeof(*zone->entries));
	bool ok = zone->entries != NULL;
	for (unsigned rr = 0; rr < RR_COUNT; rr++) {
		zone->nothing[rr] = spf_answer_void((enum spf_rr)rr);
		ok = ok && zone->nothing[rr] != NULL;
	}
	if (ok)
		return zone;
	zone_free(zone);
	return NULL;
}

struct zone *
zone_from_yaml(
    yaml_document_t *document, yaml_node_t *node, struct zone_problem *problem)
{
	struct zone *zone;

	*problem = (struct zone_problem){.why = "out of memory"};
	if (node == NULL || node->type != YAML_MAPPING_NODE) {
		problem->why = "zonedata is not a mapping of names";
		problem->line = node != NULL ? node->start_mark.line + 1 : 0;
		return NULL;
	}
	yaml_node_pair_t *start = node->data.mapping.pairs.start;
	yaml_node_pair_t *end = node->data.mapping.pairs.top;
	zone = zone_new((size_t)(end - start));
	if (zone == NULL)
		return NULL;
	for (yaml_node_pair_t *pair = start; pair < end; pair++) {
		struct listing l = {document,
		    yaml_document_get_node(document, pair->value), problem};

		if (!load_entry(&l,
			yamlfile_text(
			    yaml_document_get_node(document, pair->key)),
			&zone->entries[zone->count++])) {
			zone_free(zone);
			return NULL;
		}
	}
	qsort(zone->entries, zone->count, sizeof(*zone->entries), compare);
	for (size_t i = 1; i < zone->count; i++)
		if (compare(&zone->entries[i - 1], &zone->entries[i]) == 0) {
			*problem = (struct zone_problem){
			    .why = "a name is there twice"};
			zone_free(zone);
			return NULL;
		}
	return zone;
}

static struct zone *
zone_from_document(const char *path, yaml_document_t *document)
{
	yaml_node_t *root = yaml_document_get_root_node(document);
	yaml_node_t *data = yamlfile_get(document, root, "zonedata");
	struct zone_problem problem;
	struct zone *zone =
	    zone_from_yaml(document, data != NULL ? data : root, &problem);

	if (zone == NULL && problem.line != 0)
		fprintf(
		    stderr, "%s:%zu: %s\n", path, problem.line, problem.why);
	else if (zone == NULL)
		fprintf(stderr, "%s: %s\n", path, problem.why);
	return zone;
}

struct zone *
zone_from_file(const char *path)
{
	FILE *file = yamlfile_open(path);
	yaml_parser_t parser;
	yaml_document_t document;
	struct zone *zone = NULL;

	if (file == NULL)
		return NULL;
	if (yaml_parser_initialize(&parser) == 0) {
		fprintf(stderr, "%s: out of memory\n", path);
		fclose(file);
		return NULL;
	}
	yaml_parser_set_input_file(&parser, file);
	if (yaml_parser_load(&parser, &document) == 0)
		yamlfile_complain(path, &parser);
	else {
		zone = zone_from_document(path, &document);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	fclose(file);
	return zone;
}

void
zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	for (size_t i = 0; i < zone->count; i++) {
		struct zone_entry *entry = &zone->entries[i];

		free((void *)(uintptr_t)entry->name.p);
		free((void *)(uintptr_t)entry->cname.p);
		for (unsigned rr = 0; rr < RR_COUNT; rr++)
			spf_answer_free(entry->answers[rr]);
	}
	for (unsigned rr = 0; rr < RR_COUNT; rr++)
		spf_answer_free(zone->nothing[rr]);
	free(zone->entries);
	free(zone);
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct zone *zone = arg;
	struct zone_entry key = {.name = name};

	for (int i = 0; i < CNAMES_MAX; i++) {
		const struct zone_entry *entry = bsearch(
		    &key, zone->entries, zone->count, sizeof(key), compare);

		/* The suites' own way to say SERVFAIL. */
		if (entry == NULL)
			return text_starts(key.name, MF_TEXT("error."))
			    ? spf_answer_failure(rr, SPF_CAUSE_SERVFAIL)
			    : zone->nothing[rr];
		if (entry->cname.len == 0)
			return entry->answers[rr];
		key.name = entry->cname;
	}
	return spf_answer_failure(rr, SPF_CAUSE_ALIASES);
}

/* Its rcode is all that a zone knows of an answer. */
static bool
origin(void *arg, enum spf_rr rr, struct mf_text name, struct spf_origin *out)
{
	const struct zone *zone = arg;
	const struct spf_answer *answer = lookup(arg, rr, name);

	*out = (struct spf_origin){.has_rcode = true, .cached = false};
	if (answer->status == SPF_DNS_ERROR) {
		out->has_rcode = answer->cause <= SPF_CAUSE_RCODE_MAX;
		out->rcode = answer->cause;
	} else if (answer == zone->nothing[rr])
		out->rcode = RCODE_NXDOMAIN;
	return true;
}

struct spf_source
zone_source(struct zone *zone)
{
	return (struct spf_source){
	    .lookup = lookup, .arg = zone, .origin = origin};
}
