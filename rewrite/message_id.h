/* SPDX-License-Identifier: ISC */
/*
 * Message ids of SES: no two messages that are signed with the same secret
 * within a fraction of a day should have the same.
 *
 *	counter << 9 | program << 8 | server
 *
 * Hosts differ in the server (ses_server of mailfrom.conf(5)), srsd and
 * srsmilter on one host in the program.  A process that is started again begins
 * at random, so that it is most unlikely to meet what it gave out before.
 */
#ifndef MAILFROM_REWRITE_MESSAGE_ID_H
#define MAILFROM_REWRITE_MESSAGE_ID_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum message_id_program { MESSAGE_ID_SRSD, MESSAGE_ID_SRSMILTER };

/* Any thread may take ids. */
struct message_ids {
	enum message_id_program program;
	atomic_uint_fast64_t next;
};

/* False, and errno: the system has no random numbers. */
bool message_ids_begin(
    struct message_ids *ids, enum message_id_program program);

uint64_t message_id_next(struct message_ids *ids, uint8_t server);

#endif
