/* SPDX-License-Identifier: ISC */
/*
 * Sessions of spfmilter without libmilter and without DNS: a script of steps
 * in, what each is answered out.
 *
 *	c IP|/|- [NAME]		a client connects; "/": over a unix socket, "-":
 *				without an address
 *	h NAME			HELO
 *	m ARG [MACRO [USER [F]]]	MAIL, with {mail_addr}, {auth_authen} and f
 *	r ARG			RCPT
 *	H NAME VALUE		a header field
 *	N			the end of the header
 *	.			the end of the message
 *	a			the message is aborted
 *
 * In ARG, MACRO and USER "-" is what isn't there, and "_" a blank.
 */
#ifndef MAILFROM_TESTS_UNIT_SESSIONS_H
#define MAILFROM_TESTS_UNIT_SESSIONS_H

#include "tests/unit/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "spfmilter/milter.h"
#include "spfmilter/session.h"

/* Nobody answers at that port: what isn't in the records is a temperror. */
#define SESSIONS_CONFIG                                       \
	"[spfmilter]\naccess = DIR/access\n%s\n"              \
	"[spf]\nnameservers = 127.0.0.1:1\ntimeout = 1\n"     \
	"record_file = DIR/records\ntrusted_forwarder = %s\n" \
	"[log]\nlevel = error\n[srs]\nfwdomain = srs.example\n"

#define SESSIONS_RECORDS                                          \
	"pass.example v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 " \
	"-all\n"                                                  \
	"fail.example v=spf1 -all\n"                              \
	"soft.example v=spf1 ~all\n"                              \
	"neutral.example v=spf1 ?all\n"                           \
	"perm.example v=spf1 include:perm.example -all\n"         \
	"srs.example v=spf1 -all\n"                               \
	"fwd.example v=spf1 ip4:192.0.2.77 -all\n"                \
	"s._domainkey.fail.example v=spf1 -all\n"

/* A service that checks; lines: of [spfmilter]. */
static inline struct milter_service *
service_of(const char *lines, const char *forwarder, const char *access)
{
	static char path[128];
	char text[2048], mended[2048];
	struct heard heard;
	struct report report = report_to(&heard);
	struct milter_config *config;
	struct milter_service *service;

	scratch_write("access", mf_text_of(access), 0600);
	scratch_write("records", mf_text_of(SESSIONS_RECORDS), 0600);
	snprintf(text, sizeof(text), SESSIONS_CONFIG, lines, forwarder);
	replace(text, "DIR", scratch_dir, mended, sizeof(mended));
	snprintf(path, sizeof(path), "%s",
	    scratch_write("mailfrom.conf", mf_text_of(mended), 0600));
	config = spfmilter_config_load(path, SOURCE_OURS, &report);
	service = config != NULL ? spfmilter_new(config, &report) : NULL;
	if (service == NULL || !spfmilter_start(service, &report))
		fail_msg("%s: %s", lines, heard.text);
	return service;
}

/* --- steps --- */

/* The next word of a step, with "_" as a blank; NULL: "-", or none is there. */
static inline char *
session_word(char **rest)
{
	char *word = *rest, *end = strchr(word, ' ');

	*rest = end != NULL ? end + 1 : word + strlen(word);
	if (end != NULL)
		*end = '\0';
	if (word[0] == '\0' || strcmp(word, "-") == 0)
		return NULL;
	for (char *p = word; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	return word;
}

static inline void
session_do_connect(struct session *s, char *rest)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	static const struct sockaddr un = {.sa_family = AF_UNIX};
	const struct sockaddr *address = NULL;
	char *ip = session_word(&rest), *name = session_word(&rest);

	if (ip != NULL && inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		address = (const struct sockaddr *)&in;
	else if (ip != NULL && inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
		address = (const struct sockaddr *)&in6;
	else if (ip != NULL)
		address = &un;
	session_connect(s, mf_text_of(name), address);
}

static inline void
out_reply(struct text_out *out, const struct reply *reply)
{
	static const char *const steps[] = {
	    [STEP_CONTINUE] = "ok",
	    [STEP_REJECT] = "rejected",
	    [STEP_TEMPFAIL] = "tempfailed",
	    [STEP_DISCARD] = "discarded",
	    [STEP_SKIP] = "skipped",
	};

	out_char(out, ' ');
	if (reply->code == 0) {
		out_str(out, steps[reply->step]);
		return;
	}
	out_uint(out, reply->code);
	out_char(out, '/');
	out_str(out, reply->dsn);
}

/* Fields by name and first word, as "+Received-SPF:pass". */
static inline void
out_edits(struct text_out *out, const struct edits *edits)
{
	for (size_t i = 0; i < edits->remove_count; i++) {
		out_str(out, " -");
		out_uint(out, edits->remove_ar[i]);
	}
	for (size_t i = 0; i < edits->fields.count; i++) {
		struct mf_text value = mf_text_of(edits->fields.list[i].value);

		out_str(out, " +");
		out_str(out, edits->fields.list[i].name);
		out_char(out, ':');
		out_text(out, text_head(value, strcspn(value.p, " ;")));
	}
	if (edits->quarantine != NULL)
		out_str(out, " quarantine");
}

static inline void
session_do_end(struct session *s, struct text_out *out)
{
	struct edits edits;
	struct reply reply =
	    spfmilter_eom((struct spfmilter_session *)s, &edits);

	out_reply(out, &reply);
	if (reply.step == STEP_CONTINUE)
		out_edits(out, &edits);
	edits_free(&edits);
	session_end_message(s);
}

static inline struct reply
session_do_mail(struct session *s, char *rest)
{
	char *arg = session_word(&rest), *macro = session_word(&rest);
	char *user = session_word(&rest), *f = session_word(&rest);

	return session_mail(s,
	    &(struct mail_args){.path = mf_text_of(arg),
		.macros = {.f = mf_text_of(f), .mail_addr = mf_text_of(macro)},
		.user = mf_text_of(user),
		.host = MF_TEXT("mx.example.net")});
}

/* Do one step, and write what it is answered. */
static inline void
session_do(struct session *s, char *step, struct text_out *out)
{
	struct reply reply = reply_go_on();
	char *rest = step + 1 + (step[1] == ' '), *name;

	switch (step[0]) {
	case 'c':
		session_do_connect(s, rest);
		return;
	case 'h':
		session_helo(s, mf_text_of(session_word(&rest)));
		return;
	case 'm':
		reply = session_do_mail(s, rest);
		break;
	case 'r':
		reply = spfmilter_rcpt(s,
		    &(struct rcpt_args){
			.path = mf_text_of(session_word(&rest))});
		break;
	case 'H':
		name = session_word(&rest);
		reply = spfmilter_header(s, mf_text_of(name), mf_text_of(rest));
		if (reply.step == STEP_CONTINUE)
			return;
		break;
	case 'N':
		reply = spfmilter_eoh(s);
		break;
	case 'B':
		reply = spfmilter_body(s, mf_text_of(rest));
		break;
	case '.':
		session_do_end(s, out);
		return;
	case 'a':
		session_end_message(s);
		return;
	default:
		fail_msg("no such step: %s", step);
	}
	out_reply(out, &reply);
}

/* A whole session; lines of script are divided by "\n". */
static inline void
session_run(struct session *s, const char *script, struct text_out *out)
{
	struct mf_text rest = mf_text_of(script), line;
	char step[512];

	while (rest.len != 0) {
		if (!text_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		assert_true(line.len < sizeof(step));
		memcpy(step, line.p, line.len);
		step[line.len] = '\0';
		session_do(s, step, out);
	}
}

#endif
