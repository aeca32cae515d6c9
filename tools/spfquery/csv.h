/* SPDX-License-Identifier: ISC */
/*
 * CSV (RFC 4180) that spreadsheets can open: a cell from a record never becomes
 * a formula.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_CSV_H
#define MAILFROM_TOOLS_SPFQUERY_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <mailfrom/text.h>

/* A line from its cells; a text that begins like a formula gets a "'". */
struct csv_writer {
	FILE *to;
	bool begun; /* there is a cell in the line */
};

void csv_text(struct csv_writer *w, struct mf_text text);
void csv_number(struct csv_writer *w, uint64_t number);
void csv_end(struct csv_writer *w);

#endif
