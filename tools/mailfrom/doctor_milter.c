/* SPDX-License-Identifier: ISC */
/*
 * A client of filters: the part of an MTA in the milter protocol, version 6
 * (libmilter/mfdef.h), as far as a message without header and body needs it.
 */
#include <errno.h>
#include <unistd.h>

#include "common/dial.h"
#include "tools/mailfrom/doctor_talk.h"

#define VERSION 6

/* All that an MTA of today offers: SMFI_CURR_ACTS and SMFI_CURR_PROT. */
#define ACTIONS 0x1ffu
#define STEPS   0x1fffffu

/* Steps that a filter leaves out (SMFIP_NO...) or doesn't reply to. */
enum {
	NO_CONNECT = 0x1,
	NO_HELO = 0x2,
	NO_MAIL = 0x4,
	NO_RCPT = 0x8,
	NO_BODY = 0x10,
	NO_HEADERS = 0x20,
	NO_EOH = 0x40,
	NO_DATA = 0x200,
	NR_CONNECT = 0x1000,
	NR_HELO = 0x2000,
	NR_MAIL = 0x4000,
	NR_RCPT = 0x8000,
	NR_DATA = 0x10000,
	NR_EOH = 0x40000,
};

/* --- packets --- */

static uint32_t
read_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 |
	    (uint32_t)u[2] << 8 | u[3];
}

static void
out_u32(struct text_out *out, uint32_t n)
{
	for (unsigned shift = 32; shift != 0; shift -= 8)
		out_char(out, (char)(n >> (shift - 8)));
}

enum talk_parse
talk_parse_milter(
    struct mf_text buffer, char *command, struct mf_text *data, size_t *used)
{
	if (buffer.len < 5)
		return TALK_MORE;
	uint32_t len = read_u32(buffer.p);
	if (len == 0 || len > TALK_REPLY_MAX - 4)
		return TALK_BAD;
	if (buffer.len < (size_t)len + 4)
		return TALK_MORE;
	*command = buffer.p[4];
	*data = mf_text_at(buffer.p + 5, len - 1);
	*used = (size_t)len + 4;
	return TALK_DONE;
}

static bool
send_packet(struct talk_milter *m, char command, struct mf_text data)
{
	char head[5];
	struct text_out out = text_out(head, sizeof(head));

	out_u32(&out, (uint32_t)data.len + 1);
	out_char(&out, command);
	return dial_send(m->fd, out_view(&out)) && dial_send(m->fd, data);
}

