/* SPDX-License-Identifier: ISC */
/*
 * What the files of `mailfrom store` share.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_STORE_H
#define MAILFROM_TOOLS_MAILFROM_STORE_H

#include "store/store.h"

/* Import the aliases of postsrsd at source, a file or URL; the exit status. */
int store_import(const char *source, const struct store_params *into);

#endif
