/* SPDX-License-Identifier: ISC */
/*
 * What mailfrom.conf says, as far as a mail server has to agree with it.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_OWN_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_OWN_H

#include "common/sockaddr.h"
#include "rewrite/rewriter.h"
#include "settings/sections.h"
#include "store/store.h"
#include "tools/mailfrom/arena.h"

enum own_daemon { OWN_SRSD, OWN_SRSMILTER, OWN_SPFMILTER };
#define OWN_DAEMONS 3

/* "srsd", "srsmilter", "spfmilter". */
extern const char *const own_daemon_names[OWN_DAEMONS];

/* A socket that a daemon listens on. */
struct own_socket {
	enum own_daemon daemon;
	bool is_tcp_table;    /* else socketmap, or the milter protocol */
	bool is_policy;       /* Postfix's policy protocol, of spfmilter */
	struct mf_text words; /* as the file has it */
	struct sockaddr_spec spec;
};

struct own_config {
	const char *path; /* the caller's */
	bool is_legacy;
	bool is_readable; /* false: all below is unset */
	struct conf *conf;
	struct rewrite_settings srs;
	struct srsd_settings srsd;
	struct srsmilter_settings srsmilter;
	struct check_settings spf;
	struct spfmilter_settings spfmilter;
	struct log_settings log;
	struct store_settings store;
	struct store_params store_params;
	struct rewriter *rewriter; /* NULL: there are no secrets to use */
	struct list local_domains, own_domains, srs_domains;
	const char *srs_domain; /* of new addresses; "": none */
	/* The secret of a legacy file is in it. */
	const char *secret_file;
	struct own_socket *sockets;
	size_t socket_count;
	/* What was wrong with it, a line each, for people. */
	struct mf_text said;
	bool has_errors;
};

/* Read the configuration at path.  own_free() is due. */
void own_load(const char *path, struct own_config *out, struct arena *arena);
void own_free(struct own_config *own);

/* The user that the daemon becomes when it is started as root. */
struct mf_text own_user(
    const struct own_config *own, enum own_daemon daemon, struct arena *arena);

/* Whether the file has anything that is only for this daemon. */
bool own_has_section(const struct own_config *own, enum own_daemon daemon);

#endif
