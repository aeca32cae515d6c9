/* SPDX-License-Identifier: ISC */
#include "settings/filter.h"

const char *const on_error_names[] = {"tempfail", "accept", NULL};
