/* SPDX-License-Identifier: ISC */
/*
 * A Postfix site as it was before the lines of mailfrom setup went in: what a
 * second run merges with, and what --undo restores.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_UNMERGE_H
#define MAILFROM_TOOLS_MAILFROM_UNMERGE_H

#include "tools/mailfrom/site.h"

/*
 * Comments that mailfrom setup leaves in main.cf and master.cf: around what was
 * appended, and what a value was that postconf -e replaced.
 */
#define UNMERGE_BEGIN    "# mailfrom setup: begin"
#define UNMERGE_END      "# mailfrom setup: end"
#define UNMERGE_REPLACED "# mailfrom setup replaced: " /* NAME = VALUE */
#define UNMERGE_ADDED    "# mailfrom setup added: "    /* NAME */

struct unmerged {
	bool had_block;        /* main.cf has lines between the comments */
	bool had_records;      /* main.cf has notes of what was replaced */
	bool is_installed;     /* anything of ours was there */
	unsigned port;         /* of the second smtpd; 0: none */
	struct mf_text second; /* its name in master.cf */
};

/*
 * Take out of *site what setup has put in.  socket: ours, as Postfix has it in
 * lists of milters and tables ("inet:127.0.0.1:10007"), or several, separated by
 * blanks.
 */
void unmerge(struct site *site, struct mf_text sockets, struct unmerged *out);

#endif
