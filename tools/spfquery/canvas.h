/* SPDX-License-Identifier: ISC */
/*
 * Where trees and tables are drawn for people: colours for a terminal, lines of
 * UTF-8 where that is the locale's, as wide as the terminal is.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_CANVAS_H
#define MAILFROM_TOOLS_SPFQUERY_CANVAS_H

#include <stdio.h>

#include <mailfrom/spf.h>

/* Levels of a tree that are drawn; what is deeper isn't indented further. */
#define CANVAS_DEPTH_MAX 64

enum colour { PLAIN, DIM, GOOD, BAD, SOFT, STRONG };

/* What a canvas is for, found out once: a report may be drawn elsewhere. */
struct canvas_style {
	bool colours, utf8;
	size_t columns;
};

struct canvas {
	FILE *to;
	struct canvas_style style;
	const char *branch, *last, *pipe, *arrow, *dots;
	size_t depth; /* of what leads the line */
	bool more[CANVAS_DEPTH_MAX];
};

struct canvas_style canvas_style_of(FILE *to);
struct canvas canvas_on(FILE *to, const struct canvas_style *style);

void canvas_paint(const struct canvas *c, enum colour colour,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
void canvas_name(const struct canvas *c, struct mf_text name);
enum colour canvas_result(enum spf_result result);

/* Begin a line: what leads it, and its branch if it has one. */
void canvas_lead(const struct canvas *c);
void canvas_branch(const struct canvas *c, bool more);

/* One level deeper, below something that is followed by more; and back. */
void canvas_down(struct canvas *c, bool more);
void canvas_up(struct canvas *c);

/*
 * A record, its terms wrapped after what leads the line; branches: there are
 * some below it.
 */
void canvas_record(
    const struct canvas *c, struct mf_text record, bool branches);

#endif
