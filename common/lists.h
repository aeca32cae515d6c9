/* SPDX-License-Identifier: ISC */
/*
 * Lists of domains and addresses, asked for a match.
 *
 *	example.com		that domain
 *	.example.com		every domain below it, not itself
 *	user@example.com	that address, user+detail@example.com too
 *	user@			that local part in any domain
 *
 * ASCII case doesn't matter, nor a dot at the end of a domain.
 */
#ifndef MAILFROM_COMMON_LISTS_H
#define MAILFROM_COMMON_LISTS_H

#include "common/conf.h"

struct list {
	struct mf_text *patterns; /* sorted; views into the conf's memory */
	size_t count;
};

/* Sort items for asking.  False: out of memory.  list_free() is due. */
bool list_build(struct list *out, const struct conf_list *items);
void list_free(struct list *list);

/* domain without brackets or "@"; false if it is empty. */
bool list_has_domain(const struct list *list, struct mf_text domain);

/* Whether word is an item, as it is. */
bool list_has_word(const struct list *list, struct mf_text word);

/* address: local-part "@" domain; by domain alone if it has no "@". */
bool list_has_address(const struct list *list, struct mf_text address);

#endif
