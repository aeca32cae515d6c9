/* SPDX-License-Identifier: ISC */
/*
 * What an evaluation counts, notes and tells.
 */
#include "libspf/eval_.h"

#include "common/text.h"

/* --- events and problems --- */

void
tell_(const struct check_ *c, const struct level_ *l, struct spf_event event)
{
	const struct spf_trace *trace = c->request->trace;

	event.depth = l->depth;
	event.terms = c->verdict->terms;
	event.voids = c->verdict->voids;
	trace->event(trace->arg, &event);
}

size_t
put_text_(char *out, size_t size, struct mf_text t)
{
	size_t len = t.len < size ? t.len : size - 1;

	if (len != 0)
		memcpy(out, t.p, len);
	out[len] = '\0';
	return len;
}

/* What comes from the wire must not carry controls further. */
void
hide_controls_(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_is_control(text[i]))
			text[i] = '?';
}

/* "TERM" in the record of DOMAIN: */
static void
put_place(struct text_out *out, const struct level_ *l)
{
	if (l->written.len != 0) {
		out_char(out, '"');
		out_text(out, text_head(l->written, 120));
		out_str(out, "\" ");
	}
	out_str(out, "in the record of ");
	out_text(out, l->domain);
	out_str(out, ": ");
}

static void
problem_end(const struct check_ *c, const struct level_ *l, size_t len)
{
	char *text = c->verdict->problem;

	text[len] = '\0';
	hide_controls_(text, len);
	TELL(c, l, .kind = SPF_EVENT_PROBLEM, .text = mf_text_at(text, len));
}

/* Note the first problem: "TERM" in the record of DOMAIN: WHY (WHAT). */
void
problem_(const struct check_ *c, const struct level_ *l, const char *why,
    struct mf_text what)
{
	struct text_out out = text_out(c->verdict->problem, SPF_TEXT_MAX);

	if (c->blocked || out.p[0] != '\0')
		return;
	put_place(&out, l);
	out_str(&out, why);
	if (what.len != 0) {
		out_char(&out, ' ');
		out_text(&out, text_head(what, out.size - out.len));
	}
	problem_end(c, l, out.len);
}

/* There is no place if the lookup was that of the domain's own record. */
enum match_
failed_lookup_(const struct check_ *c, const struct level_ *l,
    struct mf_text name, const struct spf_answer *a)
{
	struct text_out out = text_out(c->verdict->problem, SPF_TEXT_MAX);

	if (c->blocked || out.p[0] != '\0')
		return MATCH_TEMPERROR;
	c->verdict->cause = a->cause;
	if (l->written.len != 0)
		put_place(&out, l);
	out.len += spf_failure_print(
	    a->rr, name, a->cause, out.p + out.len, SPF_TEXT_SIZE - out.len);
	problem_end(c, l, out.len);
	return MATCH_TEMPERROR;
}

/* --- limits --- */

enum match_
blocked_(struct check_ *c)
{
	c->blocked = true;
	return c->request->sequential ? MATCH_STOP : MATCH_UNKNOWN;
}

struct spf_limits
spf_limits_set(struct spf_limits limits)
{
	if (limits.terms == 0)
		limits.terms = SPF_TERMS_MAX;
	if (limits.voids == 0)
		limits.voids = SPF_VOIDS_MAX;
	if (limits.mx == 0)
		limits.mx = SPF_MX_MAX;
	return limits;
}

void
over_limit_(const struct check_ *c, const struct level_ *l, unsigned max,
    const char *of_what, struct mf_text name)
{
	char why[80];
	struct text_out out = text_out(why, sizeof(why) - 1);

	out_str(&out, "more than ");
	out_uint(&out, max);
	out_str(&out, of_what);
	why[out.len] = '\0';
	problem_(c, l, why, name);
}

/* A term that causes lookups (4.6.4).  False: one too many. */
bool
count_term_(struct check_ *c, const struct level_ *l)
{
	if (++c->verdict->terms <= c->limits.terms)
		return true;
	over_limit_(
	    c, l, c->limits.terms, " terms that need DNS lookups", MF_TEXT(""));
	return false;
}

bool
count_void_(struct check_ *c, const struct level_ *l, struct mf_text name)
{
	if (++c->verdict->voids <= c->limits.voids)
		return true;
	over_limit_(c, l, c->limits.voids, " void lookups, the last for", name);
	return false;
}

const struct spf_answer *
lookup_(struct check_ *c, const struct level_ *l, enum spf_rr rr,
    struct mf_text name)
{
	const struct spf_answer *a =
	    c->source->lookup(c->source->arg, rr, name);

	c->verdict->lookups++;
	TELL(c, l, .kind = SPF_EVENT_LOOKUP, .rr = rr, .name = name,
	    .answer = a);
	return a;
}
