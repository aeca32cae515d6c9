/* SPDX-License-Identifier: ISC */
/*
 * spfmilter as libmilter runs it.
 */
#ifndef MAILFROM_SPFMILTER_MILTER_H
#define MAILFROM_SPFMILTER_MILTER_H

#include "milter/filter.h"

/* Its service is a struct spfmilter. */
extern const struct filter spfmilter_filter;

#endif
