/* SPDX-License-Identifier: ISC */
/*
 * The policy service for Postfix's smtpd: an event loop on a thread of its own,
 * whatever number of connections there is.
 */
#ifndef MAILFROM_SPFMILTER_POLICYD_H
#define MAILFROM_SPFMILTER_POLICYD_H

#include "common/listen.h"
#include "spfmilter/service.h"

/* What systemd calls the sockets that it passes for this. */
#define POLICYD_FD_NAME "policy"

/*
 * Open the sockets of policy_listen, as listen_open() does; once, before
 * policyd_start().  inherited: sockets that systemd has passed, of which those
 * of POLICYD_FD_NAME are taken instead.  options: what is the same for all sockets of the program.
 * False, and an error reported.
 */
bool policyd_open(const struct milter_config *config, unsigned inherited,
    const struct listen_options *options, struct report *report);

/* Serve; without sockets nothing is started. */
bool policyd_start(struct milter_service *service, struct report *report);

/*
 * Stop: answer what has arrived, and give checks that wait for the DNS a little
 * time before they are answered with a temporary failure.
 */
void policyd_stop(void);

#endif
