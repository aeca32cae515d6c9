/* SPDX-License-Identifier: ISC */
/*
 * The session, in libmilter's words.
 */
#ifndef MAILFROM_SRSMILTER_MILTER_H
#define MAILFROM_SRSMILTER_MILTER_H

struct service;
struct smfiDesc;

/* The filter's description; service is what its connections share. */
const struct smfiDesc *milter_filter(struct service *service);

#endif
