/* SPDX-License-Identifier: ISC */
/*
 * Whose mail a message is, the last that applies of these.
 */
#ifndef MAILFROM_MILTER_ORIGIN_H
#define MAILFROM_MILTER_ORIGIN_H

enum origin {
	ORIGIN_OUTSIDE,
	ORIGIN_TRUSTED_RELAY,
	ORIGIN_INTERNAL,     /* internal_connect, or a process of this host */
	ORIGIN_AUTHENTICATED /* SMTP AUTH */
};

/* As the log has it, such as "trusted_relay". */
const char *origin_text(enum origin origin);

#endif
