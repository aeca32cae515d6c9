/* SPDX-License-Identifier: ISC */
/*
 * Test suites in the openspf format: YAML documents, each with zonedata and
 * tests.
 */
#include "tools/suite.h"

#include <stdio.h>

#include "tools/zone.h"

struct suite {
	const char *path;
	yaml_document_t *document;
	struct zone *zone;
	unsigned passed, failed;
};

static struct text
get_text(const struct suite *s, yaml_node_t *mapping, const char *key)
{
	return yaml_text(yaml_get(s->document, mapping, key));
}

/* A result, or a list of results that are all right. */
static bool
is_wanted(const struct suite *s, yaml_node_t *wanted, const char *result)
{
	if (wanted == NULL || wanted->type != YAML_SEQUENCE_NODE)
		return text_eq(yaml_text(wanted), text_of(result));
	for (yaml_node_item_t *i = wanted->data.sequence.items.start;
	     i < wanted->data.sequence.items.top; i++)
		if (text_eq(yaml_text(yaml_document_get_node(s->document, *i)),
			text_of(result)))
			return true;
	return false;
}

static void
print_wanted(const struct suite *s, yaml_node_t *wanted)
{
	struct text text = yaml_text(wanted);

	printf("%.*s", (int)text.len, text.p);
	if (wanted == NULL || wanted->type != YAML_SEQUENCE_NODE)
		return;
	for (yaml_node_item_t *i = wanted->data.sequence.items.start;
	     i < wanted->data.sequence.items.top; i++) {
		text = yaml_text(yaml_document_get_node(s->document, *i));
		printf("%s%.*s",
		    i == wanted->data.sequence.items.start ? "" : " or ",
		    (int)text.len, text.p);
	}
}

static void
run_test(struct suite *s, struct text name, yaml_node_t *test)
{
	struct spf_request request = {.identity = SPF_MAILFROM,
	    .sender = get_text(s, test, "mailfrom"),
	    .helo = get_text(s, test, "helo"),
	    .receiver = get_text(s, test, "receiver"),
	    .default_explanation = TEXT("DEFAULT")};
	struct spf_source source = zone_source(s->zone);
	struct text host = get_text(s, test, "host");
	yaml_node_t *wanted = yaml_get(s->document, test, "result");
	yaml_node_t *explanation = yaml_get(s->document, test, "explanation");
	struct spf_verdict verdict;
	const char *result = "no such host address";

	if (spf_ip_parse(host, &request.ip)) {
		spf_evaluate(&request, &source, &verdict);
		result = spf_result_text(verdict.result);
	}
	if (!is_wanted(s, wanted, result)) {
		printf("FAIL %s: %.*s: want ", s->path, (int)name.len, name.p);
		print_wanted(s, wanted);
		printf(", have %s%s%s\n", result,
		    verdict.problem[0] != '\0' ? ": " : "", verdict.problem);
		s->failed++;
		return;
	}
	struct text text = yaml_text(explanation);
	if (explanation != NULL &&
	    !text_eq(text, text_of(verdict.explanation))) {
		printf("FAIL %s: %.*s: want explanation \"%.*s\", have "
		       "\"%s\"\n",
		    s->path, (int)name.len, name.p, (int)text.len, text.p,
		    verdict.explanation);
		s->failed++;
		return;
	}
	s->passed++;
}

static bool
run_document(struct suite *s)
{
	yaml_node_t *root = yaml_document_get_root_node(s->document);
	yaml_node_t *tests = yaml_get(s->document, root, "tests");
	const char *why;

	if (tests == NULL || tests->type != YAML_MAPPING_NODE)
		return true;
	s->zone = zone_from_yaml(
	    s->document, yaml_get(s->document, root, "zonedata"), &why);
	if (s->zone == NULL) {
		fprintf(stderr, "%s: %s\n", s->path, why);
		return false;
	}
	for (yaml_node_pair_t *pair = tests->data.mapping.pairs.start;
	     pair < tests->data.mapping.pairs.top; pair++)
		run_test(s,
		    yaml_text(yaml_document_get_node(s->document, pair->key)),
		    yaml_document_get_node(s->document, pair->value));
	zone_free(s->zone);
	return true;
}

static bool
run_documents(struct suite *s, yaml_parser_t *parser)
{
	yaml_document_t document;
	bool ok = true, end = false;

	s->document = &document;
	while (ok && !end) {
		if (!yaml_parser_load(parser, &document)) {
			fprintf(stderr, "%s:%zu: %s\n", s->path,
			    parser->problem_mark.line + 1, parser->problem);
			return false;
		}
		end = yaml_document_get_root_node(&document) == NULL;
		if (!end)
			ok = run_document(s);
		yaml_document_delete(&document);
	}
	return ok;
}

bool
suite_run(const char *path, unsigned *passed, unsigned *failed)
{
	struct suite s = {.path = path};
	FILE *file = fopen(path, "r");
	yaml_parser_t parser;
	bool ok;

	if (file == NULL) {
		perror(path);
		return false;
	}
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_file(&parser, file);
	ok = run_documents(&s, &parser);
	yaml_parser_delete(&parser);
	fclose(file);
	*passed += s.passed;
	*failed += s.failed;
	return ok;
}
