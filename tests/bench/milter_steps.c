/* SPDX-License-Identifier: ISC */
/* A packet is a length of four octets, which counts the command and its data. */
#include "tests/bench/milter_steps.h"

#include <libmilter/mfdef.h>

static const struct {
	uint64_t left_out, unanswered;
	int stage; /* of macros */
	char command;
} steps[] = {
    [NEGOTIATE] = {0, 0, -1, SMFIC_OPTNEG},
    [CONNECT] = {SMFIP_NOCONNECT, SMFIP_NR_CONN, SMFIM_CONNECT, SMFIC_CONNECT},
    [HELO] = {SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO, SMFIC_HELO},
    [MAIL] = {SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM, SMFIC_MAIL},
    [RCPT] = {SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT, SMFIC_RCPT},
    [DATA] = {SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA, SMFIC_DATA},
    [HEADER] = {SMFIP_NOHDRS, SMFIP_NR_HDR, -1, SMFIC_HEADER},
    [EOH] = {SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH, SMFIC_EOH},
    [BODY] = {SMFIP_NOBODY, SMFIP_NR_BODY, -1, SMFIC_BODY},
    [EOM] = {0, 0, SMFIM_EOM, SMFIC_BODYEOB},
};

enum macro {
	MACRO_J,
	MACRO_I,
	MACRO_CLIENT_ADDR,
	MACRO_CLIENT_NAME,
	MACRO_CLIENT_PORT,
	MACRO_DAEMON_NAME,
	MACRO_MAIL_ADDR,
	MACRO_MAIL_MAILER,
	MACRO_RCPT_ADDR,
	MACRO_RCPT_HOST,
	MACRO_RCPT_MAILER,
	MACROS
};

static const char *const macro_names[MACROS] = {"j", "i", "{client_addr}",
    "{client_name}", "{client_port}", "{daemon_name}", "{mail_addr}",
    "{mail_mailer}", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"};

/* Fields as messages have them, over and over. */
static const struct {
	const char *name, *value;
} fields[] = {
    {"Received",
	"from mx.sender.test (mx.sender.test [192.0.2.1])\n"
	"\tby here.test with ESMTPS id 4QUEUE"},
    {"DKIM-Signature", "v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.test;"},
    {"Authentication-Results", "other.test; spf=pass smtp.mailfrom=a@b.test"},
    {"From", "A Sender <sender@sender.test>"},
    {"To", "A Recipient <recipient@here.test>"},
    {"Subject", "a subject of the usual length, of some words"},
    {"Date", "Thu, 1 Jan 2026 00:00:00 +0000"},
    {"Content-Type", "text/plain; charset=utf-8"},
};

/* --- packets --- */

static void
put_number(struct text_out *o, uint64_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		out_char(o, (char)(n >> shift & 0xff));
}

static uint64_t
get_number(const char *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 4; i++)
		n = n << 8 | (unsigned char)p[i];
	return n;
}

static void
put_string(struct text_out *o, struct mf_text t)
{
	out_text(o, t);
	out_char(o, '\0');
}

/* Where the packet begins, for end_packet(). */
static size_t
begin_packet(struct text_out *o, char command)
{
	size_t begin = o->len;

	put_number(o, 0);
	out_char(o, command);
	return begin;
}

static void
end_packet(struct text_out *o, size_t begin)
{
	struct text_out length = text_out(o->p + begin, 4);

	if (!o->full)
		put_number(&length, o->len - begin - 4);
}

void
command_put(struct text_out *o, char command)
{
	end_packet(o, begin_packet(o, command));
}

bool
packet_cut(struct mf_text *in, char *command, struct mf_text *data)
{
	uint64_t len;

	if (in->len < 5)
		return false;
	len = get_number(in->p);
	if (len == 0 || len > in->len - 4)
		return false;
	*command = in->p[4];
	*data = mf_text_at(in->p + 5, (size_t)len - 1);
	*in = text_from(*in, (size_t)len + 4);
	return true;
}

/* --- macros --- */

/* The list of a stage, as far as there are values. */
static void
set_list(struct terms *terms, size_t stage, struct mf_text words)
{
	size_t count = 0;

	while (words.len > 0) {
		size_t blank = text_find(words, ' ');
		size_t comma = text_find(words, ',');
		struct mf_text word =
		    text_head(words, blank < comma ? blank : comma);

		words = text_from(words, word.len + 1);
		for (unsigned m = 0; m < MACROS && count < MACROS_MAX; m++)
			if (mf_text_eq(word, mf_text_of(macro_names[m])))
				terms->lists[stage].macros[count++] = m;
	}
	terms->lists[stage].count = count;
}

/* What sendmail and Postfix send by themselves. */
static void
default_lists(struct terms *terms, bool sendmail)
{
	set_list(terms, SMFIM_CONNECT, MF_TEXT("j {daemon_name}"));
	set_list(terms, SMFIM_ENVFROM, MF_TEXT("i {mail_addr} {mail_mailer}"));
	set_list(terms, SMFIM_ENVRCPT,
	    sendmail ? MF_TEXT("{rcpt_addr} {rcpt_host} {rcpt_mailer}")
		     : MF_TEXT("i {rcpt_addr} {rcpt_host} {rcpt_mailer}"));
	if (sendmail)
		return;
	set_list(terms, SMFIM_DATA, MF_TEXT("i"));
	set_list(terms, SMFIM_EOH, MF_TEXT("i"));
	set_list(terms, SMFIM_EOM, MF_TEXT("i"));
}

