/* SPDX-License-Identifier: ISC */
#include "common/reply.h"

/*
 * MTAs print a reply from a format: a lone "%" would be one of theirs.  A
 * client may not have asked for SMTPUTF8 (RFC 6531), so eight-bit text goes.
 */
void
reply_quote(struct mf_text text, char out[static REPLY_SIZE])
{
	struct text_out o = text_out(out, REPLY_SIZE - 1);

	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if (c == '%')
			out_text(&o, MF_TEXT("%%"));
		else
			out_char(&o, c >= ' ' && c <= '~' ? c : '?');
	}
	out[o.len] = '\0';
}

void
reply_unquote(const char *text, struct text_out *out)
{
	for (; *text != '\0'; text++) {
		out_char(out, *text);
		if (text[0] == '%' && text[1] == '%')
			text++;
	}
}
