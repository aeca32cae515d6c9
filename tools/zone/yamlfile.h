/* SPDX-License-Identifier: ISC */
/*
 * Files in YAML, as far as zones and suites need them.
 */
#ifndef MAILFROM_TOOLS_ZONE_YAMLFILE_H
#define MAILFROM_TOOLS_ZONE_YAMLFILE_H

#include <stdio.h>
#include <yaml.h>

#include "common/text.h"

/* The value of a key of a YAML mapping, or NULL. */
yaml_node_t *yamlfile_get(
    yaml_document_t *document, yaml_node_t *mapping, const char *key);

/* The text of a YAML scalar; empty for anything else. */
struct mf_text yamlfile_text(const yaml_node_t *node);

/* Say on stderr why parser has failed on the file at path. */
void yamlfile_complain(const char *path, const yaml_parser_t *parser);

/*
 * Open the YAML file at path, which is well formed and not nested so deeply
 * that reading it would take hours.  NULL, and a message on stderr.
 */
FILE *yamlfile_open(const char *path);

#endif
