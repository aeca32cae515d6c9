/* SPDX-License-Identifier: ISC */
/*
 * Each step of each signature, as it is verified.
 */
#include <stdlib.h>

#include "common/escape.h"
#include "tools/dkimquery/dkimquery.h"

static void
put_hash(FILE *to, const uint8_t *hash)
{
	for (size_t i = 0; i < DKIM_HASH_SIZE; i++)
		fprintf(to, "%02x", hash[i]);
}

static void
put_body(FILE *to, const struct dkim_event *e)
{
	bool same = memcmp(e->hash, e->expected, DKIM_HASH_SIZE) == 0;

	fputs("  body hash: ", to);
	put_hash(to, e->hash);
	fputs(same ? ", as in bh=\n" : ", but bh= is ", to);
	if (same)
		return;
	put_hash(to, e->expected);
	putc('\n', to);
}

static void
on_event(void *arg, const struct dkim_event *e)
{
	struct dkimquery_trace *trace = arg;
	FILE *to = trace->streams[e->signature];
	struct mf_text text = e->text;

	switch (e->kind) {
	case DKIM_EVENT_KEY:
		fputs("  key record: ", to);
		escape_terminal(to, text);
		putc('\n', to);
		break;
	case DKIM_EVENT_FIELD:
		if (text.len >= 2 && text.p[text.len - 1] == '\n')
			text.len -= 2;
		fputs("  signed: ", to);
		escape_terminal(to, text);
		putc('\n', to);
		break;
	case DKIM_EVENT_HEADER:
		fputs("  header hash: ", to);
		put_hash(to, e->hash);
		putc('\n', to);
		break;
	case DKIM_EVENT_BODY:
		put_body(to, e);
		break;
	}
}

bool
dkimquery_trace_open(struct dkimquery_trace *trace)
{
	bool ok = true;

	trace->handle = (struct dkim_trace){.event = on_event, .arg = trace};
	for (size_t i = 0; i < DKIM_SIGNATURES_MAX; i++) {
		trace->streams[i] =
		    open_memstream(&trace->texts[i], &trace->lens[i]);
		ok = ok && trace->streams[i] != NULL;
	}
	return ok;
}

void
dkimquery_trace_end(struct dkimquery_trace *trace)
{
	for (size_t i = 0; i < DKIM_SIGNATURES_MAX; i++) {
		if (trace->streams[i] != NULL)
			fclose(trace->streams[i]);
		trace->streams[i] = NULL;
	}
}

void
dkimquery_trace_free(struct dkimquery_trace *trace)
{
	dkimquery_trace_end(trace);
	for (size_t i = 0; i < DKIM_SIGNATURES_MAX; i++)
		free(trace->texts[i]);
}
