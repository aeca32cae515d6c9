/* SPDX-License-Identifier: ISC */
/*
 * Test suites in the openspf format: YAML documents, each with zonedata and
 * tests.
 */
#include "tools/spfquery/suite.h"

#include <stdio.h>

#include "common/escape.h"
#include "tools/spfquery/spfquery.h"
#include "tools/zone/yamlfile.h"
#include "tools/zone/zone.h"

struct suite {
	const char *path;
	yaml_document_t document; /* the one at hand */
	struct zone *zone;
	unsigned passed, failed;
};

static struct mf_text
get_text(struct suite *s, yaml_node_t *mapping, const char *key)
{
	return yamlfile_text(yamlfile_get(&s->document, mapping, key));
}

/* A result, or a list of results that are all right. */
static bool
is_wanted(struct suite *s, yaml_node_t *wanted, const char *result)
{
	if (wanted == NULL || wanted->type != YAML_SEQUENCE_NODE)
		return mf_text_eq(yamlfile_text(wanted), mf_text_of(result));
	for (yaml_node_item_t *i = wanted->data.sequence.items.start;
	     i < wanted->data.sequence.items.top; i++)
		if (mf_text_eq(
			yamlfile_text(yaml_document_get_node(&s->document, *i)),
			mf_text_of(result)))
			return true;
	return false;
}

static void
print_wanted(struct suite *s, yaml_node_t *wanted)
{
	escape_terminal(stdout, yamlfile_text(wanted));
	if (wanted == NULL || wanted->type != YAML_SEQUENCE_NODE)
		return;
	for (yaml_node_item_t *i = wanted->data.sequence.items.start;
	     i < wanted->data.sequence.items.top; i++) {
		fputs(i == wanted->data.sequence.items.start ? "" : " or ",
		    stdout);
		escape_terminal(stdout,
		    yamlfile_text(yaml_document_get_node(&s->document, *i)));
	}
}

static void
print_failure(struct suite *s, struct mf_text name)
{
	printf("FAIL %s: ", s->path);
	escape_terminal(stdout, name);
	fputs(": want ", stdout);
}

/* The result and, if it is right and the test has one, the explanation. */
static bool
is_right(struct suite *s, struct mf_text name, yaml_node_t *test,
    const char *result, const struct spf_verdict *verdict)
{
	yaml_node_t *wanted = yamlfile_get(&s->document, test, "result");
	yaml_node_t *explanation =
	    yamlfile_get(&s->document, test, "explanation");

	if (!is_wanted(s, wanted, result)) {
		print_failure(s, name);
		print_wanted(s, wanted);
		printf(", have %s%s", result,
		    verdict->problem[0] != '\0' ? ": " : "");
		escape_terminal(stdout, mf_text_of(verdict->problem));
		putchar('\n');
		return false;
	}
	if (explanation == NULL ||
	    mf_text_eq(
		yamlfile_text(explanation), mf_text_of(verdict->explanation)))
		return true;
	print_failure(s, name);
	fputs("explanation \"", stdout);
	escape_terminal(stdout, yamlfile_text(explanation));
	fputs("\", have \"", stdout);
	escape_terminal(stdout, mf_text_of(verdict->explanation));
	fputs("\"\n", stdout);
	return false;
}

static void
run_test(struct suite *s, struct mf_text name, yaml_node_t *test)
{
	struct spf_request request = {.identity = SPF_MAILFROM,
	    .sender = get_text(s, test, "mailfrom"),
	    .helo = get_text(s, test, "helo"),
	    .receiver = get_text(s, test, "receiver"),
	    .default_explanation = MF_TEXT("DEFAULT")};
	struct spf_source source = zone_source(s->zone);
	struct spf_verdict verdict = {.result = SPF_NONE};
	const char *result = "no such host address";

	if (spf_ip_parse(get_text(s, test, "host"), &request.ip)) {
		spf_evaluate(&request, &source, &verdict);
		result = spf_result_text(verdict.result);
	}
	if (is_right(s, name, test, result, &verdict))
		s->passed++;
	else
		s->failed++;
}

static bool
run_document(struct suite *s)
{
	yaml_node_t *root = yaml_document_get_root_node(&s->document);
	yaml_node_t *tests = yamlfile_get(&s->document, root, "tests");
	struct zone_problem problem;

	if (tests == NULL || tests->type != YAML_MAPPING_NODE)
		return true;
	s->zone = zone_from_yaml(&s->document,
	    yamlfile_get(&s->document, root, "zonedata"), &problem);
	if (s->zone == NULL) {
		zone_complain(s->path, &problem);
		return false;
	}
	for (yaml_node_pair_t *pair = tests->data.mapping.pairs.start;
	     pair < tests->data.mapping.pairs.top; pair++)
		run_test(s,
		    yamlfile_text(
			yaml_document_get_node(&s->document, pair->key)),
		    yaml_document_get_node(&s->document, pair->value));
	zone_free(s->zone);
	return true;
}

static bool
run_documents(struct suite *s, yaml_parser_t *parser)
{
	bool ok = true, end = false;

	while (ok && !end) {
		if (!yaml_parser_load(parser, &s->document)) {
			yamlfile_complain(s->path, parser);
			return false;
		}
		end = yaml_document_get_root_node(&s->document) == NULL;
		if (!end)
			ok = run_document(s);
		yaml_document_delete(&s->document);
	}
	return ok;
}

static bool
run_file(const char *path, unsigned *passed, unsigned *failed)
{
	struct suite s = {.path = path};
	FILE *file = yamlfile_open(path);
	yaml_parser_t parser;
	bool ok;

	if (file == NULL)
		return false;
	ok = yaml_parser_initialize(&parser) != 0;
	if (ok) {
		yaml_parser_set_input_file(&parser, file);
		ok = run_documents(&s, &parser);
		yaml_parser_delete(&parser);
	} else
		fprintf(stderr, "%s: out of memory\n", path);
	fclose(file);
	if (ok && s.passed + s.failed == 0) {
		fprintf(stderr, "%s: no tests in it\n", path);
		ok = false;
	}
	*passed += s.passed;
	*failed += s.failed;
	return ok;
}

int
suite_run(char *const *paths, size_t count)
{
	unsigned passed = 0, failed = 0;
	bool ok = true;

	if (count == 0)
		return spfquery_bad_usage("--suite: which files?");
	for (size_t i = 0; i < count; i++)
		ok = run_file(paths[i], &passed, &failed) && ok;
	printf("%u passed, %u failed\n", passed, failed);
	if (!ok)
		return SPFQUERY_USAGE;
	return failed == 0 ? SPFQUERY_OK : SPFQUERY_FAILED;
}
