/* SPDX-License-Identifier: ISC */
/*
 * The values of [spf] as a checker keeps them, and whether they make sense.
 */
#ifndef MAILFROM_SPFCHECK_SETTINGS_H
#define MAILFROM_SPFCHECK_SETTINGS_H

#include "common/report.h"
#include "settings/spf.h"

/*
 * A copy that needs no conf, in one piece, for free().  Texts are
 * NUL-terminated in it, and those that go over several lines have a blank where
 * a line ends.  NULL: out of memory.
 */
struct check_settings *check_settings_copy(
    const struct check_settings *settings);

/*
 * Whether a copy makes sense, as far as it tells by itself: no file is looked
 * at.  False, and every mistake reported with file, line and key.
 */
bool check_settings_sound(const struct check_settings *copy,
    const struct conf *conf, const char *file, struct report *report);

bool check_settings_eq(
    const struct check_settings *a, const struct check_settings *b);

#endif
