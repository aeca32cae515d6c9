/* SPDX-License-Identifier: ISC */
/*
 * srsmilter as libmilter runs it.
 */
#ifndef MAILFROM_SRSMILTER_MILTER_H
#define MAILFROM_SRSMILTER_MILTER_H

#include "milter/filter.h"

/* Its service is a struct srsmilter. */
extern const struct filter srsmilter_filter;

#endif
