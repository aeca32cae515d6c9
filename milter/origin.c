/* SPDX-License-Identifier: ISC */
#include "milter/origin.h"

static const char *const texts[] = {
    [ORIGIN_OUTSIDE] = "outside",
    [ORIGIN_TRUSTED_RELAY] = "trusted_relay",
    [ORIGIN_INTERNAL] = "internal",
    [ORIGIN_AUTHENTICATED] = "authenticated",
};

const char *
origin_text(enum origin origin)
{
	return texts[origin];
}
