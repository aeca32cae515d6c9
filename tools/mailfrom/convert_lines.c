/* SPDX-License-Identifier: ISC */
/*
 * The lines of a conversion: added by rules, printed section by section.
 */
#include "tools/mailfrom/convert.h"

#include <stdarg.h>

#include "settings/sections.h"

#define COMMENT_COLUMNS 78
/* Values are quoted as far as they help. */
#define QUOTED_MAX 200

static const struct {
	const char *word, *means;
} outcomes[] = {
    [CONVERT_SAME] = {"same", "the setting after the comment means the same"},
    [CONVERT_OTHER] = {"other", "done in another way, which the comment names"},
    [CONVERT_NOT_NEEDED] = {"not needed", "nothing here has to replace it"},
    [CONVERT_CANNOT] = {"can't", "lost, for the reason given"},
};

/* --- adding --- */

static void
add(const struct conversion *c, struct convert_lines *lines,
    struct convert_line line)
{
	lines->items = arena_grow(
	    c->file->arena, lines->items, lines->count, sizeof(line));
	lines->items[lines->count++] = line;
}

static struct mf_text __attribute__((format(printf, 2, 0)))
format_text(const struct conversion *c, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	return arena_copy(c->file->arena, mf_text_of(text));
}

static struct convert_line *
find_setting(const struct conversion *c, const char *section, const char *key)
{
	for (size_t i = 0; i < c->lines.count; i++) {
		struct convert_line *l = &c->lines.items[i];

		if (l->key != NULL && strcmp(l->section, section) == 0 &&
		    strcmp(l->key, key) == 0)
			return l;
	}
	return NULL;
}

struct mf_text
convert_setting(
    const struct conversion *c, const char *section, const char *key)
{
	const struct convert_line *l = find_setting(c, section, key);

	return l != NULL ? l->text : MF_TEXT("");
}

/* Put a line after all that was said meanwhile. */
static void
move_to_end(struct convert_lines *lines, struct convert_line *line)
{
	struct convert_line moved = *line;
	size_t after = (size_t)(&lines->items[lines->count - 1] - line);

	memmove(line, line + 1, after * sizeof(*line));
	lines->items[lines->count - 1] = moved;
}

void
convert_set(struct conversion *c, const char *section, const char *key,
    struct mf_text value, unsigned line)
{
	struct convert_line *l = find_setting(c, section, key);

	if (text_has_control(value))
		report_error(c->file->report, c->file->name, line, key,
		    "a control character in the value");
	if (l == NULL)
		add(c, &c->lines,
		    (struct convert_line){
			section, key, arena_copy(c->file->arena, value), line});
	else {
		if (!mf_text_eq(l->text, value))
			l->text = arena_printf(c->file->arena, "%.*s, %.*s",
			    (int)l->text.len, l->text.p, (int)value.len,
			    value.p);
		move_to_end(&c->lines, l);
	}
}

void
convert_allow(struct conversion *c, const char *key, const char *value)
{
	add(c, &c->access,
	    (struct convert_line){.key = key, .text = mf_text_of(value)});
}

void
convert_note(struct conversion *c, const char *section, const char *format, ...)
{
	struct convert_line line = {.section = section};
	va_list args;

	va_start(args, format);
	line.text = format_text(c, format, args);
	va_end(args);
	add(c, &c->lines, line);
}

static void
tell(struct conversion *c, const struct convert_entry *e,
    enum convert_outcome outcome, const char *section, struct mf_text text)
{
	struct mf_text value = text_head(e->value, QUOTED_MAX);
	char *quoted = arena_new(c->file->arena, value.len + 1);

	for (size_t i = 0; i < value.len; i++)
		quoted[i] = value.p[i] == '\n' ? ' ' : value.p[i];
	convert_note(c, section, "%.*s = %.*s%s (line %u): %s%s%.*s",
	    (int)text_head(e->key, QUOTED_MAX).len, e->key.p, (int)value.len,
	    quoted, value.len != e->value.len ? "..." : "", e->line,
	    outcomes[outcome].word, text.len != 0 ? ": " : "", (int)text.len,
	    text.p);
}

void
convert_tell(struct conversion *c, const struct convert_entry *e,
    enum convert_outcome outcome, const char *section, const char *format, ...)
{
	struct mf_text text;
	va_list args;

	va_start(args, format);
	text = format_text(c, format, args);
	va_end(args);
	tell(c, e, outcome, section, text);
}

void
convert_same(
    struct conversion *c, const struct convert_entry *e, const char *section)
{
	tell(c, e, CONVERT_SAME, section, MF_TEXT(""));
}

