/* SPDX-License-Identifier: ISC */
/*
 * What the files of the session share.
 */
#ifndef MAILFROM_SPFMILTER_SESSION__H
#define MAILFROM_SPFMILTER_SESSION__H

#include "milter/client.h"
#include "spfmilter/session.h"

/*
 * So many fields are removed from a message.  Postfix goes through the header
 * anew for each: 5000 take it a second, 20000 in a message of 900 KB half a
 * minute.  Who writes so many in our name has no other purpose.
 */
#define AR_MAX 500

/* Queue ids are short; one that isn't is cut. */
#define QUEUE_ID_MAX 64

struct client {
	struct client_address at;
	char *name;                /* verified, or NULL */
	char *helo;                /* or NULL */
	bool name_lost, helo_lost; /* there was no memory for it */
	bool internal, trusted_relay;
};

/* Between MAIL and the end of the message. */
struct message {
	char *sender, *user, *host; /* copies; user may be "" */
	struct shared_access *access;
	enum origin origin;
	bool bad_sender; /* its domain can't be told */
	bool checked, decided;
	struct spf_ip relayed_ip; /* the client behind trusted relays */
	char relayed[SPF_IP_SIZE];
	char *relayed_helo;
	bool relay_lost; /* a Received field that says nothing useful */
	unsigned relays; /* that were passed on the way there */
	unsigned recipients, refused, exempt;
	unsigned ar_seen; /* Authentication-Results so far */
	unsigned *ar_remove;
	size_t ar_count, ar_room;
	bool ar_flood; /* there are more than AR_MAX */
	char queue_id[QUEUE_ID_MAX + 1];
	const char *outcome;
	/* What follows is written when it's known, and not cleared before. */
	struct findings findings; /* if checked */
	struct decision decision; /* if decided */
};

struct session {
	struct service *service;
	struct config *config;
	struct client client;
	struct message *message; /* NULL: none under way */
	bool failed;             /* we did, at this message */
};

void message_free_(struct message *m);

/*
 * Answers when something of ours fails, and after it has; or to steps of a
 * message whose beginning wasn't seen: whatever the reason is, nobody checked
 * that one.
 */
struct reply fail_(struct session *s);
struct reply error_reply_(const struct session *s);

/* The refusal that was decided on; going on if it was none, or not now. */
struct reply refusal_(const struct session *s);

/* Whether what was decided is done, and not only told. */
bool enforces_(const struct session *s);

/*
 * Check whoever is the client, and decide; decide without a check.  False: out
 * of memory.
 */
bool check_and_decide_(struct session *s, const struct examined *who);
void decide_unchecked_(struct session *s);

#endif
