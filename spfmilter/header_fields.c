/* SPDX-License-Identifier: ISC */
#include "spfmilter/header_fields.h"

#include <stdlib.h>

#include "spfmilter/dkim_results.h"
#include <mailfrom/spf_header.h>

static bool
add(struct fields *f, const char *name, struct mf_text value)
{
	char *copy = malloc(value.len + 2);

	if (copy == NULL)
		return false;
	copy[0] = ' ';
	memcpy(copy + 1, value.p, value.len);
	copy[value.len + 1] = '\0';
	f->list[f->count].name = name;
	f->list[f->count].spaced = copy;
	f->list[f->count].value = copy + 1;
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
static void
out_spf(struct text_out *out, const struct findings *found)
{
	char part[SPF_HEADER_SIZE];
	size_t count = found->checks[EXAMINED_MAILFROM].request.sender.len != 0
	    ? EXAMINED_COUNT
	    : 1;

	for (size_t i = 0; i < count; i++) {
		const struct check *c = &found->checks[i];
		size_t len =
		    spf_header_authentication(&c->request, &c->verdict, part);

		out_text(out, MF_TEXT(";\n\t"));
		out_text(out, mf_text_at(part, len));
	}
}

static bool
add_results(struct fields *f, const struct findings *found,
    const struct dkim_mail *dkim, struct mf_text authserv_id)
{
	char value[2 * SPF_HEADER_SIZE + 512 + DKIM_RESULTS_SIZE];
	struct text_out out = text_out(value, sizeof(value));

	out_text(&out, authserv_id);
	if (found != NULL)
		out_spf(&out, found);
	if (dkim != NULL)
		dkim_results_write(dkim->check, &out);
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
    const struct decision *decision, const struct dkim_mail *dkim,
    struct mf_text authserv_id, struct fields *out)
{
	bool ok = true;

	if (dkim != NULL && (!s->dkim_results || !dkim->over))
		dkim = NULL;

	out->count = 0;
	if (found != NULL) {
		if (s->received_spf != RECEIVED_SPF_NONE)
			ok = add_received(out,
			    &found->checks[EXAMINED_MAILFROM], authserv_id);
		if (s->received_spf == RECEIVED_SPF_BOTH)
			ok = ok &&
			    add_received(out, &found->checks[EXAMINED_HELO],
				authserv_id);
		ok = ok && add_results(out, found, dkim, authserv_id);
		if (s->x_hello_spf)
			ok = ok &&
			    add_hello(
				out, findings_verdict(found, EXAMINED_HELO));
	}
	if (found == NULL && dkim != NULL)
		ok = add_results(out, NULL, dkim, authserv_id);
	if (decision != NULL && s->mode == MODE_REPORT &&
	    (!decision_accepts(decision) ||
		decision->reason == DECIDED_DKIM_PASS))
		ok = ok && add_report(out, decision);
	return ok;
}

bool
fields_write_policy(const struct spfmilter_settings *s,
    const struct findings *found, struct mf_text authserv_id,
    struct fields *out)
{
	out->count = 0;
	switch ((enum policy_header)s->policy_header) {
	case POLICY_HEADER_RECEIVED_SPF:
		return add_received(
		    out, &found->checks[EXAMINED_MAILFROM], authserv_id);
	case POLICY_HEADER_RESULTS:
		return add_results(out, found, NULL, authserv_id);
	case POLICY_HEADER_NONE:
		return true;
	}
	return true;
}

void
fields_free(struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		free(fields->list[i].spaced);
	fields->count = 0;
}
