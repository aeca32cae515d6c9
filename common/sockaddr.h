/* SPDX-License-Identifier: ISC */
/*
 * Socket addresses as libmilter and Postfix write them.
 *
 *	unix:/path  local:/path  /path		a UNIX-domain socket
 *	inet:PORT@HOST  inet6:PORT@HOST		libmilter's words
 *	inet:HOST:PORT  inet6:[HOST]:PORT	Postfix's
 */
#ifndef MAILFROM_COMMON_SOCKADDR_H
#define MAILFROM_COMMON_SOCKADDR_H

#include <sys/un.h>

#include "common/text.h"

#define SOCKADDR_HOST_SIZE 256
#define SOCKADDR_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)

enum sockaddr_family { SOCKADDR_UNIX, SOCKADDR_INET, SOCKADDR_INET6 };

struct sockaddr_spec {
	enum sockaddr_family family;
	char path[SOCKADDR_PATH_SIZE]; /* SOCKADDR_UNIX: absolute */
	char host[SOCKADDR_HOST_SIZE]; /* else: name or literal, not empty */
	uint16_t port;                 /* else: 1..65535, host byte order */
};

/*
 * Parse text.  True, or false and *why says what is wrong with it (a constant).
 */
bool sockaddr_parse(
    struct mf_text text, struct sockaddr_spec *out, const char **why);

#endif
