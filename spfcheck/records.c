/* SPDX-License-Identifier: ISC */
#include "spfcheck/records.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/domain.h"
#include "spfcheck/settings.h"
#include <mailfrom/spf.h>

/* The domain of a line, up to the first blank; the record stays in *line. */
static struct mf_text
cut_domain(struct mf_text *line)
{
	size_t len = 0;

	while (len < line->len && !ascii_is_blank(line->p[len]))
		len++;
	struct mf_text domain = text_head(*line, len);
	*line = text_trim(text_from(*line, len));
	if (domain.len > 1 && domain.p[domain.len - 1] == '.')
		domain.len--;
	return domain;
}

/* As DNS is asked: in ASCII, and of two labels and more. */
static bool
is_domain(struct mf_text t)
{
	char room[DOMAIN_MAX];
	struct text_out out = text_out(room, sizeof(room));
	const char *why;

	return text_is_ascii(t) && domain_read(t, &out, &why) &&
	    domain_labels(out_view(&out)) > 1;
}

static void
judge_line(const char *path, const struct record_line *l, struct report *report)
{
	struct spf_record *record;
	const char *problem;

	if (!is_domain(l->domain)) {
		report_error(report, path, l->line, NULL,
		    "expected DOMAIN RECORD; not a domain: \"%.*s\"",
		    (int)text_head(l->domain, 200).len, l->domain.p);
		return;
	}
	record = spf_record_compile(l->record);
	problem = record != NULL ? spf_record_problem(record) : "out of memory";
	if (problem != NULL)
		report_error(report, path, l->line, NULL, "%.*s: %s",
		    (int)l->domain.len, l->domain.p, problem);
	spf_record_free(record);
}

static bool
add_line(struct records *records, size_t *room, struct record_line line)
{
	struct record_line *more =
	    array_grow(records->lines, records->count, room, sizeof(*more));

	if (more == NULL)
		return false;
	records->lines = more;
	records->lines[records->count++] = line;
	return true;
}

static bool
add_lines(struct records *records, const char *path, struct report *report)
{
	struct mf_text rest = mf_text_at(records->file.data, records->file.len);
	size_t room = 0;

	for (unsigned number = 1; rest.len != 0; number++) {
		size_t end = text_find(rest, '\n');
		struct mf_text line = text_trim(text_head(rest, end));
		struct record_line entry = {.line = number};

		rest = text_from(rest, end + 1);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		entry.domain = cut_domain(&line);
		entry.record = line;
		judge_line(path, &entry, report);
		if (!add_line(records, &room, entry))
			return false;
	}
	return true;
}

static int
compare(const void *a, const void *b)
{
	const struct record_line *x = a, *y = b;
	int order = text_cmp_fold(x->domain, y->domain);

	return order != 0 ? order : x->line < y->line ? -1 : 1;
}

static void
find_doubles(struct records *records, const char *path, struct report *report)
{
	if (records->count != 0)
		qsort(records->lines, records->count, sizeof(*records->lines),
		    compare);
	for (size_t i = 1; i < records->count; i++) {
		const struct record_line *l = &records->lines[i];

		if (text_eq_fold(l->domain, l[-1].domain))
			report_error(report, path, l->line, NULL,
			    "%.*s: duplicate of line %u",
			    (int)text_head(l->domain, 200).len, l->domain.p,
			    l[-1].line);
	}
}

bool
records_read(const char *path, struct records *out, struct report *report)
{
	unsigned errors = report->errors;
	int error;

	*out = (struct records){.lines = NULL};
	error = file_read(path, &out->file);
	if (error != 0) {
		report_error(report, path, 0, NULL, "cannot read records: %s",
		    strerror(error));
		return false;
	}
	if (!add_lines(out, path, report)) {
		report_error(report, path, 0, NULL, "out of memory");
		return false;
	}
	find_doubles(out, path, report);
	return report->errors == errors;
}

void
records_free(struct records *records)
{
	free(records->lines);
	file_free(&records->file);
	*records = (struct records){.lines = NULL};
}
