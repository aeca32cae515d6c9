/* SPDX-License-Identifier: ISC */
/*
 * What mailfrom doctor has found, and how it says so.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_FINDINGS_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_FINDINGS_H

#include <stdio.h>

#include "tools/mailfrom/arena.h"

enum finding_status { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
	enum finding_status status;
	const char *check;   /* name of the check that found it, a constant */
	struct mf_text read; /* what was read */
	struct mf_text why;  /* why it matters; "" if it is right */
	struct mf_text cure; /* what to do; "" if it is right */
};

/* In the order in which they were found.  All text is the arena's. */
struct finding_list {
	struct finding *items;
	size_t count;
	const char *check; /* the name that new ones get */
	struct arena *arena;
};

/* All is well; format says what was read. */
void findings_ok(struct finding_list *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Something is wrong; the texts are made with findings_text(). */
void findings_add(struct finding_list *out, enum finding_status status,
    const char *why, struct mf_text cure, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Text for a finding. */
struct mf_text findings_text(struct finding_list *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

size_t findings_count(
    const struct finding_list *findings, enum finding_status status);

/* A line each, for people: what is wrong with its reason and its cure. */
void findings_print(FILE *to, const struct finding_list *findings);

/* One JSON object, in a line. */
void findings_print_json(FILE *to, const struct finding_list *findings);

/* For "%.*s": the length and the octets of a view. */
#define TEXT_ARGS(t) (int)(t).len, (t).p != NULL ? (t).p : ""

#endif
