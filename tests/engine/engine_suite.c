/* SPDX-License-Identifier: ISC */
/*
 * engine_suite native|libspf2|HELPER FILE.yml...: run suites in the openspf
 * format through an engine, HELPER being the path of a helper program.
 *
 * A line for each test: name, result, what is wanted (results separated by
 * commas), "ok" or "bad", explanation, what was wanted of that or "-", and
 * what is said if there is no opinion or a problem; all separated by tabs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tools/zone/yamlfile.h"
#include "tools/zone/zone.h"
#include <mailfrom/spf_engine.h>

struct suite {
	struct spf_engine_ctx *engine;
	yaml_document_t document;
	struct zone *zone;
};

static struct mf_text
get_text(struct suite *s, yaml_node_t *test, const char *key)
{
	return yamlfile_text(yamlfile_get(&s->document, test, key));
}

static void
put_wanted(struct suite *s, yaml_node_t *wanted, struct text_out *out)
{
	if (wanted == NULL || wanted->type != YAML_SEQUENCE_NODE) {
		out_text(out, yamlfile_text(wanted));
		return;
	}
	for (yaml_node_item_t *i = wanted->data.sequence.items.start;
	     i < wanted->data.sequence.items.top; i++) {
		if (out->len != 0)
			out_char(out, ',');
		out_text(out,
		    yamlfile_text(yaml_document_get_node(&s->document, *i)));
	}
}

static bool
is_wanted(struct mf_text wanted, struct mf_text result)
{
	struct mf_text one;

	while (text_cut(&wanted, ',', &one))
		if (mf_text_eq(one, result))
			return true;
	return mf_text_eq(wanted, result);
}

static void
print_field(struct mf_text text, char end)
{
	for (size_t i = 0; i < text.len; i++)
		putchar(ascii_is_control(text.p[i]) ? '?' : text.p[i]);
	putchar(end);
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
	yaml_node_t *explanation =
	    yamlfile_get(&s->document, test, "explanation");
	char room[200];
	struct text_out wanted = text_out(room, sizeof(room));
	struct spf_verdict v;
	enum spf_opinion opinion;

	if (!spf_ip_parse(get_text(s, test, "host"), &request.ip) ||
	    spf_engine_evaluate(s->engine, &request, &source, &v, &opinion) !=
		SPF_OK) {
		fprintf(stderr, "%.*s: no verdict\n", (int)name.len, name.p);
		exit(2);
	}
	const char *result =
	    opinion == SPF_OPINION_GIVEN ? spf_result_text(v.result) : "silent";
	put_wanted(s, yamlfile_get(&s->document, test, "result"), &wanted);
	bool ok = is_wanted(out_view(&wanted), mf_text_of(result)) &&
	    (explanation == NULL ||
		mf_text_eq(
		    yamlfile_text(explanation), mf_text_of(v.explanation)));
	print_field(name, '\t');
	printf(
	    "%s\t%.*s\t%s\t", result, (int)wanted.len, room, ok ? "ok" : "bad");
	print_field(mf_text_of(v.explanation), '\t');
	print_field(
	    explanation != NULL ? yamlfile_text(explanation) : MF_TEXT("-"),
	    '\t');
	print_field(mf_text_of(v.problem), '\n');
}

static void
run_document(struct suite *s)
{
	yaml_node_t *root = yaml_document_get_root_node(&s->document);
	yaml_node_t *tests = yamlfile_get(&s->document, root, "tests");
	struct zone_problem problem;

	if (tests == NULL || tests->type != YAML_MAPPING_NODE)
		return;
	s->zone = zone_from_yaml(&s->document,
	    yamlfile_get(&s->document, root, "zonedata"), &problem);
	if (s->zone == NULL) {
		fprintf(stderr, "%s\n", problem.why);
		exit(2);
	}
	for (yaml_node_pair_t *pair = tests->data.mapping.pairs.start;
	     pair < tests->data.mapping.pairs.top; pair++)
		run_test(s,
		    yamlfile_text(
			yaml_document_get_node(&s->document, pair->key)),
		    yaml_document_get_node(&s->document, pair->value));
	zone_free(s->zone);
}

static void
run_file(struct suite *s, const char *path)
{
	FILE *file = fopen(path, "r");
	yaml_parser_t parser;
	bool end = false;

	if (file == NULL) {
		perror(path);
		exit(2);
	}
	yaml_parser_initialize(&parser);
	yaml_parser_set_input_file(&parser, file);
	while (!end) {
		if (!yaml_parser_load(&parser, &s->document)) {
			fprintf(stderr, "%s:%zu: %s\n", path,
			    parser.problem_mark.line + 1, parser.problem);
			exit(2);
		}
		end = yaml_document_get_root_node(&s->document) == NULL;
		if (!end)
			run_document(s);
		yaml_document_delete(&s->document);
	}
	yaml_parser_delete(&parser);
	fclose(file);
}

int
main(int argc, char **argv)
{
	struct spf_engine_params params = SPF_ENGINE_PARAMS_DEFAULT;
	enum spf_engine_status status;
	struct suite s = {0};

	if (argc < 3) {
		fprintf(stderr,
		    "usage: engine_suite native|libspf2|HELPER FILE.yml...\n");
		return 2;
	}
	if (!spf_engine_parse(mf_text_of(argv[1]), &params.engine)) {
		params.engine = SPF_ENGINE_LIBSPF2;
		params.helper = argv[1];
	} else if (params.engine == SPF_ENGINE_LIBSPF2)
		params.in_process = spf_libspf2_evaluate;
	status = spf_engine_new(&params, &s.engine);
	if (status != SPF_ENGINE_OK) {
		fprintf(stderr, "%s\n", spf_engine_status_text(status));
		return 2;
	}
	for (int i = 2; i < argc; i++)
		run_file(&s, argv[i]);
	spf_engine_free(s.engine);
	return 0;
}
