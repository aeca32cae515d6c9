/* SPDX-License-Identifier: ISC */
/*
 * libspf2's engine with, in effect, no bound of lookups: what it would do to
 * the DNS if we let it.
 */
#define SPF_LIBSPF2_LOOKUPS_MAX 1000000

#include "libspf-engine/libspf2.c"
