/* SPDX-License-Identifier: ISC */
/*
 * Reading for the proof: questions to srsd, srsmilter and the mail server.
 */
#include <stdio.h>

#include "tools/mailfrom/doctor.h"

/* A signature that nobody has made: that of the fresh address, reversed. */
static const char *
forged_address(struct doctor_facts *f)
{
	struct mf_text t = arena_copy(f->arena, mf_text_of(f->srs_address));
	char *p = (char *)(uintptr_t)t.p;
	size_t from = text_find(t, '=') + 1, to = from;

	while (to < t.len && p[to] != '=')
		to++;
	for (size_t i = from; i < to; i++)
		p[i] = p[i] == 'x' ? 'y' : 'x';
	return p;
}

/* A sender of ours: in an own domain that isn't signed. */
static const char *
own_address(struct doctor_facts *f)
{
	const struct conf_list *own = &f->own.srs.own_domains;

	for (size_t i = 0; i < own->count; i++)
		if (own->items[i].p[0] != '.' && own->items[i].p[0] != '[' &&
		    !rewriter_signs(f->own.rewriter, own->items[i]))
			return arena_printf(f->arena, "mailfrom-doctor@%.*s",
			    TEXT_ARGS(own->items[i]))
			    .p;
	return arena_printf(f->arena, "mailfrom-doctor@%s", f->own.srs_domain)
	    .p;
}

/* --- srsd --- */

struct map_trial {
	struct doctor_facts *f;
	struct talk_map map;
	bool for_sendmail;
};

static struct mf_text
ask(struct map_trial *t, bool is_forward, const char *key)
{
	const char *name = t->for_sendmail
	    ? (is_forward ? "make_srs" : "reverse_srs")
	    : (is_forward ? "srs_forward" : "srs_reverse");
	struct mf_text reply, request = mf_text_of(key);

	if (t->for_sendmail && key[0] == '<') {
		request = arena_printf(t->f->arena, "dest.example\x9b%s", key);
	} else if (t->for_sendmail) {
		const char *at = strrchr(key, '@');

		request = arena_printf(t->f->arena, "%s%.*s<@%s.>",
		    is_forward ? "dest.example\x9b" : "", (int)(at - key), key,
		    at + 1);
	}
	if (!talk_map_ask(&t->map, name, request, &reply))
		return MF_TEXT("");
	return text_trim(arena_copy(t->f->arena, reply));
}

/* What a reply says of the address, for either mail server. */
static struct proof_step
outcome(struct map_trial *t, struct mf_text reply, const char *given,
    const char *wanted)
{
	struct proof_step step = {PROOF_WRONG, reply};
	struct mf_text value = text_from(reply, strlen("OK "));
	char plain[512];
	struct text_out out = text_out(plain, sizeof(plain));

	if (reply.len == 0)
		return (struct proof_step){PROOF_BROKEN, MF_TEXT("no reply")};
	/* user<@domain.> as user@domain */
	for (size_t i = 0; i < value.len; i++)
		if (memchr("<>", value.p[i], 2) == NULL &&
		    (value.p[i] != '.' || i + 1 == value.len ||
			value.p[i + 1] != '>'))
			out_char(&out, value.p[i]);
	if (!text_starts(reply, MF_TEXT("OK")))
		out = text_out(plain, 0);
	if (wanted == NULL
		? text_starts(reply, MF_TEXT("NOTFOUND")) ||
		    text_eq_fold(out_view(&out), mf_text_of(given))
		: text_starts_fold(out_view(&out), mf_text_of(wanted)))
		step.outcome = PROOF_RIGHT;
	(void)t;
	return step;
}

static void
try_srsd(struct map_trial *t, struct proof_facts *p)
{
	struct doctor_facts *f = t->f;
	const char *own = own_address(f), *forged = forged_address(f);

	if (!t->for_sendmail)
		p->null_sender = outcome(t, ask(t, true, "\"\""), "", NULL);
	else
		p->null_sender = outcome(t, ask(t, true, "<@>"), "@", NULL);
	p->own_sender = outcome(t, ask(t, true, own), own, NULL);
	p->foreign =
	    outcome(t, ask(t, true, PROOF_SENDER), PROOF_SENDER, "SRS0");
	p->fresh = outcome(
	    t, ask(t, false, f->srs_address), f->srs_address, PROOF_SENDER);
	p->forged = outcome(t, ask(t, false, forged), forged, NULL);
}

void
proof_read_srsd(struct doctor_facts *f)
{
	static struct map_trial t;

	t.f = f;
	t.for_sendmail = !f->has_postfix;
	for (size_t i = 0; i < f->socket_count; i++)
		if (f->sockets[i].socket->daemon == OWN_SRSD &&
		    !f->sockets[i].socket->is_tcp_table &&
		    f->sockets[i].answers && f->srs_address[0] != '\0' &&
		    talk_map_open(&t.map, &f->sockets[i].socket->spec)) {
			try_srsd(&t, &f->srsd_proof);
			talk_map_close(&t.map);
			return;
		}
}

/* --- srsmilter --- */

static struct proof_step
try_message(struct talk_milter *m, const char *sender, const char *recipient,
    struct talk_milter_result *r)
{
	struct proof_step step = {PROOF_WRONG, MF_TEXT("")};

