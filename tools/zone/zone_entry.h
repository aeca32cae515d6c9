/* SPDX-License-Identifier: ISC */
/*
 * The records of one name of a zone file.
 */
#ifndef MAILFROM_TOOLS_ZONE_ZONE_ENTRY_H
#define MAILFROM_TOOLS_ZONE_ZONE_ENTRY_H

#include "tools/zone/zone.h"

#define ZONE_TYPES 5 /* enum spf_rr */

struct zone_entry {
	struct mf_text name;  /* lower case, no dot at its end */
	struct mf_text cname; /* likewise; empty: none */
	size_t line;
	const struct spf_answer *answers[ZONE_TYPES];
};

/*
 * Read the list at records of document, of the name at key.  False, and
 * *problem: it is wrong, or memory is out.  For zone_entry_clear() in any case.
 */
bool zone_entry_load(struct zone_entry *entry, yaml_document_t *document,
    const yaml_node_t *key, yaml_node_t *records, struct zone_problem *problem);
void zone_entry_clear(struct zone_entry *entry);

/* Note that why is wrong with name, in the line of node, NULL for none. */
void zone_wrong(struct zone_problem *problem, struct mf_text name,
    const yaml_node_t *node, const char *why);

#endif
