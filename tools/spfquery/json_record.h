/* SPDX-License-Identifier: ISC */
/*
 * A record in JSON, as text and as the evaluator understands it.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_JSON_RECORD_H
#define MAILFROM_TOOLS_SPFQUERY_JSON_RECORD_H

#include "common/json_writer.h"
#include <mailfrom/spf.h>

/*
 * Members of an object: "record", its text, and "parsed", a list of its terms;
 * that is empty if there is a mistake, which is in "problem".
 */
void json_record(struct json_writer *w, struct mf_text record);

#endif
