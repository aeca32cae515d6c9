/* SPDX-License-Identifier: ISC */
#include "srsd/protocol.h"

#include "common/netstring.h"

/* False: the gate has to be waited for. */
static bool
pass_gate(const struct protocol_env *env, struct map_request *request,
    struct map_answer *answer)
{
	if (env->ask_gate == NULL || !map_asks_gate(answer))
		return true;
	switch (env->ask_gate(env->arg, out_view(&answer->address))) {
	case GATE_REWRITES:
		return true;
	case GATE_PASSES:
		request->spf_passes = true;
		map_answer(env->rewriter, request, answer);
		return true;
	case GATE_WAITS:
		return false;
	}
	return true;
}

/* --- socketmap --- */

static void
write_netstring(
    struct text_out *out, enum map_status status, struct mf_text data)
{
	struct mf_text word = mf_text_of(map_status_text(status));

	out_uint(out, word.len + 1 + data.len);
	out_char(out, ':');
	out_text(out, word);
	out_char(out, ' ');
	out_text(out, data);
	out_char(out, ',');
}

static enum protocol_status
socketmap_next(
    struct mf_text *input, const struct protocol_env *env, struct text_out *out)
{
	struct map_answer *answer = env->scratch;
	struct map_request request = {.now_sec = env->now_sec};
	struct mf_text text;
	size_t used;

	switch (netstring_read(*input, MAP_REQUEST_MAX, &text, &used)) {
	case NETSTRING_OK:
		break;
	case NETSTRING_MORE:
		return PROTOCOL_MORE;
	case NETSTRING_BAD:
		return PROTOCOL_CLOSE;
	case NETSTRING_TOO_LONG:
		write_netstring(out, MAP_PERM, MF_TEXT("request too long"));
		return PROTOCOL_CLOSE;
	}
	request.message_id = env->next_message_id(env->arg);
	map_answer_text(env->rewriter, text, &request, answer);
	if (!pass_gate(env, &request, answer))
		return PROTOCOL_WAIT;
	write_netstring(out, answer->status, out_view(&answer->data));
	if (answer->decided)
		env->decided(env->arg, answer);
	*input = text_from(*input, used);
	return PROTOCOL_ANSWERED;
}

/* --- tcp_table --- */

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
write_line(struct text_out *out, const char *code, struct mf_text value)
{
	out_str(out, code);
	out_char(out, ' ');
	percent_encode(value, out);
	out_char(out, '\n');
}

/* False: the gate has to be waited for. */
static bool
tcp_get(enum protocol protocol, struct mf_text key,
    const struct protocol_env *env, struct text_out *out)
{
	struct map_answer *answer = env->scratch;
	struct map_request request = {.map = protocol == PROTOCOL_TCP_FORWARD
		? MF_TEXT("forward")
		: MF_TEXT("reverse"),
	    .key = key,
	    .message_id = env->next_message_id(env->arg),
	    .now_sec = env->now_sec};

	map_answer(env->rewriter, &request, answer);
	if (!pass_gate(env, &request, answer))
		return false;
	if (answer->status == MAP_OK)
		write_line(out, "200", out_view(&answer->data));
	else if (answer->decided)
		write_line(out, "500",
		    mf_text_of(policy_reason_text(answer->result.reason)));
	else
		write_line(out, "400", out_view(&answer->data));
	if (answer->decided)
		env->decided(env->arg, answer);
	return true;
}

static enum protocol_status
tcp_next(enum protocol protocol, struct mf_text *input,
    const struct protocol_env *env, struct text_out *out)
{
	char room[PROTOCOL_LINE_MAX];
	struct text_out key = text_out(room, sizeof(room));
	struct mf_text line;
	size_t len = text_find(*input, '\n');

	if (len >= PROTOCOL_LINE_MAX) {
		write_line(out, "400", MF_TEXT("line too long"));
		return PROTOCOL_CLOSE;
	}
	if (len == input->len)
		return PROTOCOL_MORE;
	line = text_head(*input, len);
	if (line.len != 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (!text_starts(line, MF_TEXT("get ")))
		write_line(out, "400", MF_TEXT("only get is understood"));
	else if (!percent_decode(text_from(line, 4), &key))
		write_line(out, "400", MF_TEXT("% without two hex digits"));
	else if (!tcp_get(protocol, out_view(&key), env, out))
		return PROTOCOL_WAIT;
	*input = text_from(*input, len + 1);
	return PROTOCOL_ANSWERED;
}

enum protocol_status
protocol_next(enum protocol protocol, struct mf_text *input,
    const struct protocol_env *env, struct text_out *out)
{
	if (input->len == 0)
		return PROTOCOL_MORE;
	if (protocol == PROTOCOL_SOCKETMAP)
		return socketmap_next(input, env, out);
	return tcp_next(protocol, input, env, out);
}
