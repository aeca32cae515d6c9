/* SPDX-License-Identifier: ISC */
/*
 * The samples of etc/ in the program, filled in.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_FILL_H
#define MAILFROM_TOOLS_MAILFROM_FILL_H

#include "tools/mailfrom/arena.h"
#include "tools/mailfrom/setup_load.h"

/* What goes into a sample. */
struct fill {
	const struct setup *setup;
	struct mf_text spool;  /* Postfix's queue_directory */
	struct mf_text direct; /* own senders' transport, such as "smtp:" */
};

/*
 * The sample of that name, such as "etc/postfix/milter.main.cf", with the
 * domains and the socket of setup instead of its own: a line with an SRS domain
 * once for each of them, that with an own domain once for each of those.
 */
struct mf_text fill_sample(
    struct arena *arena, const struct fill *fill, const char *name);

/* The socket of setup as Postfix has it in milter lists and socketmaps. */
struct mf_text fill_socket(struct arena *arena, const struct fill *fill);

/*
 * domain as part of a regular expression in a table of main.cf; a dot in front
 * stands for anything that ends in it.
 */
struct mf_text fill_pattern(struct arena *arena, struct mf_text domain);

#endif
