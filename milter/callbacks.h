/* SPDX-License-Identifier: ISC */
/*
 * A filter in libmilter's words.
 */
#ifndef MAILFROM_MILTER_CALLBACKS_H
#define MAILFROM_MILTER_CALLBACKS_H

#include "milter/service.h"

struct filter;
struct smfiDesc;

/*
 * The description of filter for smfi_register(), of static storage.  One filter
 * a process; service: what its sessions share.
 */
const struct smfiDesc *milter_describe(
    const struct filter *filter, struct milter_service *service);

#endif
