/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/plan.h"

#include <stdarg.h>
#include <stdio.h>

/* --- the samples --- */

/* Physical lines of one setting or service, and the comment before it. */
struct paragraph {
	struct mf_text reason;
	struct mf_text text; /* lines as they are, comments among them not */
};

static struct mf_text
without_marks(struct mf_text comment)
{
	while (comment.len != 0 &&
	    (comment.p[0] == '#' || ascii_is_blank(comment.p[0])))
		comment = text_from(comment, 1);
	return comment;
}

static bool
next_block(struct mf_text *rest, struct paragraph *out)
{
	struct mf_text after, line;

	*out = (struct paragraph){MF_TEXT(""), MF_TEXT("")};
	while (rest->len != 0) {
		after = *rest;
		if (!text_cut(&after, '\n', &line)) {
			line = after;
			after = text_from(after, after.len);
		}
		if (line.len == 0 && out->text.len == 0)
			out->reason = MF_TEXT("");
		else if (line.len == 0)
			break;
		else if (out->text.len != 0 && !ascii_is_blank(line.p[0]))
			break;
		else if (line.p[0] == '#')
			out->reason = without_marks(line);
		else if (out->text.len == 0)
			out->text = line;
		else
			out->text.len =
			    (size_t)(line.p + line.len - out->text.p);
		*rest = after;
	}
	return out->text.len != 0;
}

static void
append(struct plan *plan, struct plan_settings *to, struct mf_text name,
    struct mf_text value, struct mf_text reason)
{
	to->items =
	    arena_grow(plan->arena, to->items, to->count, sizeof(*to->items));
	to->items[to->count++] = (struct plan_setting){name, value, reason};
}

void
plan_add_main(struct plan *plan, struct mf_text text)
{
	struct paragraph block;
	struct mf_text name;

	while (next_block(&text, &block))
		if (text_cut(&block.text, '=', &name))
			append(plan, &plan->main, text_trim(name),
			    text_trim(block.text), block.reason);
}

static void
add_option(struct plan *plan, struct plan_settings *to, struct mf_text line)
{
	struct mf_text name;

	line = text_trim(line);
	if (!text_starts(line, MF_TEXT("-o ")))
		return;
	line = text_from(line, 3);
	if (text_cut(&line, '=', &name))
		append(plan, to, name, line, MF_TEXT(""));
}

void
plan_add_master(struct plan *plan, struct mf_text text)
{
	struct paragraph block;
	struct mf_text line;

	while (next_block(&text, &block)) {
		struct plan_service s = {.reason = block.reason};

		if (!text_cut(&block.text, '\n', &s.head))
			s.head = block.text;
		while (text_cut(&block.text, '\n', &line))
			add_option(plan, &s.options, line);
		add_option(plan, &s.options, block.text);
		plan->services = arena_grow(plan->arena, plan->services,
		    plan->service_count, sizeof(s));
		plan->services[plan->service_count++] = s;
	}
}

/* --- changes --- */

struct plan_setting *
plan_find(struct plan_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->count; i++)
		if (mf_text_eq(settings->items[i].name, mf_text_of(name)))
			return &settings->items[i];
	return NULL;
}

void
plan_set(struct plan *plan, struct plan_settings *settings, const char *name,
    struct mf_text value, const char *reason)
{
	struct plan_setting *s = plan_find(settings, name);

	if (s != NULL)
		s->value = value;
	else
		append(plan, settings, mf_text_of(name), value,
		    mf_text_of(reason));
}

void
plan_drop(struct plan_settings *settings, const char *name)
{
	struct plan_setting *s = plan_find(settings, name);

	if (s == NULL)
		return;
	size_t at = (size_t)(s - settings->items);
	memmove(s, s + 1, (settings->count - at - 1) * sizeof(*s));
	settings->count--;
}

struct plan_settings *
plan_options(struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->service_count; i++)
		if (text_starts(plan->services[i].head, mf_text_of(name)))
			return &plan->services[i].options;
	return NULL;
}

/* It is the only one with a cleanup of its own. */
struct plan_settings *
plan_second(struct plan *plan)
{
	for (size_t i = 0; i < plan->service_count; i++)
		if (plan_find(&plan->services[i].options,
			"cleanup_service_name") != NULL)
			return &plan->services[i].options;
	return NULL;
}

void
plan_change(struct plan *plan, const struct site_service *service,
    const char *name, struct mf_text value, const char *reason)
{
	plan->edits = arena_grow(
	    plan->arena, plan->edits, plan->edit_count, sizeof(*plan->edits));
	plan->edits[plan->edit_count++] = (struct plan_edit){
	    arena_printf(plan->arena, "%.*s/%.*s", PLAN_TEXT(service->name),
		PLAN_TEXT(service->type)),
	    true, {mf_text_of(name), value, mf_text_of(reason)}};
}

static void __attribute__((format(printf, 3, 0)))
note(struct plan *plan, bool is_refusal, const char *format, va_list args)
{
	char text[4096];

	vsnprintf(text, sizeof(text), format, args);
	plan->notes = arena_grow(
	    plan->arena, plan->notes, plan->note_count, sizeof(*plan->notes));
	plan->notes[plan->note_count++] = (struct plan_note){
	    is_refusal, arena_copy(plan->arena, mf_text_of(text))};
}

void
plan_warn(struct plan *plan, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(plan, false, format, args);
	va_end(args);
}

void
plan_refuse(struct plan *plan, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(plan, true, format, args);
	va_end(args);
}
