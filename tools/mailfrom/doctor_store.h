/* SPDX-License-Identifier: ISC */
/*
 * What mailfrom doctor finds out about the store.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_STORE_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_STORE_H

#include "store/rows.h"

struct store_facts {
	bool was_asked;
	bool answers;
	char reason[ROWS_REASON_SIZE]; /* if it doesn't */
	struct store_probe probe;
};

struct doctor_facts;

void store_read(struct doctor_facts *facts);

#endif
