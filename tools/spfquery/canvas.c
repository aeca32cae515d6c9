/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/canvas.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/escape.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN     40

static size_t
columns_of(FILE *to)
{
	struct winsize size;

	if (ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col < COLUMNS_MIN ? COLUMNS_MIN : size.ws_col;
}

struct canvas_style
canvas_style_of(FILE *to)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (struct canvas_style){.colours = isatty(fileno(to)) &&
		(no_color == NULL || no_color[0] == '\0') &&
		(term == NULL || strcmp(term, "dumb") != 0),
	    .utf8 = escape_terminal_utf8(),
	    .columns = columns_of(to)};
}

struct canvas
canvas_on(FILE *to, const struct canvas_style *style)
{
	struct canvas c = {.to = to,
	    .style = *style,
	    .branch = "|- ",
	    .last = "`- ",
	    .pipe = "|  ",
	    .arrow = "->",
	    .dots = "..."};

	if (style->utf8) {
		c.branch = "\u251c\u2500 ";
		c.last = "\u2514\u2500 ";
		c.pipe = "\u2502  ";
		c.arrow = "\u2192";
		c.dots = "\u2026";
	}
	return c;
}

void
canvas_paint(
    const struct canvas *c, enum colour colour, const char *format, ...)
{
	static const char *const codes[] = {[PLAIN] = "",
	    [DIM] = "\033[2m",
	    [GOOD] = "\033[1;32m",
	    [BAD] = "\033[1;31m",
	    [SOFT] = "\033[1;33m",
	    [STRONG] = "\033[1m"};
	bool coloured = c->style.colours && colour != PLAIN;
	va_list args;

	fputs(coloured ? codes[colour] : "", c->to);
	va_start(args, format);
	vfprintf(c->to, format, args);
	va_end(args);
	fputs(coloured ? "\033[0m" : "", c->to);
}

void
canvas_name(const struct canvas *c, struct mf_text name)
{
	fputs(c->style.colours ? "\033[1m" : "", c->to);
	escape_terminal(c->to, name);
	fputs(c->style.colours ? "\033[0m" : "", c->to);
}

enum colour
canvas_result(enum spf_result result)
{
	switch (result) {
	case SPF_PASS:
		return GOOD;
	case SPF_FAIL:
	case SPF_PERMERROR:
	case SPF_TEMPERROR:
		return BAD;
	case SPF_SOFTFAIL:
		return SOFT;
	case SPF_NEUTRAL:
	case SPF_NONE:
		break;
	}
	return STRONG;
}

void
canvas_lead(const struct canvas *c)
{
	for (size_t i = 0; i < c->depth && i < CANVAS_DEPTH_MAX; i++)
		canvas_paint(c, DIM, "%s", c->more[i] ? c->pipe : "   ");
}

void
canvas_branch(const struct canvas *c, bool more)
{
	canvas_lead(c);
	canvas_paint(c, DIM, "%s", more ? c->branch : c->last);
}

void
canvas_down(struct canvas *c, bool more)
{
	if (c->depth < CANVAS_DEPTH_MAX)
		c->more[c->depth] = more;
	c->depth++;
}

void
canvas_up(struct canvas *c)
{
	c->depth--;
}

void
canvas_record(const struct canvas *c, struct mf_text rest, bool branches)
{
	size_t lead = 3 * c->depth + (branches ? 3 : 0), column = 0;
	struct mf_text word;

	while (rest.len != 0) {
		if (!text_cut(&rest, ' ', &word)) {
			word = rest;
			rest.len = 0;
		}
		if (word.len == 0)
			continue;
		if (column == 0 ||
		    lead + column + 1 + word.len > c->style.columns) {
			fputs(column != 0 ? "\n" : "", c->to);
			canvas_lead(c);
			canvas_paint(c, DIM, "%s", branches ? c->pipe : "");
			column = 0;
		} else {
			putc(' ', c->to);
			column++;
		}
		escape_terminal(c->to, word);
		column += word.len;
	}
	if (column != 0)
		putc('\n', c->to);
}
