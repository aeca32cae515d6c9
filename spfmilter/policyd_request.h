/* SPDX-License-Identifier: ISC */
/*
 * A request of Postfix's policy delegation protocol (SMTPD_POLICY_README):
 * lines "name=value", and an empty line at the end.
 */
#ifndef MAILFROM_SPFMILTER_POLICYD_REQUEST_H
#define MAILFROM_SPFMILTER_POLICYD_REQUEST_H

#include "common/text.h"

/* Octets of a request: smtpd sends values of up to 2 KB, certificates longer. */
#define POLICYD_REQUEST_MAX 65536

/* What smtpd has reached, as far as it makes a difference. */
enum policyd_stage {
	POLICYD_OTHER,       /* VRFY, ETRN: no message */
	POLICYD_BEFORE_MAIL, /* CONNECT, EHLO, HELO: none yet */
	POLICYD_MAIL,
	POLICYD_RCPT,
	POLICYD_DATA,
	POLICYD_END_OF_MESSAGE
};

/*
 * Views of the input; empty where there is no such attribute.  Addresses are as
 * Postfix keeps them, without quotes.
 */
struct policyd_request {
	enum policyd_stage stage;
	struct mf_text instance; /* the same for all requests of a message */
	struct mf_text queue_id;
	struct mf_text client_address, client_name, helo;
	struct mf_text sender, recipient;
	struct mf_text user; /* sasl_username */
	struct mf_text protocol_state;
};

enum policyd_parsed {
	POLICYD_TAKEN, /* one was */
	POLICYD_MORE,  /* the input holds no whole request */
	POLICYD_BAD    /* no request: where the next begins is unknown */
};

/*
 * Take one request from the front of *input.  Unknown attributes are ignored;
 * of one that comes twice the last counts.  *why, a sentence: with POLICYD_BAD.
 */
enum policyd_parsed policyd_parse(
    struct mf_text *input, struct policyd_request *out, const char **why);

/* Enough for any address that is looked at, quoted. */
#define POLICYD_PATH_SIZE 1024

/*
 * Write an address as RFC 5321 does, its local part quoted where that is
 * needed, for path_sender() and path_recipient().  One that doesn't fit is cut,
 * in quotes that don't end: nobody takes it for an address.
 */
struct mf_text policyd_path(
    struct mf_text address, char store[static POLICYD_PATH_SIZE]);

#endif