static bool
read_exactly(struct talk_milter *m, size_t at, size_t len)
{
	while (len != 0) {
		ssize_t n = read(m->fd, m->room + at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* One packet; data is valid until the next. */
static bool
read_packet(struct talk_milter *m, char *command, struct mf_text *data)
{
	size_t used;

	if (!read_exactly(m, 0, 5))
		return false;
	uint32_t len = read_u32(m->room);
	return len != 0 && len <= TALK_REPLY_MAX - 4 &&
	    read_exactly(m, 5, len - 1) &&
	    talk_parse_milter(mf_text_at(m->room, (size_t)len + 4), command,
		data, &used) == TALK_DONE;
}

/* --- negotiation --- */

bool
talk_milter_open(
    struct talk_milter *m, const struct sockaddr_spec *to, const char **why)
{
	char room[12], command;
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text data;

	m->is_greeted = false;
	m->fd = dial(to, TALK_SEC);
	if (m->fd < 0) {
		*why = strerror(errno);
		return false;
	}
	out_u32(&out, VERSION);
	out_u32(&out, ACTIONS);
	out_u32(&out, STEPS);
	*why = "no reply to the negotiation";
	if (!send_packet(m, 'O', out_view(&out)) ||
	    !read_packet(m, &command, &data))
		return false;
	*why = "the reply isn't a filter's";
	if (command != 'O' || data.len < 12)
		return false;
	m->version = read_u32(data.p);
	m->actions = read_u32(data.p + 4);
	m->steps = read_u32(data.p + 8);
	return true;
}

void
talk_milter_close(struct talk_milter *m)
{
	if (m->fd >= 0) {
		send_packet(m, 'Q', MF_TEXT(""));
		close(m->fd);
	}
	m->fd = -1;
}

/* --- steps --- */

static void
out_string(struct text_out *out, const char *s)
{
	out_str(out, s);
	out_char(out, '\0');
}

static bool
send_macros(struct talk_milter *m, char step, const char *const *pairs)
{
	char room[1024];
	struct text_out out = text_out(room, sizeof(room));

	out_char(&out, step);
	for (; *pairs != NULL; pairs++)
		out_string(&out, *pairs);
	return out.full || send_packet(m, 'D', out_view(&out));
}

/* False: no reply, or one that ends the step. */
static bool
step(struct talk_milter *m, char command, struct mf_text data,
    unsigned left_out, unsigned unanswered, bool *accepted,
    struct mf_text *reply)
{
	char got;
	struct mf_text said;

	*accepted = true;
	if ((m->steps & left_out) != 0)
		return true;
	if (!send_packet(m, command, data))
		return false;
	if ((m->steps & unanswered) != 0)
		return true;
	do
		if (!read_packet(m, &got, &said))
			return false;
	while (got == 'p');
	*accepted = got == 'c' || got == 'a' || got == 's';
	if (got == 'y' && said.len != 0)
		*reply = arena_copy(
		    m->arena, text_head(said, text_find(said, '\0')));
	else if (got == 't')
		*reply = MF_TEXT("451 (tempfail)");
	else if (got == 'r' || got == 'd')
		*reply = MF_TEXT("550 (reject)");
	return true;
}

static bool
connect_and_greet(struct talk_milter *m)
{
	char room[256];
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text reply;
	bool accepted;

	out_string(&out, "client.example");
	out_str(&out, "4");
	out_char(&out, '\x9c');
	out_char(&out, '\x40');
	out_string(&out, m->client);
	return step(m, 'C', out_view(&out), NO_CONNECT, NR_CONNECT, &accepted,
		   &reply) &&
	    step(m, 'H', mf_text_at("client.example", 15), NO_HELO, NR_HELO,
		&accepted, &reply);
}

static bool
send_envelope(struct talk_milter *m, const char *sender, const char *recipient,
    struct talk_milter_result *out)
{
	char room[1024];
	struct text_out path = text_out(room, sizeof(room));
	const char *const mail[] = {"{mail_addr}", sender, NULL};
	const char *const rcpt[] = {"{rcpt_addr}", recipient,
	    m->rcpt_mailer != NULL ? "{rcpt_mailer}" : NULL, m->rcpt_mailer,
	    NULL};

	out_char(&path, '<');
	out_str(&path, sender);
	out_string(&path, ">");
	if (path.full || !send_macros(m, 'M', mail) ||
	    !step(m, 'M', out_view(&path), NO_MAIL, NR_MAIL,
		&out->mail_accepted, &out->reply))
		return false;
	if (!out->mail_accepted)
		return true;
	path = text_out(room, sizeof(room));
	out_char(&path, '<');
	out_str(&path, recipient);
	out_string(&path, ">");
	return !path.full && send_macros(m, 'R', rcpt) &&
	    step(m, 'R', out_view(&path), NO_RCPT, NR_RCPT, &out->rcpt_accepted,
		&out->reply);
}

static struct mf_text
first_string(struct talk_milter *m, struct mf_text data)
{
	return arena_copy(m->arena,
	    text_without_brackets(text_head(data, text_find(data, '\0'))));
}

/* What the filter changes, and its last word. */
static bool
end_of_message(struct talk_milter *m, struct talk_milter_result *out)
{
	struct mf_text data;
	char command;

	if (!send_packet(m, 'E', MF_TEXT("")))
		return false;
	for (;;) {
		if (!read_packet(m, &command, &data))
			return false;
		switch (command) {
		case 'e': /* CHGFROM */
			out->sender_changed = true;
			out->sender = first_string(m, data);
			break;
		case '+': /* ADDRCPT */
		case '2':
			out->rcpt_changed = true;
			out->recipient = first_string(m, data);
			break;
		case '-': /* DELRCPT, progress, and headers */
		case 'p':
		case 'h':
		case 'i':
		case 'm':
			break;
		case 'a':
		case 'c':
			out->message_accepted = true;
			return true;
		default:
			out->reply = arena_copy(
			    m->arena, text_head(data, text_find(data, '\0')));
			return true;
		}
	}
}

bool
talk_milter_message(struct talk_milter *m, const char *sender,
    const char *recipient, struct talk_milter_result *out)
{
	struct mf_text reply;
	bool accepted;

	*out = (struct talk_milter_result){.reply = MF_TEXT("")};
	if (!m->is_greeted && !connect_and_greet(m))
		return false;
	m->is_greeted = true;
	if (!send_envelope(m, sender, recipient, out))
		return false;
	if (!out->mail_accepted || !out->rcpt_accepted)
		return send_packet(m, 'A', MF_TEXT(""));
	return step(m, 'T', MF_TEXT(""), NO_DATA, NR_DATA, &accepted, &reply) &&
	    step(m, 'N', MF_TEXT(""), NO_EOH, NR_EOH, &accepted, &reply) &&
	    end_of_message(m, out);
}
