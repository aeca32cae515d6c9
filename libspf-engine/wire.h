/* SPDX-License-Identifier: ISC */
/*
 * What a daemon and its helper say to each other, a message in a datagram.
 *
 *	helper		daemon
 *	HELLO	->
 *		<-	REQUEST
 *	LOOKUP	->		any number of times
 *		<-	ANSWER
 *	VERDICT	->
 *		<-	REQUEST and so on
 *
 * A message is an octet that says its kind, then its fields in order: numbers
 * big-endian, texts with their length in two octets in front.  Whoever gets a
 * message that is too short, too long or out of range ends the conversation.
 * Nothing here has side effects.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_WIRE_H
#define MAILFROM_LIBSPF_ENGINE_WIRE_H

#include "common/text.h"
#include <mailfrom/spf_engine.h>

/* Octets of the longest message: the AAAA records of a DNS message, or an
 * only TXT record of twice what is looked at. */
#define WIRE_SIZE 40960

/* Octets of a text of a request; longer ones aren't sent. */
#define WIRE_TEXT_MAX 4096

/* Names of an answer; libspf2 sees with one more than 10 that they are too
 * many. */
#define WIRE_NAMES_MAX 11

/* Each writes a message to room.  False: it has no room for it. */
bool wire_put_hello_(struct text_out *out);
bool wire_put_request_(struct text_out *out, const struct spf_request *request);
bool wire_put_lookup_(
    struct text_out *out, enum spf_rr rr, struct mf_text name);

/* answer may be NULL: unknown. */
bool wire_put_answer_(struct text_out *out, const struct spf_answer *answer);

/* verdict isn't looked at unless status is SPF_OK and opinion is given. */
bool wire_put_verdict_(struct text_out *out, enum spf_status status,
    enum spf_opinion opinion, const struct spf_verdict *verdict);

/*
 * Each reads a message that must be of that kind, whole and in range, else it
 * is false.  Texts are views into it.
 */
bool wire_get_hello_(struct mf_text message);

/*
 * *guess is the text of the best-guess record, whose compiled form is the
 * caller's to make; empty: none.
 */
bool wire_get_request_(
    struct mf_text message, struct spf_request *out, struct mf_text *guess);

/* The name is as struct spf_source wants it. */
bool wire_get_lookup_(
    struct mf_text message, enum spf_rr *rr, struct mf_text *name);

/*
 * *out is the caller's, for spf_answer_free(); NULL: unknown.  False for no
 * memory, too; and unless the answer is for rr.
 */
bool wire_get_answer_(
    struct mf_text message, enum spf_rr rr, const struct spf_answer **out);

/* *out is complete if the status is SPF_OK and the opinion is given. */
bool wire_get_verdict_(struct mf_text message, enum spf_status *status,
    enum spf_opinion *opinion, struct spf_verdict *out);

/* Whether a message is a lookup; if not, it must be a verdict. */
bool wire_is_lookup_(struct mf_text message);

#endif
