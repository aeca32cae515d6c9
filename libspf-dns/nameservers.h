/* SPDX-License-Identifier: ISC */
/*
 * A list of name servers: "IP", "IP:PORT", "[IP6]:PORT", commas between.  A
 * link-local address has its interface with it: "fe80::1%eth0",
 * "[fe80::1%eth0]:53", or "[fe80::1]:53%eth0", as c-ares writes it.
 */
#ifndef MAILFROM_LIBSPF_DNS_NAMESERVERS_H
#define MAILFROM_LIBSPF_DNS_NAMESERVERS_H

#include <sys/socket.h>

#include <mailfrom/spf_resolver.h>

/* Octets of an interface's name or number, with its NUL (IF_NAMESIZE). */
#define NAMESERVER_SCOPE_SIZE 16

struct nameserver {
	struct spf_ip ip;
	unsigned port;                     /* 53 unless it was given */
	char scope[NAMESERVER_SCOPE_SIZE]; /* of IPv6; "": none */
};

/* Read list.  How many there are; 0 if anything in it can't be understood. */
size_t nameservers_read_(
    struct mf_text list, struct nameserver out[static SPF_NAMESERVERS_MAX]);

/* The same, without those that can't be understood, or are too many. */
size_t nameservers_read_some_(
    struct mf_text list, struct nameserver out[static SPF_NAMESERVERS_MAX]);

bool nameserver_eq_(const struct nameserver *a, const struct nameserver *b);

/* "192.0.2.53:53", "[fe80::1%eth0]:53", as a list has it.  The length. */
size_t nameserver_print_(
    const struct nameserver *server, char out[static SPF_SERVER_SIZE]);

/* As a socket wants it; the length. */
socklen_t nameserver_address_(
    const struct nameserver *server, struct sockaddr_storage *out);

#endif
