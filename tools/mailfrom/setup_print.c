/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/setup_print.h"

#include <stdio.h>

/* --- text --- */

static void
put(struct mf_text t)
{
	fwrite(t.p, 1, t.len, stdout);
}

/* With line breaks as one blank each. */
static void
put_in_one_line(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] != '\t')
			putchar(t.p[i] == '\n' ? ' ' : t.p[i]);
}

/* Between single quotes of the shell. */
static void
put_quoted(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] == '\'')
			fputs("'\\''", stdout);
		else if (t.p[i] != '\t')
			putchar(t.p[i] == '\n' ? ' ' : t.p[i]);
}

static void
put_comment(const struct setup_print *p, struct mf_text t)
{
	if (!p->is_bare && t.len != 0)
		printf("# %.*s\n", PLAN_TEXT(t));
}

static void
put_mark(const struct setup_print *p, const char *mark, const char *form)
{
	if (!p->is_bare)
		printf("%s%s\n", mark, form);
}

static void
put_notes(const struct setup_print *p)
{
	for (size_t i = 0; i < p->plan->note_count && !p->is_bare; i++)
		printf("# %s: %.*s.\n",
		    p->plan->notes[i].is_refusal ? "NOT MERGED" : "Note",
		    PLAN_TEXT(p->plan->notes[i].text));
}

/* --- main.cf --- */

void
setup_print_main(const struct setup_print *p)
{
	const struct plan_settings *s = &p->plan->main;

	put_mark(p, UNMERGE_BEGIN ", ", p->form);
	put_notes(p);
	for (size_t i = 0; i < s->count; i++) {
		put_comment(p, s->items[i].reason);
		put(s->items[i].name);
		printf(s->items[i].value.len != 0 ? " = " : " =");
		put(s->items[i].value);
		putchar('\n');
	}
	put_mark(p, UNMERGE_END, "");
}

/* --- options of master.cf --- */

static bool
needs_braces(struct mf_text value)
{
	for (size_t i = 0; i < value.len; i++)
		if (ascii_is_blank(value.p[i]) || value.p[i] == '\n')
			return true;
	return false;
}

/* As a line of master.cf has it, or as it goes between single quotes. */
static void
put_option(struct mf_text name, struct mf_text value, bool is_quoted)
{
	bool braces = needs_braces(value);

	printf(braces ? "-o { %.*s = " : "-o %.*s=", PLAN_TEXT(name));
	if (is_quoted)
		put_quoted(value);
	else
		put_in_one_line(value);
	if (braces)
		fputs(" }", stdout);
}

/* --- what was there --- */

/* The service of the site that an edit changes. */
static const struct site_service *
service_of(const struct setup_print *p, const struct plan_edit *e)
{
	size_t slash = text_rfind(e->service, '/');

	for (size_t i = p->before->service_count; i > 0; i--) {
		const struct site_service *s = &p->before->services[i - 1];

		if (mf_text_eq(s->name, text_head(e->service, slash)) &&
		    mf_text_eq(s->type, text_from(e->service, slash + 1)))
			return s;
	}
	return NULL;
}

static const struct mf_text *
override_before(const struct setup_print *p, const struct plan_edit *e)
{
	const struct site_service *s = service_of(p, e);

	for (size_t i = s != NULL ? s->overrides.count : 0; i > 0; i--)
		if (mf_text_eq(s->overrides.items[i - 1].name, e->setting.name))
			return &s->overrides.items[i - 1].value;
	return NULL;
}

static bool
was_set(const struct setup_print *p, struct mf_text name, struct mf_text *value)
{
	for (size_t i = p->before->settings.count; i > 0; i--) {
		if (!mf_text_eq(p->before->settings.items[i - 1].name, name))
			continue;
		*value = p->before->settings.items[i - 1].value;
		return true;
	}
	return false;
}

static void
put_postconf(const struct setup_print *p, const char *option)
{
	fputs("postconf ", stdout);
	if (p->config_dir != NULL) {
		fputs("-c '", stdout);
		put_quoted(mf_text_of(p->config_dir));
		fputs("' ", stdout);
	}
	printf("%s '", option);
}

/* --- services of the site --- */

static const struct plan_edit *
edit_of(
    const struct setup_print *p, struct mf_text service, struct mf_text name)
{
	for (size_t i = 0; i < p->plan->edit_count; i++)
		if (mf_text_eq(p->plan->edits[i].service, service) &&
		    mf_text_eq(p->plan->edits[i].setting.name, name))
			return &p->plan->edits[i];
	return NULL;
}

