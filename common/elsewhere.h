/* SPDX-License-Identifier: ISC */
/*
 * The sections of mailfrom.conf that belong to one daemon each, as the others
 * know them: to warn of mistakes, not to read values.  The daemons' own tables
 * say more of their keys; tests/service/test_elsewhere.py compares them.
 */
#ifndef MAILFROM_COMMON_ELSEWHERE_H
#define MAILFROM_COMMON_ELSEWHERE_H

#include "common/conf.h"

/*
 * The section of that name, of static storage, without a place for values:
 * every offset is 0.  NULL: no daemon has such a section.
 */
const struct conf_section *conf_elsewhere(const char *name);

#endif
