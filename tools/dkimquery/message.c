/* SPDX-License-Identifier: ISC */
/*
 * A message as files have it: lines may end in LF alone, which becomes CRLF, as
 * it was in SMTP; a first line "From " is of an mbox, and no field.
 */
#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "tools/dkimquery/dkimquery.h"

#define PIECE 16384

struct feeder {
	struct dkim_check *check;
	bool started; /* it is known whether there is an mbox line */
	bool skipping;
	char last; /* octet before the piece */
};

/* Up to the next LF that lacks a CR, and that with one. */
static enum dkim_status
feed(struct feeder *f, struct mf_text piece)
{
	enum dkim_status status = DKIM_OK;

	while (piece.len != 0 && status == DKIM_OK) {
		size_t len = text_find(piece, '\n');
		bool bare = len < piece.len &&
		    (len != 0 ? piece.p[len - 1] : f->last) != '\r';

		if (len < piece.len && !bare)
			len++;
		status = dkim_check_message(f->check, text_head(piece, len));
		if (bare && status == DKIM_OK)
			status = dkim_check_message(f->check, MF_TEXT("\r\n"));
		f->last = bare ? '\n' : piece.p[len - 1];
		piece = text_from(piece, len + bare);
	}
	return status;
}

/* The first piece is long enough to tell, unless the message is shorter. */
static enum dkim_status
feed_piece(struct feeder *f, struct mf_text piece)
{
	if (!f->started) {
		f->started = true;
		f->skipping = text_starts(piece, MF_TEXT("From "));
	}
	if (f->skipping) {
		size_t end = text_find(piece, '\n');

		f->skipping = end == piece.len;
		piece = text_from(piece, end + 1);
	}
	return feed(f, piece);
}

static bool
feed_file(struct dkim_check *check, FILE *file, const char *name)
{
	struct feeder f = {.check = check};
	char piece[PIECE];
	size_t len;

	while ((len = fread(piece, 1, sizeof(piece), file)) != 0)
		if (feed_piece(&f, mf_text_at(piece, len)) != DKIM_OK) {
			fputs("dkimquery: out of memory\n", stderr);
			return false;
		}
	if (!ferror(file))
		return true;
	fprintf(stderr, "dkimquery: %s: %s\n", name, strerror(errno));
	return false;
}

bool
dkimquery_message(struct dkim_check *check, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0, ok;
	FILE *file = is_stdin ? stdin : fopen(path, "r");

	if (file == NULL) {
		fprintf(stderr, "dkimquery: %s: %s\n", path, strerror(errno));
		return false;
	}
	ok = feed_file(check, file, is_stdin ? "standard input" : path);
	if (!is_stdin)
		fclose(file);
	/* A message may be a header alone. */
	if (ok && dkim_check_message_end(check) != DKIM_OK) {
		fputs("dkimquery: out of memory\n", stderr);
		ok = false;
	}
	return ok;
}
