/* SPDX-License-Identifier: ISC */
#include "tools/zone/yamlfile.h"

#define NESTING_MAX 32 /* zones and suites have 5 levels */

struct mf_text
yamlfile_text(const yaml_node_t *node)
{
	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return MF_TEXT("");
	return mf_text_at(
	    (const char *)node->data.scalar.value, node->data.scalar.length);
}

yaml_node_t *
yamlfile_get(yaml_document_t *document, yaml_node_t *mapping, const char *key)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++)
		if (mf_text_eq(yamlfile_text(
				   yaml_document_get_node(document, pair->key)),
			mf_text_of(key)))
			return yaml_document_get_node(document, pair->value);
	return NULL;
}

void
yamlfile_complain(const char *path, const yaml_parser_t *parser)
{
	size_t line = parser->error == YAML_READER_ERROR
	    ? 0
	    : parser->problem_mark.line + 1;

	fprintf(stderr, "%s:", path);
	if (line != 0)
		fprintf(stderr, "%zu:", line);
	fprintf(stderr, " %s\n",
	    parser->problem != NULL ? parser->problem : "out of memory");
}

/* How much deeper an event leads. */
static int
nesting_of(const yaml_event_t *event)
{
	if (event->type == YAML_SEQUENCE_START_EVENT ||
	    event->type == YAML_MAPPING_START_EVENT)
		return 1;
	if (event->type == YAML_SEQUENCE_END_EVENT ||
	    event->type == YAML_MAPPING_END_EVENT)
		return -1;
	return 0;
}

/* libyaml's time grows with the square of the nesting. */
static bool
is_flat(const char *path, yaml_parser_t *parser)
{
	yaml_event_t event;
	int nesting = 0;
	bool end = false;

	while (!end) {
		if (yaml_parser_parse(parser, &event) == 0) {
			yamlfile_complain(path, parser);
			return false;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		nesting += nesting_of(&event);
		if (nesting > NESTING_MAX)
			fprintf(stderr, "%s:%zu: nested too deeply\n", path,
			    event.start_mark.line + 1);
		yaml_event_delete(&event);
		if (nesting > NESTING_MAX)
			return false;
	}
	return true;
}

FILE *
yamlfile_open(const char *path)
{
	FILE *file = fopen(path, "r");
	yaml_parser_t parser;
	bool ok;

	if (file == NULL) {
		perror(path);
		return NULL;
	}
	/* What can't be read twice is trusted. */
	if (fseek(file, 0, SEEK_SET) != 0)
		return file;
	ok = yaml_parser_initialize(&parser) != 0;
	if (ok) {
		yaml_parser_set_input_file(&parser, file);
		ok = is_flat(path, &parser);
		yaml_parser_delete(&parser);
	}
	if (ok) {
		rewind(file);
		return file;
	}
	fclose(file);
	return NULL;
}
