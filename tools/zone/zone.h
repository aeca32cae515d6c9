/* SPDX-License-Identifier: ISC */
/*
 * DNS from a YAML file, in the format of the openspf test suites: no network.
 *
 *	zonedata:
 *	  example.com:
 *	    - SPF: v=spf1 a -all	(TXT too, unless there is a TXT)
 *	    - A: 192.0.2.1
 *	    - MX: [10, mail.example.com]
 *	    - TIMEOUT			(all types not listed before)
 *	    - TIMEOUT: true		(the same)
 *	    - AAAA: SERVFAIL		(or any other cause, in capitals)
 *	  www.example.com:
 *	    - CNAME: example.com	(and nothing else)
 *
 * "zonedata:" and "zonedata: []" are a zone without names.
 */
#ifndef MAILFROM_TOOLS_ZONE_ZONE_H
#define MAILFROM_TOOLS_ZONE_ZONE_H

#include <yaml.h>

#include <mailfrom/spf.h>

struct zone;

/* What is wrong with a zone: in which line, 0: unknown, and at which name. */
struct zone_problem {
	const char *why;
	size_t line;
	char name[SPF_NAME_SIZE]; /* cut; "" if it is about none */
};

/* Say it on stderr, of the file at path. */
void zone_complain(const char *path, const struct zone_problem *problem);

/*
 * Read the mapping at node of document, which may be NULL.  NULL, and *problem,
 * if it is no zone or memory is out.  The zone is the caller's, for
 * zone_free().
 */
struct zone *zone_from_yaml(
    yaml_document_t *document, yaml_node_t *node, struct zone_problem *problem);

/*
 * Read the key "zonedata" of the first document of a file, or that document as
 * a whole.  NULL, and a message on stderr, if it can't be read.
 */
struct zone *zone_from_file(const char *path);

void zone_free(struct zone *zone);

/* Answers from zone; a name that isn't there doesn't exist. */
struct spf_source zone_source(struct zone *zone);

#endif
