/* SPDX-License-Identifier: ISC */
/*
 * What mailfrom setup takes from mailfrom.conf.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_SETUP_LOAD_H
#define MAILFROM_TOOLS_MAILFROM_SETUP_LOAD_H

#include "common/conf.h"
#include "common/lists.h"
#include "common/sockaddr.h"
#include "settings/srs.h"

enum setup_daemon {
	SETUP_SRSD,
	SETUP_SRSMILTER,
	SETUP_SPFMILTER,
	SETUP_SPF_POLICY /* spfmilter as a policy service */
};

/* A form of settings, and what it needs. */
struct setup_form {
	const char *name;
	bool for_sendmail; /* else for Postfix */
	enum setup_daemon daemon;
	bool has_second_pass;
	const char *rewrite; /* what [srsmilter] has to have; NULL: anything */
};

#define SETUP_LISTEN_MAX 8

struct setup {
	const char *path; /* of the configuration; the caller's */
	const struct setup_form *form;
	struct sockaddr_spec listens[SETUP_LISTEN_MAX];
	size_t listen_count;
	struct sockaddr_spec listen;        /* the one that the MTA uses */
	struct sockaddr_spec filter_listen; /* srsmilter's, if RRS needs it */
	uint64_t socket_mode;               /* of unix sockets */
	struct mf_text socket_owner; /* USER, USER:GROUP or :GROUP; or unset */
	struct mf_text *domains;     /* SRS addresses' */
	size_t domain_count;
	struct mf_text *own; /* domains whose senders are never rewritten */
	size_t own_count;
	size_t
	    left_out; /* own_domains that only srsd and srsmilter can match */
	struct mf_text *rrs_domains; /* of RRS addresses; none: no RRS */
	size_t rrs_domain_count;
	struct list signed_domains; /* domains of all signed addresses */
	struct rewrite_settings srs;
	struct conf_list local_domains; /* of [srsmilter] */
	struct conf *conf;
};

/* The form of that name; NULL: there is none. */
const struct setup_form *setup_form_find(const char *name);

/* The names, separated by blanks, for messages. */
const char *setup_form_names(void);

/*
 * Read what form needs from the configuration at path; listen is the first of
 * listens.  True, or false and errors were reported; setup_free() is due either
 * way.
 */
bool setup_load(const char *path, const struct setup_form *form,
    struct setup *out, struct report *report);
void setup_free(struct setup *setup);

#endif
