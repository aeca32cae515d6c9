/* SPDX-License-Identifier: ISC */
/*
 * JSON in one line: members with the commas where they belong.
 */
#ifndef MAILFROM_COMMON_JSON_WRITER_H
#define MAILFROM_COMMON_JSON_WRITER_H

#include <stdio.h>

#include <mailfrom/text.h>

struct json_writer {
	FILE *to;
	bool first; /* nothing stands before the next item */
};

/* A member of an object. */
void json_text(struct json_writer *w, const char *name, struct mf_text value);
void json_number(struct json_writer *w, const char *name, uint64_t value);
void json_truth(struct json_writer *w, const char *name, bool value);

/* A text in a list. */
void json_item(struct json_writer *w, struct mf_text value);

/* '{' or '['; name: NULL in a list, and outside of everything. */
void json_open(struct json_writer *w, const char *name, char bracket);
void json_close(struct json_writer *w, char bracket);

#endif
