/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_findings.h"

#include <stdarg.h>

#include "common/escape.h"

static const char *const status_names[] = {"ok", "warn", "fail"};

static struct mf_text __attribute__((format(printf, 2, 0)))
print(struct finding_list *out, const char *format, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return MF_TEXT("");
	char *p = arena_new(out->arena, (size_t)len + 1);
	vsnprintf(p, (size_t)len + 1, format, args);
	return mf_text_at(p, (size_t)len);
}

static struct finding *
add(struct finding_list *out, enum finding_status status)
{
	out->items =
	    arena_grow(out->arena, out->items, out->count, sizeof(*out->items));
	struct finding *f = &out->items[out->count++];

	*f = (struct finding){.status = status, .check = out->check};
	return f;
}

void
findings_ok(struct finding_list *out, const char *format, ...)
{
	struct finding *f = add(out, FINDING_OK);
	va_list args;

	va_start(args, format);
	f->read = print(out, format, args);
	va_end(args);
}

void
findings_add(struct finding_list *out, enum finding_status status,
    const char *why, struct mf_text cure, const char *format, ...)
{
	struct finding *f = add(out, status);
	va_list args;

	va_start(args, format);
	f->read = print(out, format, args);
	va_end(args);
	f->why = mf_text_of(why);
	f->cure = cure;
}

struct mf_text
findings_text(struct finding_list *out, const char *format, ...)
{
	struct mf_text t;
	va_list args;

	va_start(args, format);
	t = print(out, format, args);
	va_end(args);
	return t;
}

size_t
findings_count(const struct finding_list *findings, enum finding_status status)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->items[i].status == status;
	return count;
}

/* --- for people --- */

static void
print_indented(FILE *to, const char *label, struct mf_text t)
{
	struct mf_text line;

	if (t.len == 0)
		return;
	while (text_cut(&t, '\n', &line)) {
		fprintf(to, "      %s", label);
		escape_terminal(to, line);
		putc('\n', to);
		label = "  ";
	}
	fprintf(to, "      %s", label);
	escape_terminal(to, t);
	putc('\n', to);
}

void
findings_print(FILE *to, const struct finding_list *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->items[i];

		fprintf(to, "%-5s %s: ", status_names[f->status], f->check);
		escape_terminal(to, f->read);
		putc('\n', to);
		print_indented(to, "Why: ", f->why);
		print_indented(to, "Do: ", f->cure);
	}
	fprintf(to, "%zu ok, %zu to look at, %zu failed\n",
	    findings_count(findings, FINDING_OK),
	    findings_count(findings, FINDING_WARN),
	    findings_count(findings, FINDING_FAIL));
}

/* --- for programs --- */

static void
print_member(FILE *to, const char *name, struct mf_text value)
{
	fprintf(to, ",\"%s\":", name);
	escape_json(to, value);
}

void
findings_print_json(FILE *to, const struct finding_list *findings)
{
	fputs("{\"version\":\"" MAILFROM_VERSION "\",\"checks\":[", to);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->items[i];

		fprintf(to, "%s{\"check\":\"%s\",\"status\":\"%s\"",
		    i == 0 ? "" : ",", f->check, status_names[f->status]);
		print_member(to, "read", f->read);
		if (f->status != FINDING_OK) {
			print_member(to, "why", f->why);
			print_member(to, "do", f->cure);
		}
		putc('}', to);
	}
	fprintf(to, "],\"ok\":%zu,\"warn\":%zu,\"fail\":%zu}\n",
	    findings_count(findings, FINDING_OK),
	    findings_count(findings, FINDING_WARN),
	    findings_count(findings, FINDING_FAIL));
}