/* An edited option as it is to be, or as it was. */
static void
put_edited(const struct setup_print *p, const struct plan_edit *e, bool is_undo)
{
	const struct mf_text *value =
	    is_undo ? override_before(p, e) : &e->setting.value;

	if (value == NULL)
		return;
	putchar(' ');
	put_option(e->setting.name, *value, true);
}

static void
put_arguments(const struct setup_print *p, const struct site_service *s,
    struct mf_text service, bool is_undo)
{
	struct mf_text rest = s->arguments, name, value;

	while (site_next_argument(&rest, &name, &value)) {
		const struct plan_edit *e =
		    name.len != 0 ? edit_of(p, service, name) : NULL;

		if (e != NULL) {
			put_edited(p, e, is_undo);
			continue;
		}
		putchar(' ');
		if (name.len != 0)
			put_option(name, value, true);
		else
			put_quoted(value);
	}
}

static bool
has_argument(const struct site_service *s, struct mf_text wanted)
{
	struct mf_text rest = s->arguments, name, value;

	while (site_next_argument(&rest, &name, &value))
		if (name.len != 0 && mf_text_eq(name, wanted))
			return true;
	return false;
}

/*
 * The whole line of an edited service: postconf -P takes no value with blanks.
 * is_undo: with the values that were there before.
 */
static void
put_service(
    const struct setup_print *p, const struct plan_edit *edit, bool is_undo)
{
	const struct site_service *s = service_of(p, edit);

	put_postconf(p, "-M");
	printf("%.*s = ", PLAN_TEXT(edit->service));
	const struct mf_text columns[] = {s->name, s->type, s->private,
	    s->unprivileged, s->chroot, s->wakeup, s->limit, s->command};
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		printf(i == 0 ? "%.*s" : " %.*s", PLAN_TEXT(columns[i]));
	put_arguments(p, s, edit->service, is_undo);
	for (size_t i = 0; i < p->plan->edit_count; i++) {
		const struct plan_edit *e = &p->plan->edits[i];

		if (mf_text_eq(e->service, edit->service) &&
		    !has_argument(s, e->setting.name))
			put_edited(p, e, is_undo);
	}
	puts("'");
}

/* An edit is the first one of its service. */
static bool
is_first(const struct setup_print *p, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (mf_text_eq(p->plan->edits[i].service,
			p->plan->edits[index].service))
			return false;
	return true;
}

static void
put_edits_as_comments(const struct setup_print *p)
{
	for (size_t i = 0; i < p->plan->edit_count && !p->is_bare; i++) {
		const struct plan_edit *e = &p->plan->edits[i];

		if (!is_first(p, i))
			continue;
		printf("# %s: the service %.*s has a setting of its own; run\n"
		       "#   ",
		    e->is_needed ? "NOT MERGED" : "Note",
		    PLAN_TEXT(e->service));
		put_service(p, e, false);
	}
}

/* --- master.cf --- */

void
setup_print_master(const struct setup_print *p)
{
	put_mark(p, UNMERGE_BEGIN ", ", p->form);
	put_edits_as_comments(p);
	for (size_t i = 0; i < p->plan->service_count; i++) {
		const struct plan_service *s = &p->plan->services[i];

		put_comment(p, s->reason);
		put(s->head);
		putchar('\n');
		for (size_t j = 0; j < s->options.count; j++) {
			fputs("  ", stdout);
			put_option(s->options.items[j].name,
			    s->options.items[j].value, false);
			putchar('\n');
		}
	}
	put_mark(p, UNMERGE_END, "");
}

/* --- postconf -e, -M and -P --- */

static void
put_record(const struct setup_print *p, struct mf_text name)
{
	struct mf_text value;

	if (was_set(p, name, &value)) {
		printf(UNMERGE_REPLACED "%.*s = ", PLAN_TEXT(name));
		put_in_one_line(value);
		putchar('\n');
	} else {
		printf(UNMERGE_ADDED "%.*s\n", PLAN_TEXT(name));
	}
}

static void
put_edit_record(const struct setup_print *p, const struct plan_edit *e)
{
	const struct mf_text *value = override_before(p, e);

	printf("%s%.*s/%.*s", value != NULL ? UNMERGE_REPLACED : UNMERGE_ADDED,
	    PLAN_TEXT(e->service), PLAN_TEXT(e->setting.name));
	if (value != NULL)
		printf(" = %.*s", PLAN_TEXT(*value));
	putchar('\n');
}

