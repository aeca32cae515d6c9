/* SPDX-License-Identifier: ISC */
#include "spfmilter/header_fields.h"

#include <stdlib.h>

#include <mailfrom/spf_header.h>

static bool
add(struct fields *f, const char *name, struct mf_text value)
{
	char *copy = malloc(value.len + 1);

	if (copy == NULL)
		return false;
	memcpy(copy, value.p, value.len);
	copy[value.len] = '\0';
	f->list[f->count].name = name;
	f->list[f->count].value = copy;
	f->count++;
	return true;
}

static bool
add_received(struct fields *f, const struct check *c, struct mf_text receiver)
{
	char value[SPF_HEADER_SIZE];
	size_t len =
	    spf_header_received(&c->request, &c->verdict, receiver, value);

	return add(f, "Received-SPF", mf_text_at(value, len));
}

/*
 * Both identities, apart (RFC 8601 2.7.2).  The null sender's is the HELO name,
 * which is told once.
 */
static bool
add_results(
    struct fields *f, const struct findings *found, struct mf_text authserv_id)
{
	char value[2 * SPF_HEADER_SIZE + 512], part[SPF_HEADER_SIZE];
	struct text_out out = text_out(value, sizeof(value));
	size_t count = found->checks[EXAMINED_MAILFROM].request.sender.len != 0
	    ? EXAMINED_COUNT
	    : 1;

	out_text(&out, authserv_id);
	for (size_t i = 0; i < count; i++) {
		const struct check *c = &found->checks[i];
		size_t len =
		    spf_header_authentication(&c->request, &c->verdict, part);

		out_text(&out, MF_TEXT(";\n\t"));
		out_text(&out, mf_text_at(part, len));
	}
	return add(f, "Authentication-Results", out_view(&out));
}

static bool
add_hello(struct fields *f, const struct spf_verdict *helo)
{
	return add(f, "X-Hello-SPF", mf_text_of(spf_result_text(helo->result)));
}

static bool
add_report(struct fields *f, const struct decision *d)
{
	char value[2 * REPLY_SIZE];
	struct text_out out = text_out(value, sizeof(value));

	out_str(&out, "would be ");
	out_str(&out, action_text(d->verb));
	if (d->code != 0) {
		out_char(&out, ' ');
		out_uint(&out, d->code);
		out_char(&out, ' ');
		out_str(&out, d->dsn);
	}
	if (d->text[0] != '\0') {
		out_str(&out, ":\n\t");
		reply_unquote(d->text, &out);
	}
	return add(f, "X-SPF-Policy", out_view(&out));
}

bool
fields_write(const struct spfmilter_settings *s, const struct findings *found,
    const struct decision *decision, struct mf_text authserv_id,
    struct fields *out)
{
	bool ok = true;

	out->count = 0;
	if (found != NULL) {
		if (s->received_spf != RECEIVED_SPF_NONE)
			ok = add_received(out,
			    &found->checks[EXAMINED_MAILFROM], authserv_id);
		if (s->received_spf == RECEIVED_SPF_BOTH)
			ok = ok &&
			    add_received(out, &found->checks[EXAMINED_HELO],
				authserv_id);
		ok = ok && add_results(out, found, authserv_id);
		if (s->x_hello_spf)
			ok = ok &&
			    add_hello(
				out, findings_verdict(found, EXAMINED_HELO));
	}
	if (decision != NULL && s->mode == MODE_REPORT &&
	    !decision_accepts(decision))
		ok = ok && add_report(out, decision);
	return ok;
}

void
fields_free(struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		free(fields->list[i].value);
	fields->count = 0;
}
