/* SPDX-License-Identifier: ISC */
#include "spfmilter/policyd_answer.h"

#include "common/reply.h"

/* For the keyword and the line ends; a reply is far shorter than that. */
#define ANSWER_SPARE 128

_Static_assert(
    REPLY_SIZE + ANSWER_SPARE <= POLICYD_ANSWER_MAX, "a reply always fits");

/* One line: what was folded goes on, and nothing else ends it. */
static void
out_unfolded(struct text_out *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (value[0] == '\n' && (value[1] == '\t' || value[1] == ' '))
			continue;
		if (*value == '\t')
			out_char(out, ' ');
		else
			out_char(out, ascii_is_control(*value) ? '?' : *value);
	}
}

static void
out_field(const struct policyd_answer *a, struct text_out *out)
{
	char store[POLICYD_ANSWER_MAX - ANSWER_SPARE];
	struct text_out field = text_out(store, sizeof(store));

	out_str(&field, a->name);
	out_str(&field, ": ");
	out_unfolded(&field, a->value);
	if (field.full) {
		out_str(out, "DUNNO");
		return;
	}
	out_str(out, "PREPEND ");
	out_text(out, out_view(&field));
}

static void
out_reply(const struct policyd_answer *a, struct text_out *out)
{
	out_uint(out, a->code);
	out_char(out, ' ');
	out_str(out, a->dsn);
	out_char(out, ' ');
	reply_unquote(a->text, out);
}

void
policyd_format(const struct policyd_answer *a, struct text_out *out)
{
	out_str(out, "action=");
	switch (a->verb) {
	case POLICYD_DUNNO:
		out_str(out, "DUNNO");
		break;
	case POLICYD_REFUSE:
		out_reply(a, out);
		break;
	case POLICYD_HOLD:
		out_str(out, "HOLD ");
		reply_unquote(a->text, out);
		break;
	case POLICYD_DISCARD:
		out_str(out, "DISCARD ");
		reply_unquote(a->text, out);
		break;
	case POLICYD_PREPEND:
		out_field(a, out);
		break;
	}
	out_str(out, "\n\n");
}
