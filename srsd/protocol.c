/* SPDX-License-Identifier: ISC */
#include "srsd/protocol.h"

#include "common/netstring.h"

/* --- parsing --- */

static enum protocol_status
parse_socketmap(struct mf_text *input, struct protocol_parsed *out)
{
	struct map_request *request = &out->request;
	size_t used;

	switch (netstring_read(*input, MAP_REQUEST_MAX, &request->key, &used)) {
	case NETSTRING_OK:
		break;
	case NETSTRING_MORE:
		return PROTOCOL_MORE;
	case NETSTRING_BAD:
		return PROTOCOL_CLOSE;
	case NETSTRING_TOO_LONG:
		out->error = MF_TEXT("request too long");
		return PROTOCOL_CLOSE;
	}
	*input = text_from(*input, used);
	if (!text_cut(&request->key, ' ', &request->map))
		out->error = MF_TEXT("not a request: no space behind the map");
	return PROTOCOL_TAKEN;
}

static int
hex_value(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
percent_decode(struct mf_text t, struct text_out *out)
{
	for (size_t i = 0; i < t.len; i++) {
		int hi, lo;

		if (t.p[i] != '%') {
			out_char(out, t.p[i]);
			continue;
		}
		if (t.len - i < 3)
			return false;
		hi = hex_value(t.p[i + 1]);
		lo = hex_value(t.p[i + 2]);
		if (hi < 0 || lo < 0)
			return false;
		out_char(out, (char)(hi << 4 | lo));
		i += 2;
	}
	return !out->full;
}

static enum protocol_status
parse_tcp(
    struct mf_text map, struct mf_text *input, struct protocol_parsed *out)
{
	struct text_out key = text_out(out->key_room, sizeof(out->key_room));
	size_t len = text_find(*input, '\n');
	struct mf_text line = text_head(*input, len);

	if (len >= PROTOCOL_LINE_MAX) {
		out->error = MF_TEXT("line too long");
		return PROTOCOL_CLOSE;
	}
	if (len == input->len)
		return PROTOCOL_MORE;
	*input = text_from(*input, len + 1);
	if (line.len != 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (!text_starts(line, MF_TEXT("get ")))
		out->error = MF_TEXT("only get is understood");
	else if (!percent_decode(text_from(line, 4), &key))
		out->error = MF_TEXT("% without two hex digits");
	out->request = (struct map_request){map, out_view(&key)};
	return PROTOCOL_TAKEN;
}

enum protocol_status
protocol_parse(
    enum protocol protocol, struct mf_text *input, struct protocol_parsed *out)
{
	out->error = MF_TEXT("");
	if (input->len == 0)
		return PROTOCOL_MORE;
	switch (protocol) {
	case PROTOCOL_SOCKETMAP:
		return parse_socketmap(input, out);
	case PROTOCOL_TCP_FORWARD:
		return parse_tcp(MF_TEXT("forward"), input, out);
	case PROTOCOL_TCP_REVERSE:
		return parse_tcp(MF_TEXT("reverse"), input, out);
	}
	return PROTOCOL_CLOSE;
}

/* --- formatting --- */

static void
format_socketmap(
    enum map_status status, struct mf_text data, struct text_out *out)
{
	static const char *const words[] = {[MAP_OK] = "OK",
	    [MAP_NOTFOUND] = "NOTFOUND",
	    [MAP_TEMP] = "TEMP",
	    [MAP_PERM] = "PERM"};
	struct mf_text word = mf_text_of(words[status]);

	if (status == MAP_NOTFOUND)
		data.len = 0;
	out_uint(out, word.len + 1 + data.len);
	out_char(out, ':');
	out_text(out, word);
	out_char(out, ' ');
	out_text(out, data);
	out_char(out, ',');
}

static void
percent_encode(struct mf_text t, struct text_out *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];

		if (c > ' ' && c < 0x7f && c != '%') {
			out_char(out, t.p[i]);
			continue;
		}
		out_char(out, '%');
		out_char(out, digits[c >> 4]);
		out_char(out, digits[c & 15]);
	}
}

static void
format_tcp(enum map_status status, struct mf_text data, struct text_out *out)
{
	static const char *const codes[] = {[MAP_OK] = "200 ",
	    [MAP_NOTFOUND] = "500 ",
	    [MAP_TEMP] = "400 ",
	    [MAP_PERM] = "400 "};

	out_str(out, codes[status]);
	percent_encode(data, out);
	out_char(out, '\n');
}

void
protocol_format(enum protocol protocol, enum map_status status,
    struct mf_text data, struct text_out *out)
{
	if (protocol == PROTOCOL_SOCKETMAP)
		format_socketmap(status, data, out);
	else
		format_tcp(status, data, out);
}