void
convert_fail(struct conversion *c, const struct convert_entry *e,
    const char *format, ...)
{
	struct mf_text text;
	va_list args;

	va_start(args, format);
	text = format_text(c, format, args);
	va_end(args);
	report_error(c->file->report, c->file->name, e->line, NULL,
	    "%.*s: %.*s", (int)text_head(e->key, QUOTED_MAX).len, e->key.p,
	    (int)text.len, text.p);
	tell(c, e, CONVERT_CANNOT, NULL, text);
}

/* --- printing --- */

static void
print_bytes(FILE *to, struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		putc(ascii_is_control(t.p[i]) && t.p[i] != '\t' ? '?' : t.p[i],
		    to);
}

/* As comment lines, broken at blanks; later ones are indented. */
static void
print_comment(FILE *to, struct mf_text t)
{
	const char *start = "# ";

	while (t.len > COMMENT_COLUMNS) {
		struct mf_text head = text_head(t, COMMENT_COLUMNS);
		size_t end = text_rfind(head, ' ');

		if (end == head.len || end == 0)
			break;
		fputs(start, to);
		print_bytes(to, text_head(t, end));
		putc('\n', to);
		t = text_from(t, end + 1);
		start = "#   ";
	}
	fputs(start, to);
	print_bytes(to, t);
	putc('\n', to);
}

static void
print_line(FILE *to, const struct convert_line *line)
{
	if (line->key == NULL) {
		print_comment(to, line->text);
		return;
	}
	fprintf(to, "%s = ", line->key);
	print_bytes(to, line->text);
	putc('\n', to);
}

static bool
is_in(const struct convert_line *line, const char *section)
{
	return section == NULL
	    ? line->section == NULL
	    : line->section != NULL && strcmp(line->section, section) == 0;
}

/* title comes before the first line; nothing if there is none. */
static void
print_section(FILE *to, const struct conversion *c, const char *section,
    const char *title)
{
	bool is_first = true;

	for (size_t i = 0; i < c->lines.count; i++) {
		if (!is_in(&c->lines.items[i], section))
			continue;
		if (is_first)
			fprintf(to, "\n%s\n", title);
		is_first = false;
		print_line(to, &c->lines.items[i]);
	}
}

/* "@" stands for the secret's file. */
static void
print_step(FILE *to, const struct conversion *c, const char *step)
{
	for (; *step != '\0'; step++) {
		if (*step == '@')
			print_bytes(
			    to, convert_setting(c, "srs", "secret_file"));
		else
			putc(*step, to);
		if (*step == '\n')
			fputs("#    ", to);
	}
}

static void
print_head(FILE *to, const struct conversion *c)
{
	fputs("# mailfrom.conf, made by \"mailfrom convert\" from ", to);
	print_bytes(to, mf_text_of(c->file->name));
	fprintf(to,
	    ",\n# the configuration of %s.\n"
	    "#\n# Comments name each key of that file and what became of it:\n",
	    foreign_conf_software(c->software->kind));
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		fprintf(
		    to, "#   %-12s%s\n", outcomes[i].word, outcomes[i].means);
	fputs("#\n# Next:\n", to);
	for (size_t i = 0; c->software->steps[i] != NULL; i++) {
		fprintf(to, "# %zu. ", i + 1);
		print_step(to, c, c->software->steps[i]);
		putc('\n', to);
	}
}

void
convert_print(FILE *to, const struct conversion *c, bool with_access)
{
	static const struct settings_wanted nothing = {.srs = NULL};
	struct conf_section sections[SECTION_COUNT];

	print_head(to, c);
	settings_sections(&nothing, sections);
	for (int i = 0; i < SECTION_COUNT; i++) {
		char title[64];

		snprintf(title, sizeof(title), "[%s]", sections[i].name);
		print_section(to, c, sections[i].name, title);
	}
	print_section(to, c, NULL, "# Keys that set nothing here:");
	if (!with_access || c->access.count == 0)
		return;
	fprintf(to,
	    "\n# ---- The second file, %s: these lines without \"# \" ----\n",
	    c->access_path);
	for (size_t i = 0; i < c->access.count; i++)
		fprintf(to, "# %s\t%.*s\n", c->access.items[i].key,
		    (int)c->access.items[i].text.len,
		    c->access.items[i].text.p);
}

void
convert_print_access(FILE *to, const struct conversion *c)
{
	fputs("# Access file of spfmilter, made by \"mailfrom convert\" from ",
	    to);
	print_bytes(to, mf_text_of(c->file->name));
	fputs("\n", to);
	for (size_t i = 0; i < c->access.count; i++)
		fprintf(to, "%s\t%.*s\n", c->access.items[i].key,
		    (int)c->access.items[i].text.len,
		    c->access.items[i].text.p);
}