	if (!talk_milter_message(m, sender, recipient, r))
		return (struct proof_step){
		    PROOF_BROKEN, MF_TEXT("the filter closed the connection")};
	step.said = r->reply.len != 0 ? r->reply
	    : r->sender_changed       ? r->sender
	    : r->rcpt_changed         ? r->recipient
				      : MF_TEXT("unchanged");
	return step;
}

static void
settle(struct proof_step *step, bool is_right)
{
	if (step->outcome == PROOF_WRONG && is_right)
		step->outcome = PROOF_RIGHT;
}

static void
try_srsmilter(
    struct doctor_facts *f, struct talk_milter *m, struct proof_facts *p)
{
	struct talk_milter_result r;
	const char *rrs = rrs_made_up(f);
	bool stays = f->own.srsmilter.rewrite == REWRITE_NONE;

	p->null_sender = try_message(m, "", PROOF_RECIPIENT, &r);
	settle(&p->null_sender, r.message_accepted && !r.sender_changed);
	p->own_sender = try_message(m, own_address(f), PROOF_RECIPIENT, &r);
	settle(&p->own_sender, r.message_accepted && !r.sender_changed);
	p->fresh = try_message(m, "", f->srs_address, &r);
	settle(&p->fresh,
	    r.rcpt_changed && text_eq_fold(r.recipient, MF_TEXT(PROOF_SENDER)));
	p->foreign = try_message(m, PROOF_SENDER, PROOF_RECIPIENT, &r);
	settle(&p->foreign,
	    stays ? r.message_accepted && !r.sender_changed
		  : r.sender_changed &&
		    text_starts_fold(r.sender, MF_TEXT("SRS0")));
	if (rrs != NULL) {
		p->rrs = try_message(m, "", rrs, &r);
		settle(&p->rrs,
		    !r.rcpt_accepted && text_starts(r.reply, MF_TEXT("5")));
	}
	p->forged = try_message(m, "", forged_address(f), &r);
	settle(
	    &p->forged, !r.rcpt_accepted && text_starts(r.reply, MF_TEXT("5")));
}

void
proof_read_srsmilter(struct doctor_facts *f)
{
	static struct talk_milter m;
	const char *why;

	m.arena = f->arena;
	/* The second pass is a client on loopback; sendmail's are elsewhere. */
	m.client = f->has_postfix ? "127.0.0.1" : "192.0.2.1";
	m.rcpt_mailer = f->has_postfix ? NULL : "esmtp";
	for (size_t i = 0; i < f->socket_count; i++)
		if (f->sockets[i].socket->daemon == OWN_SRSMILTER &&
		    f->sockets[i].answers && f->srs_address[0] != '\0' &&
		    talk_milter_open(&m, &f->sockets[i].socket->spec, &why)) {
			try_srsmilter(f, &m, &f->srsmilter_proof);
			talk_milter_close(&m);
			return;
		}
}

/* --- the mail server --- */

/* inet_interfaces of the smtpd at port 25: loopback if it listens there. */
static const char *
own_server(struct doctor_facts *f)
{
	struct mf_text first, item,
	    rest = site_value(&f->site, "inet_interfaces");

	if (!f->has_postfix || !site_next_item(&rest, &first))
		return "127.0.0.1:25";
	if (text_eq_fold(first, MF_TEXT("all")) ||
	    text_eq_fold(first, MF_TEXT("loopback-only")))
		return "127.0.0.1:25";
	item = first;
	do
		if (pass_is_local(item))
			return "127.0.0.1:25";
	while (site_next_item(&rest, &item));
	return arena_printf(f->arena, "%.*s:25", TEXT_ARGS(first)).p;
}

static void
try_smtp(struct doctor_facts *f, struct talk_smtp *s, struct proof_smtp *p)
{
	struct talk_smtp_reply reply =
	    talk_smtp_say(s, f->arena, "EHLO localhost");

	if (reply.code / 100 != 2)
		return;
	reply = talk_smtp_say(s, f->arena, "MAIL FROM:<>");
	if (reply.code / 100 != 2) {
		p->fresh = p->forged = reply;
	} else {
		p->fresh =
		    talk_smtp_say(s, f->arena, "RCPT TO:<%s>", f->srs_address);
		p->forged = talk_smtp_say(
		    s, f->arena, "RCPT TO:<%s>", forged_address(f));
	}
	talk_smtp_say(s, f->arena, "RSET");
	talk_smtp_say(s, f->arena, "QUIT");
}

void
proof_read_smtp(struct doctor_facts *f, const char *where)
{
	static struct talk_smtp smtp;
	struct proof_smtp *p = &f->smtp;
	struct talk_smtp_reply greeting;
	struct sockaddr_spec spec;
	const char *why;
	bool is_ipv6;

	if (f->srs_address[0] == '\0')
		return;
	p->where = where != NULL ? where : own_server(f);
	is_ipv6 = p->where[0] == '[';
	if (!sockaddr_parse(arena_printf(f->arena, "%s:%s",
				is_ipv6 ? "inet6" : "inet", p->where),
		&spec, &why)) {
		p->greeting = mf_text_of(why);
		return;
	}
	p->is_connected =
	    talk_smtp_open(&smtp, &spec, &greeting) && greeting.code == 220;
	p->greeting = greeting.code != 0
	    ? arena_copy(f->arena, greeting.text)
	    : MF_TEXT("no connection, or no greeting");
	if (p->is_connected)
		try_smtp(f, &smtp, p);
	talk_smtp_close(&smtp);
}
