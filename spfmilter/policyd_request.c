/* SPDX-License-Identifier: ISC */
#include "spfmilter/policyd_request.h"

#include <stddef.h>

/* --- a request --- */

struct attribute {
	const char *name;
	size_t offset; /* of a view in struct policyd_request */
};

#define AT(member) offsetof(struct policyd_request, member)

static const struct attribute attributes[] = {
    {"protocol_state", AT(protocol_state)},
    {"instance", AT(instance)},
    {"queue_id", AT(queue_id)},
    {"client_address", AT(client_address)},
    {"client_name", AT(client_name)},
    {"helo_name", AT(helo)},
    {"sender", AT(sender)},
    {"recipient", AT(recipient)},
    {"sasl_username", AT(user)},
};

/* What isn't there is empty, not NULL. */
static void
clear(struct policyd_request *out)
{
	const struct mf_text empty = MF_TEXT("");

	out->stage = POLICYD_RCPT;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		memcpy(
		    (char *)out + attributes[i].offset, &empty, sizeof(empty));
}

static void
set_attribute(
    struct policyd_request *out, struct mf_text name, struct mf_text value)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (mf_text_eq(name, mf_text_of(attributes[i].name))) {
			memcpy((char *)out + attributes[i].offset, &value,
			    sizeof(value));
			return;
		}
}

/* Clients other than Postfix leave it out, and ask about recipients. */
static enum policyd_stage
stage_of(struct mf_text state)
{
	static const struct {
		const char *word;
		enum policyd_stage stage;
	} words[] = {
	    {"", POLICYD_RCPT},
	    {"RCPT", POLICYD_RCPT},
	    {"CONNECT", POLICYD_BEFORE_MAIL},
	    {"EHLO", POLICYD_BEFORE_MAIL},
	    {"HELO", POLICYD_BEFORE_MAIL},
	    {"MAIL", POLICYD_MAIL},
	    {"DATA", POLICYD_DATA},
	    {"BDAT", POLICYD_DATA},
	    {"END-OF-MESSAGE", POLICYD_END_OF_MESSAGE},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text_eq_fold(state, mf_text_of(words[i].word)))
			return words[i].stage;
	return POLICYD_OTHER;
}

/* The lines up to the empty one; 0: it isn't there yet. */
static size_t
request_len(struct mf_text input)
{
	const char *at = input.p, *end = input.p + input.len;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		at++;
		if (at == end)
			return 0;
		if (*at == '\n')
			return (size_t)(at - input.p);
	}
	return 0;
}

static bool
is_policy_request(struct mf_text name, struct mf_text value)
{
	return mf_text_eq(name, MF_TEXT("request")) &&
	    mf_text_eq(value, MF_TEXT("smtpd_access_policy"));
}

static const char *
parse_lines(struct mf_text lines, struct policyd_request *out)
{
	bool is_ours = false;

	while (lines.len != 0) {
		struct mf_text line = text_head(lines, text_find(lines, '\n'));
		struct mf_text name;

		lines = text_from(lines, line.len + 1);
		if (!text_cut(&line, '=', &name))
			return "a line without \"=\"";
		/* Such text could end early for others that see it. */
		if (line.len != 0 && memchr(line.p, '\0', line.len) != NULL)
			return "a NUL in a value";
		is_ours = is_ours || is_policy_request(name, line);
		set_attribute(out, name, line);
	}
	return is_ours ? NULL : "no request=smtpd_access_policy";
}

enum policyd_parsed
policyd_parse(
    struct mf_text *input, struct policyd_request *out, const char **why)
{
	size_t len = input->len != 0 ? request_len(*input) : 0;

	*why = NULL;
	clear(out);
	if (input->len != 0 && input->p[0] == '\n')
		*why = "an empty request";
	else if (len > POLICYD_REQUEST_MAX ||
	    (len == 0 && input->len > POLICYD_REQUEST_MAX))
		*why = "more octets than any request has";
	else if (len == 0)
		return POLICYD_MORE;
	else
		*why = parse_lines(text_head(*input, len), out);
	if (*why != NULL)
		return POLICYD_BAD;
	out->stage = stage_of(out->protocol_state);
	*input = text_from(*input, len + 1);
	return POLICYD_TAKEN;
}

/* --- addresses --- */

/* RFC 5322 3.2.3, and the UTF-8 of RFC 6531. */
static bool
is_atext(char c)
{
	return (unsigned char)c >= 0x80 || ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_dot_atom(struct mf_text local)
{
	bool after_dot = true;

	for (size_t i = 0; i < local.len; i++) {
		bool is_dot = local.p[i] == '.';

		if (is_dot ? after_dot : !is_atext(local.p[i]))
			return false;
		after_dot = is_dot;
	}
	return !after_dot;
}

static void
out_quoted(struct text_out *out, struct mf_text local)
{
	out_char(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			out_char(out, '\\');
		out_char(out, local.p[i]);
	}
	out_char(out, '"');
}

/* Postfix looks for the last "@" too. */
static size_t
at_of(struct mf_text address)
{
	for (size_t i = address.len; i-- > 0;)
		if (address.p[i] == '@')
			return i;
	return address.len;
}

struct mf_text
policyd_path(struct mf_text address, char store[static POLICYD_PATH_SIZE])
{
	struct text_out out = text_out(store, POLICYD_PATH_SIZE);
	size_t at = at_of(address);
	struct mf_text local = text_head(address, at);

	if (address.len == 0)
		return MF_TEXT("");
	if (is_dot_atom(local))
		out_text(&out, local);
	else
		out_quoted(&out, local);
	out_text(&out, text_from(address, at));
	if (!out.full)
		return out_view(&out);
	out = text_out(store, POLICYD_PATH_SIZE);
	out_char(&out, '"');
	out_text(&out, text_head(address, POLICYD_PATH_SIZE / 2));
	return out_view(&out);
}
