/* SPDX-License-Identifier: ISC */
/*
 * A request as text for libspf2.
 */
#ifndef MAILFROM_LIBSPF_ENGINE_CLIENT_H
#define MAILFROM_LIBSPF_ENGINE_CLIENT_H

#include <mailfrom/spf.h>

/* Octets of a HELO or receiver name, and of a sender, with the NUL. */
#define CLIENT_TEXT_SIZE   (SPF_SENDER_MAX + 1)
#define CLIENT_SENDER_SIZE (2 * SPF_SENDER_MAX + 2)

/* text as a string, cut if it is too long.  False: it has a NUL. */
bool client_text_(struct mf_text text, char out[static CLIENT_TEXT_SIZE]);

/*
 * Who is checked, as local part, "@" and domain, the latter as A-labels if it
 * is a domain; *domain is the domain as printable ASCII.  False: it can't be
 * put in a string, or memory is out.
 */
bool client_sender_(const struct spf_request *request,
    char out[static CLIENT_SENDER_SIZE], char domain[static SPF_NAME_SIZE]);

/* <domain>._spf.<delegate>, lower case.  False: no such name can exist. */
bool client_delegated_(const struct spf_request *request, const char *domain,
    char room[static SPF_NAME_SIZE], struct mf_text *name);

/*
 * A domain as struct spf_source wants it.  False: no such name can exist.
 */
bool client_name_(
    const char *domain, char room[static SPF_NAME_SIZE], struct mf_text *name);

#endif
