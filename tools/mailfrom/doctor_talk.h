/* SPDX-License-Identifier: ISC */
/*
 * Conversations with the daemons and the mail server, as a client of each.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_TALK_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_TALK_H

#include "common/sockaddr.h"
#include "tools/mailfrom/arena.h"

/* That a reply may take; smtpd waits for maps and filters in between. */
#define TALK_SEC      10
#define TALK_SMTP_SEC 60

/* Bytes of a reply; no server here sends longer ones. */
#define TALK_REPLY_MAX 65536

/* --- a socketmap (doctor_map.c) --- */

struct talk_map {
	int fd; /* -1: not connected */
	char room[TALK_REPLY_MAX];
};

/* False, and errno says why. */
bool talk_map_open(struct talk_map *map, const struct sockaddr_spec *to);
void talk_map_close(struct talk_map *map);

/*
 * Look key up.  *reply, valid until the next lookup, is "OK text", "NOTFOUND
 * text" and so on.  False: there was no reply, or it is no socketmap's.
 */
bool talk_map_ask(struct talk_map *map, const char *name, struct mf_text key,
    struct mf_text *reply);

/* --- a filter (doctor_milter.c) --- */

/* What a filter did with a message. */
struct talk_milter_result {
	bool mail_accepted, rcpt_accepted, message_accepted;
	struct mf_text reply; /* of what wasn't accepted */
	bool sender_changed;
	struct mf_text sender; /* the new one */
	bool rcpt_changed;
	struct mf_text recipient; /* that was added */
};

struct talk_milter {
	int fd;
	bool is_greeted;
	uint32_t version, actions, steps; /* that were negotiated */
	const char *client;               /* address of the client */
	const char *rcpt_mailer;          /* macro; NULL: not sent */
	struct arena *arena;
	char room[TALK_REPLY_MAX];
};

/*
 * Connect and negotiate.  False: *why says what went wrong, a constant or from
 * strerror(3).
 */
bool talk_milter_open(struct talk_milter *milter,
    const struct sockaddr_spec *to, const char **why);

/*
 * A message of sender to one recipient, without header and body, up to the
 * point where something isn't accepted.  False: the filter broke off.
 */
bool talk_milter_message(struct talk_milter *milter, const char *sender,
    const char *recipient, struct talk_milter_result *out);
void talk_milter_close(struct talk_milter *milter);

/* --- a mail server (doctor_smtp.c) --- */

struct talk_smtp {
	int fd;
	size_t len; /* of what was read, and is in room */
	char room[TALK_REPLY_MAX];
};

/* A reply; the text is that of its last line. */
struct talk_smtp_reply {
	unsigned code; /* 0: none came */
	struct mf_text text;
};

/* Connect, and read the greeting. */
bool talk_smtp_open(struct talk_smtp *smtp, const struct sockaddr_spec *to,
    struct talk_smtp_reply *greeting);

/* Connect to a server that doesn't greet: a tcp_table(5). */
bool talk_table_open(struct talk_smtp *table, const struct sockaddr_spec *to);

/* Send a line, and read the reply. */
struct talk_smtp_reply talk_smtp_say(
    struct talk_smtp *smtp, struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void talk_smtp_close(struct talk_smtp *smtp);

/* --- parsing, without I/O --- */

enum talk_parse { TALK_DONE, TALK_MORE, TALK_BAD };

/* A whole reply of SMTP at the start of buffer (RFC 5321 4.2.1). */
enum talk_parse talk_parse_smtp(
    struct mf_text buffer, struct talk_smtp_reply *out, size_t *used);

/* A packet of the milter protocol; data: what follows the command. */
enum talk_parse talk_parse_milter(
    struct mf_text buffer, char *command, struct mf_text *data, size_t *used);

#endif
