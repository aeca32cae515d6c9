/* SPDX-License-Identifier: ISC */
/*
 * What the files of the session share.
 */
#ifndef MAILFROM_SRSMILTER_SESSION__H
#define MAILFROM_SRSMILTER_SESSION__H

#include "milter/client.h"
#include "srsmilter/session.h"

/* Queue ids are short; one that isn't is cut. */
#define QUEUE_ID_MAX 64

/* Between MAIL and the end of the message. */
struct message {
	char *sender, *user, *sender_mailer; /* copies; may be "" */
	enum origin origin;
	bool is_bounce, bad_sender;
	unsigned destinations[DESTINATIONS]; /* of those let through */
	unsigned fates[RECIPIENT_FATES];
	char *forwarding_domain; /* NULL: nobody is forwarded */
	struct restoration *restored;
	size_t restored_count, restored_room;
	/* The first that was refused; NULL: none. */
	char *refused;
	enum recipient_fate refused_as;
	bool decided;
	enum spf_cause gate_cause; /* why the gate couldn't say */
	struct outgoing outgoing;
	char new_sender[SRS_ADDR_SIZE + 2]; /* in angle brackets */
	char queue_id[QUEUE_ID_MAX + 1];
	const char *outcome;
};

struct session {
	struct service *service;
	struct config *config;
	struct client_address client;
	char *client_name; /* verified, or NULL */
	bool internal, trusted_relay;
	struct message *message; /* NULL: none under way */
	bool failed;             /* we did, at this message */
};

void message_free_(struct message *m);

/* Answers when something of ours fails, and after it has. */
struct reply fail_(struct session *s);
struct reply error_reply_(const struct session *s);

#endif