/* In quotes: "$(postconf -h config_directory)/main.cf" */
static void
put_file(const struct setup_print *p, const char *name)
{
	if (p->config_dir != NULL) {
		putchar('\'');
		put_quoted(mf_text_of(p->config_dir));
		printf("/%s'", name);
	} else {
		printf("\"$(postconf -h config_directory)/%s\"", name);
	}
}

static void
put_records(const struct setup_print *p)
{
	if (p->unmerged->had_records)
		return;
	put_comment(p, MF_TEXT("Notes for --undo: what was there before."));
	fputs("cat >>", stdout);
	put_file(p, "main.cf");
	puts(" <<'END'");
	for (size_t i = 0; i < p->plan->main.count; i++)
		put_record(p, p->plan->main.items[i].name);
	for (size_t i = 0; i < p->plan->edit_count; i++)
		put_edit_record(p, &p->plan->edits[i]);
	puts("END");
}

void
setup_print_postconf(const struct setup_print *p)
{
	put_notes(p);
	put_records(p);
	for (size_t i = 0; i < p->plan->main.count; i++) {
		const struct plan_setting *s = &p->plan->main.items[i];

		put_comment(p, s->reason);
		put_postconf(p, "-e");
		printf("%.*s = ", PLAN_TEXT(s->name));
		put_quoted(s->value);
		puts("'");
	}
	for (size_t i = 0; i < p->plan->service_count; i++) {
		const struct plan_service *s = &p->plan->services[i];
		struct mf_text rest = s->head, name, type;

		site_next_item(&rest, &name);
		site_next_item(&rest, &type);
		put_comment(p, s->reason);
		put_postconf(p, "-M");
		printf("%.*s/%.*s = ", PLAN_TEXT(name), PLAN_TEXT(type));
		put(s->head);
		for (size_t j = 0; j < s->options.count; j++) {
			putchar(' ');
			put_option(s->options.items[j].name,
			    s->options.items[j].value, true);
		}
		puts("'");
	}
	for (size_t i = 0; i < p->plan->edit_count; i++) {
		if (!is_first(p, i))
			continue;
		put_comment(p, p->plan->edits[i].setting.reason);
		put_service(p, &p->plan->edits[i], false);
	}
}

/* --- --undo --- */

static void
put_sed(const struct setup_print *p, const char *script, const char *file)
{
	printf("sed -i '%s' ", script);
	put_file(p, file);
	putchar('\n');
}

static void
undo_settings(const struct setup_print *p)
{
	for (size_t i = 0; i < p->plan->main.count; i++) {
		struct mf_text name = p->plan->main.items[i].name, value;

		/* -X first: after `>>' there are two lines. */
		put_postconf(p, "-X");
		printf("%.*s'\n", PLAN_TEXT(name));
		if (!was_set(p, name, &value))
			continue;
		put_postconf(p, "-e");
		printf("%.*s = ", PLAN_TEXT(name));
		put_quoted(value);
		puts("'");
	}
}

static void
undo_edits(const struct setup_print *p)
{
	for (size_t i = 0; i < p->plan->edit_count; i++)
		if (is_first(p, i))
			put_service(p, &p->plan->edits[i], true);
}

static void
undo_services(const struct setup_print *p)
{
	for (size_t i = 0; i < p->plan->service_count; i++) {
		struct mf_text rest = p->plan->services[i].head, name, type;

		site_next_item(&rest, &name);
		site_next_item(&rest, &type);
		put_postconf(p, "-MX");
		printf("%.*s/%.*s'\n", PLAN_TEXT(name), PLAN_TEXT(type));
	}
}

void
setup_print_undo(const struct setup_print *p)
{
	const char *block = "/^" UNMERGE_BEGIN "/,/^" UNMERGE_END "/d";

	put_comment(p, MF_TEXT("What was appended between its comments."));
	put_sed(p, block, "main.cf");
	put_sed(p, block, "master.cf");
	if (!p->unmerged->had_block) {
		put_comment(p, MF_TEXT("The values that were there before."));
		undo_settings(p);
	}
	undo_edits(p);
	undo_services(p);
	put_comment(p, MF_TEXT("The notes of what was replaced."));
	put_sed(p, "/^# mailfrom setup \\(replaced\\|added\\): /d", "main.cf");
}