bool
terms_read(struct terms *terms, struct mf_text data, bool sendmail)
{
	struct mf_text rest = text_from(data, 12), words;

	if (data.len < 12)
		return false;
	if (terms->known)
		return get_number(data.p + 8) == terms->steps;
	default_lists(terms, sendmail);
	terms->steps = get_number(data.p + 8);
	while (rest.len > 0) {
		uint64_t stage = rest.len > 4 ? get_number(rest.p) : UINT64_MAX;

		rest = text_from(rest, 4);
		if (stage > SMFIM_LAST || !text_cut(&rest, '\0', &words))
			return false;
		set_list(terms, (size_t)stage, words);
	}
	terms->known = true;
	return true;
}

static void
put_value(struct text_out *o, enum macro macro, const struct place *place)
{
	switch (macro) {
	case MACRO_I:
		out_text(o, MF_TEXT("4QUEUE"));
		out_uint(o, place->message);
		break;
	case MACRO_CLIENT_ADDR:
		out_text(o, place->client->ip);
		break;
	case MACRO_CLIENT_NAME:
		out_text(o, place->client->helo);
		break;
	case MACRO_CLIENT_PORT:
		out_text(o, MF_TEXT("12345"));
		break;
	case MACRO_DAEMON_NAME:
		out_text(o, MF_TEXT("MTA"));
		break;
	case MACRO_MAIL_ADDR:
		out_text(o, place->mail->sender);
		break;
	case MACRO_RCPT_ADDR:
		out_text(o, MF_TEXT("recipient@here.test"));
		break;
	case MACRO_J:
	case MACRO_RCPT_HOST:
		out_text(o, MF_TEXT("here.test"));
		break;
	case MACRO_MAIL_MAILER:
	case MACRO_RCPT_MAILER:
	case MACROS:
		out_text(o, MF_TEXT("esmtp"));
		break;
	}
}

/* Values that the MTA hasn't yet aren't sent. */
static bool
has_value(enum macro macro, const struct place *place)
{
	return place->mail != NULL ||
	    (macro != MACRO_I && macro < MACRO_MAIL_ADDR);
}

static void
put_macros(struct text_out *o, const struct terms *terms, enum step step,
    const struct place *place)
{
	int stage = steps[step].stage;

	if (stage < 0 || terms->lists[stage].count == 0)
		return;
	size_t begin = begin_packet(o, SMFIC_MACRO);
	out_char(o, steps[step].command);
	for (size_t i = 0; i < terms->lists[stage].count; i++) {
		enum macro macro = terms->lists[stage].macros[i];

		if (!has_value(macro, place))
			continue;
		put_string(o, mf_text_of(macro_names[macro]));
		put_value(o, macro, place);
		out_char(o, '\0');
	}
	end_packet(o, begin);
}

/* --- steps --- */

static void
put_connect(struct text_out *o, const struct line *client)
{
	bool ip6 = text_find(client->ip, ':') < client->ip.len;

	put_string(o, client->helo);
	out_char(o, ip6 ? SMFIA_INET6 : SMFIA_INET);
	out_text(o, MF_TEXT("09")); /* port 12345 */
	put_string(o, client->ip);
}

static void
put_body(struct text_out *o, uint64_t octets)
{
	for (uint64_t i = 0; i < octets; i++)
		out_char(o, i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x');
}

static void
put_data(
    struct text_out *o, const struct shape *shape, const struct place *place)
{
	size_t field = place->nth % (sizeof(fields) / sizeof(fields[0]));

	switch (place->step) {
	case NEGOTIATE:
		put_number(o, SMFI_PROT_VERSION);
		put_number(o, SMFI_CURR_ACTS);
		put_number(o, SMFI_CURR_PROT);
		break;
	case CONNECT:
		put_connect(o, place->client);
		break;
	case HELO:
		put_string(o, place->client->helo);
		break;
	case MAIL:
		out_char(o, '<');
		out_text(o, place->mail->sender);
		put_string(o, MF_TEXT(">"));
		break;
	case RCPT:
		out_text(o, MF_TEXT("<recipient"));
		out_uint(o, place->nth);
		put_string(o, MF_TEXT("@here.test>"));
		break;
	case HEADER:
		put_string(o, mf_text_of(fields[field].name));
		put_string(o, mf_text_of(fields[field].value));
		break;
	case BODY:
		put_body(o, shape->body);
		break;
	case DATA:
	case EOH:
	case EOM:
		break;
	}
}

bool
step_put(struct text_out *o, const struct terms *terms,
    const struct shape *shape, const struct place *place)
{
	enum step step = place->step;
	bool wanted = (steps[step].left_out & terms->steps) == 0;

	if ((step == HEADER && shape->headers == 0) ||
	    (step == BODY && shape->body == 0))
		return false;
	if (wanted || step <= DATA) /* macros of these are sent regardless */
		put_macros(o, terms, step, place);
	if (!wanted)
		return false;
	size_t begin = begin_packet(o, steps[step].command);
	put_data(o, shape, place);
	end_packet(o, begin);
	return (steps[step].unanswered & terms->steps) == 0;
}

void
step_next(const struct shape *shape, struct place *place)
{
	uint64_t times = place->step == RCPT ? shape->recipients
	    : place->step == HEADER          ? shape->headers
					     : 1;

	if (++place->nth < times)
		return;
	place->nth = 0;
	place->step++;
}
