/* SPDX-License-Identifier: ISC */
/*
 * Values of the access file: what is to be done with a message.
 *
 *	OK RELAY WHITELIST SKIP DUNNO
 *	REJECT TEMPFAIL DEFER DISCARD QUARANTINE HOLD	a text may follow
 *	QUARANTINE:text
 *	ERROR:D.S.N:### text  ERROR:D.S.N:text  ERROR:### text
 *	### D.S.N text  ### text			as Postfix writes it
 *	UNLESS-DKIM, before what doesn't accept, or alone
 *
 * The words are sendmail's, and Postfix's where it has others for the same.
 * Case doesn't matter; quotes around the whole text are left out.  The text of
 * REJECT and TEMPFAIL may begin with D.S.N, as in Postfix.  A reply code that
 * isn't written follows from the class of D.S.N, else it is 550.  What stands
 * behind OK, WHITELIST and SKIP has no meaning.  UNLESS-DKIM alone is that of
 * the result's default.
 */
#ifndef MAILFROM_ACCESS_ACTION_H
#define MAILFROM_ACCESS_ACTION_H

#include "common/text.h"

enum action_verb {
	ACTION_OK,
	ACTION_WHITELIST, /* as OK, whatever another identity's policy says */
	ACTION_SKIP,      /* end of the search: the result's default */
	ACTION_REJECT,
	ACTION_TEMPFAIL,
	ACTION_DISCARD,    /* the whole message */
	ACTION_QUARANTINE, /* the whole message */
	ACTION_ERROR       /* a reply as written: code is 400..599 */
};

/* "OK", "WHITELIST", "SKIP", "REJECT"...: the word that stands for them all. */
const char *action_text(enum action_verb verb);

/* All words that a value may begin with; NULL at the end. */
extern const char *const action_words[];

struct action {
	enum action_verb verb;
	unsigned code; /* of the reply, 400..599; 0: the default */
	struct mf_text
	    dsn; /* "D.S.N", its class that of code; empty: default */
	struct mf_text text; /* reply, or reason; empty: default.  A view. */
	bool unless_dkim;    /* not if a DKIM signature counts */
};

enum action_status {
	ACTION_VALID = 0,
	ACTION_CORRECTED,   /* D.S.N is of another class than ### or the verb,
			     * which count; dsn is empty */
	ACTION_UNKNOWN,     /* no such word */
	ACTION_BAD_UNLESS,  /* UNLESS-DKIM before what accepts */
	ACTION_UNSUPPORTED, /* CBV, DSN, BAN: of another milter; FILTER and
			     * others: of Postfix's own tables */
	ACTION_BAD_CODE     /* no reply code that refuses (400..599), or no
			     * enhanced code that does (RFC 3463 2: class 4, 5) */
};

/* Whether it says what to do. */
static inline bool
action_is_understood(enum action_status status)
{
	return status == ACTION_VALID || status == ACTION_CORRECTED;
}

/* A sentence about what is wrong with value; NULL for ACTION_VALID. */
const char *action_problem(enum action_status status, struct mf_text value);

/*
 * Parse value.  *out is set with ACTION_VALID and ACTION_CORRECTED, and views
 * value.  Everything else means SKIP to whoever has to go on.
 */
enum action_status action_parse(struct mf_text value, struct action *out);

#endif
