/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/domains.h"

#include <errno.h>
#include <stdlib.h>

#include "common/escape.h"
#include "common/text.h"

void
domains_begin(struct domains *d, const struct spfquery_options *options)
{
	*d = (struct domains){
	    .options = options, .file_done = options->file == NULL};
}

static bool
take(struct domains *d, struct mf_text given, char out[static SPF_NAME_SIZE])
{
	size_t at = text_rfind(given, '@'), len;
	struct mf_text domain =
	    at != given.len ? text_from(given, at + 1) : given;

	if (!spf_name_to_ascii(domain, out, &len))
		spfquery_must(NULL);
	/* A check of a name without a dot asks nothing (RFC 7208 4.3). */
	if (len != 0 && text_find(mf_text_at(out, len), '.') != len)
		return true;
	d->failed = true;
	fputs("spfquery: ", stderr);
	if (d->file != NULL)
		fprintf(stderr, "%s:%zu: ", d->path, d->line);
	putc('"', stderr);
	escape_terminal(stderr, text_head(given, 100));
	fputs("\" is not a domain that can have a record\n", stderr);
	return false;
}

static void
open_file(struct domains *d, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;

	d->path = is_stdin ? "standard input" : path;
	d->line = 0;
	d->file = is_stdin ? stdin : fopen(path, "r");
	if (d->file != NULL)
		return;
	fprintf(stderr, "spfquery: %s: %s\n", path, strerror(errno));
	d->failed = true;
}

static void
close_file(struct domains *d)
{
	if (ferror(d->file)) {
		fprintf(stderr, "spfquery: %s: %s\n", d->path, strerror(errno));
		d->failed = true;
	}
	if (d->file != stdin)
		fclose(d->file);
	d->file = NULL;
}

static bool
next_line(struct domains *d, char out[static SPF_NAME_SIZE])
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool found = false;

	while (!found && (len = getline(&line, &size, d->file)) > 0) {
		struct mf_text t = mf_text_at(line, (size_t)len);

		d->line++;
		t = text_trim(text_head(t, text_find(t, '#')));
		found = t.len != 0 && take(d, t, out);
	}
	free(line);
	return found;
}

bool
domains_next(struct domains *d, char out[static SPF_NAME_SIZE])
{
	for (;;) {
		const struct spfquery_options *o = d->options;

		if (d->file != NULL) {
			if (next_line(d, out))
				return true;
			close_file(d);
		} else if (d->argument < o->argument_count) {
			const char *given = o->arguments[d->argument++];

			if (strcmp(given, "-") == 0)
				open_file(d, given);
			else if (take(d, mf_text_of(given), out))
				return true;
		} else if (!d->file_done) {
			d->file_done = true;
			open_file(d, o->file);
		} else
			return false;
	}
}
