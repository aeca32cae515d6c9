/* SPDX-License-Identifier: ISC */
/*
 * The daemons as they run: what they say of their configuration, whether they
 * answer, what they can read, and how the mail server reaches them.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_DAEMONS_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_DAEMONS_H

#include "tools/mailfrom/doctor_own.h"
#include "tools/mailfrom/doctor_talk.h"
#include "tools/mailfrom/site.h"

/* What a user may do with a path; unknown unless we are root. */
enum access_by_user { REACH_UNKNOWN, REACH_OK, REACH_MISSING, REACH_DENIED };

/* A file that a daemon has to read. */
struct daemon_file {
	const char *path;
	enum access_by_user reach;
};

struct daemon_facts {
	bool is_used;        /* by the mail server, or mailfrom.conf */
	const char *program; /* its path; NULL: not found */
	int check_status;    /* of PROGRAM -n -c FILE */
	struct mf_text check_said;
	struct mf_text version; /* of the program */
	struct mf_text running; /* of the process; "" if unknown */
	struct mf_text user;
	bool user_exists;
	struct daemon_file *files;
	size_t file_count;
};

/* A socket of ours, and whether its daemon answered there. */
struct socket_facts {
	const struct own_socket *socket;
	bool answers;
	struct mf_text said; /* what it said, or what went wrong */
};

/* A service of Postfix that asks at an address. */
struct use_facts {
	const struct site_service *service;
	const char *parameter;
	struct mf_text words;            /* the address in Postfix's words */
	struct sockaddr_spec spec;       /* where that leads */
	const struct own_socket *socket; /* of ours; NULL: another */
	enum access_by_user reach;       /* by mail_owner */
};

struct secret_facts {
	bool is_readable;
	unsigned mode; /* permission bits */
	struct mf_text owner, group;
	uint64_t age_days;
	size_t count;
	/* One a secret, the one that signs first, blanks between. */
	struct mf_text fingerprints;
};

/* What the user may do: read the file, or write to the socket. */
enum access_by_user daemons_reach(
    const char *user, const char *path, bool to_write);

struct doctor_facts;

/* Run and ask the daemons that are used. */
void daemons_read(struct doctor_facts *facts);

/* Find what Postfix asks of srsd and the filters (doctor_uses.c). */
void daemons_read_uses(struct doctor_facts *facts);

/* Look at the secret file. */
void daemons_read_secret(struct doctor_facts *facts);

#endif
