/* SPDX-License-Identifier: ISC */
#include "tools/zone/zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/escape.h"
#include "tools/zone/yamlfile.h"
#include "tools/zone/zone_entry.h"

/* Of a name that isn't there (RFC 1035 4.1.1). */
#define RCODE_NXDOMAIN 3

#define CNAMES_MAX 16

struct zone {
	struct zone_entry *entries; /* sorted by name */
	size_t count;
	struct spf_answer *nothing[ZONE_TYPES];
};

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
	for (unsigned rr = 0; rr < ZONE_TYPES; rr++) {
		zone->nothing[rr] = spf_answer_void((enum spf_rr)rr);
		ok = ok && zone->nothing[rr] != NULL;
	}
	if (ok)
		return zone;
	zone_free(zone);
	return NULL;
}

/* Two names that are one, in the order of the file; or 0. */
static size_t
find_twice(const struct zone *zone)
{
	for (size_t i = 1; i < zone->count; i++)
		if (compare(&zone->entries[i - 1], &zone->entries[i]) == 0)
			return i;
	return 0;
}

static void
complain_twice(const struct zone *zone, size_t at, struct zone_problem *problem)
{
	const struct zone_entry *a = &zone->entries[at - 1];
	const struct zone_entry *b = &zone->entries[at];

	zone_wrong(problem, b->name, NULL, "a name may be there only once");
	problem->line = a->line > b->line ? a->line : b->line;
}

static bool
load_entries(struct zone *zone, yaml_document_t *document, yaml_node_t *node,
    struct zone_problem *problem)
{
	yaml_node_pair_t *end = node->data.mapping.pairs.top;

	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < end; pair++)
		if (!zone_entry_load(&zone->entries[zone->count++], document,
			yaml_document_get_node(document, pair->key),
			yaml_document_get_node(document, pair->value), problem))
			return false;
	qsort(zone->entries, zone->count, sizeof(*zone->entries), compare);
	size_t twice = find_twice(zone);
	if (twice != 0)
		complain_twice(zone, twice, problem);
	return twice == 0;
}

/* "zonedata:" and "zonedata: []" have no names. */
static bool
is_empty(const yaml_node_t *node)
{
	struct mf_text text = yamlfile_text(node);

	if (node->type == YAML_SEQUENCE_NODE)
		return node->data.sequence.items.start ==
		    node->data.sequence.items.top;
	return node->type == YAML_SCALAR_NODE &&
	    (text.len == 0 || mf_text_eq(text, MF_TEXT("~")) ||
		text_eq_fold(text, MF_TEXT("null")));
}

struct zone *
zone_from_yaml(
    yaml_document_t *document, yaml_node_t *node, struct zone_problem *problem)
{
	struct zone *zone;

	*problem = (struct zone_problem){.why = "out of memory"};
	if (node == NULL ||
	    (node->type != YAML_MAPPING_NODE && !is_empty(node))) {
		zone_wrong(problem, MF_TEXT(""), node,
		    "zonedata is not a mapping of names");
		return NULL;
	}
	if (node->type != YAML_MAPPING_NODE)
		return zone_new(0);
	zone = zone_new((size_t)(node->data.mapping.pairs.top -
	    node->data.mapping.pairs.start));
	if (zone == NULL || load_entries(zone, document, node, problem))
		return zone;
	zone_free(zone);
	return NULL;
}

void
zone_complain(const char *path, const struct zone_problem *problem)
{
	fprintf(stderr, "%s:", path);
	if (problem->line != 0)
		fprintf(stderr, "%zu:", problem->line);
	if (problem->name[0] != '\0') {
		fputc(' ', stderr);
		escape_terminal(stderr, mf_text_of(problem->name));
		fputc(':', stderr);
	}
	fprintf(stderr, " %s\n", problem->why);
}

static struct zone *
zone_from_document(const char *path, yaml_document_t *document)
{
	yaml_node_t *root = yaml_document_get_root_node(document);
	yaml_node_t *data = yamlfile_get(document, root, "zonedata");
	struct zone_problem problem;
	struct zone *zone =
	    zone_from_yaml(document, data != NULL ? data : root, &problem);

	if (zone == NULL)
		zone_complain(path, &problem);
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
	for (size_t i = 0; i < zone->count; i++)
		zone_entry_clear(&zone->entries[i]);
	for (unsigned rr = 0; rr < ZONE_TYPES; rr++)
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
