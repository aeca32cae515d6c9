/* SPDX-License-Identifier: ISC */
/*
 * How a Postfix is joined to srsd and srsmilter, and the services of a second
 * pass: a client (srsout), its smtpd (127.0.0.1:10027), and that one's cleanup
 * (srsclean).
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_PASS_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_PASS_H

#include "tools/mailfrom/doctor_own.h"
#include "tools/mailfrom/site.h"

struct second_pass {
	/* default_transport names a host here; the other fields say whose. */
	bool is_entered;
	struct mf_text transport, nexthop;
	const struct site_service *client; /* NULL: there is none */
	const struct site_service *server;
	const struct site_service *cleanup;
	/* What rewrites there. */
	bool uses_srsmilter, uses_srsd;
	/* main.cf rewrites all senders as they come in. */
	bool is_simple;
	/* A server with srsmilter or srsd that default_transport doesn't name. */
	const struct site_service *stray;
};

/* Whether there is a second pass that rewrites. */
static inline bool
pass_is_there(const struct second_pass *pass)
{
	return pass->is_entered && pass->server != NULL &&
	    (pass->uses_srsmilter || pass->uses_srsd);
}

void pass_find(
    struct site *site, const struct own_config *own, struct second_pass *out);

/* "[127.0.0.1]:10027" and the like: whether it is this host. */
bool pass_is_local(struct mf_text nexthop);

/*
 * The address in Postfix's words as service sees it: paths below the spool if
 * it is chrooted, or relative.  False: it is none.
 */
bool pass_address(struct site *site, const struct site_service *service,
    struct mf_text words, struct sockaddr_spec *out);

/*
 * The socket of ours that the address is of, or NULL.  words may be an item of
 * smtpd_milters in braces, or what follows "socketmap:" or "tcp:".
 */
const struct own_socket *pass_socket(struct site *site,
    const struct own_config *own, const struct site_service *service,
    struct mf_text words);

/* An item of a list of filters without braces and what follows the address. */
struct mf_text pass_milter_address(struct mf_text item);

/*
 * The value of a setting in an item { ADDRESS, NAME=VALUE ... }; false: it has
 * none of its own.
 */
bool pass_milter_setting(
    struct mf_text item, const char *name, struct mf_text *value);

/* The item of a list of filters that is this daemon; false: none is. */
bool pass_milter_in(struct site *site, const struct own_config *own,
    const struct site_service *service, struct mf_text list,
    enum own_daemon daemon, struct mf_text *item);

/* Whether maps have a socketmap whose name ends in that of srsd's maps. */
bool pass_has_map(struct mf_text maps, const char *map);

/* Services of smtpd that mail from outside comes to: smtp inet, or pass. */
bool pass_is_front(const struct site *site, const struct site_service *service);

#endif
