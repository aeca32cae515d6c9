/* SPDX-License-Identifier: ISC */
/*
 * The log line of a decision.
 */
#ifndef MAILFROM_SRSD_DECISION_LOG_H
#define MAILFROM_SRSD_DECISION_LOG_H

#include "srsd/maps.h"

/* Log what was decided, if map_decides(). */
void decision_log(const struct map_lookup *lookup);

#endif
