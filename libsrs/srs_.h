/* SPDX-License-Identifier: ISC */
/*
 * What other files of the library see of a context.
 */
#ifndef MAILFROM_LIBSRS_SRS__H
#define MAILFROM_LIBSRS_SRS__H

#include "libsrs/key_.h"

const struct keyring_ *srs_keyring_(const struct srs_ctx *ctx);

#endif
