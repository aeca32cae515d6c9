/* SPDX-License-Identifier: ISC */
/*
 * What an item of a list can be, by the key that the list is of.
 */
#ifndef MAILFROM_COMMON_ITEMS_H
#define MAILFROM_COMMON_ITEMS_H

#include "common/text.h"

struct item_type {
	const char *wanted; /* "a domain (example.com)" */
	/*
	 * Write the item as it is kept.  False: it is none, and *why, a
	 * constant or NULL, has something to say about it.
	 */
	bool (*read)(
	    struct mf_text item, struct text_out *out, const char **why);
	/*
	 * Items are only compared with what mail has.  One that is none never
	 * matches, and so a file of another program may have it: a warning.
	 */
	bool is_pattern;
	bool is_pair; /* "a=b", with or without blanks around the "=" */
};

/*
 * Write item as it is kept, and return true; or write what may help its author,
 * or nothing, and return false.
 */
bool item_read(
    const struct item_type *type, struct mf_text item, struct text_out *out);

extern const struct item_type item_domain;       /* two labels and more */
extern const struct item_type item_domains;      /* or .DOMAIN, or [IP] */
extern const struct item_type item_mail_domains; /* DOMAIN or .DOMAIN */
extern const struct item_type item_destinations; /* or [HOST] */
extern const struct item_type item_addresses;    /* or USER@DOMAIN, USER@ */
extern const struct item_type item_user;         /* a local part */
extern const struct item_type item_mailer;       /* sendmail's */
extern const struct item_type item_hosts;        /* common/network.h */
extern const struct item_type item_ip;
extern const struct item_type item_socket; /* common/sockaddr.h */

#endif
