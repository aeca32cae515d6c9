/* SPDX-License-Identifier: ISC */
/*
 * spfmilter as libmilter runs it.
 */
#ifndef MAILFROM_SPFMILTER_MILTER_H
#define MAILFROM_SPFMILTER_MILTER_H

#include "milter/filter.h"

/* Of replies when something of ours fails. */
#define SPFMILTER_UNAVAILABLE \
	"SPF check temporarily unavailable, try again later"

/* Its service is a struct spfmilter. */
extern const struct filter spfmilter_filter;

#endif
