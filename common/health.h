/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with this process at present: /healthz says it, and a gauge.
 * It serves all the same, or it would have ended.
 */
#ifndef MAILFROM_COMMON_HEALTH_H
#define MAILFROM_COMMON_HEALTH_H

#include "common/text.h"

enum health_trouble {
	HEALTH_CONFIGURATION, /* a reload failed */
	HEALTH_ACCESS_FILE,   /* a changed access file can't be used */
	HEALTH_THREADS,       /* none can be created */
	HEALTH_DESCRIPTORS    /* none is left */
};

#define HEALTH_TROUBLES (HEALTH_DESCRIPTORS + 1)

/* Any thread. */
void health_set(enum health_trouble trouble, bool is_wrong);
bool health_is_wrong(enum health_trouble trouble);

/* A word for the trouble, and a sentence. */
const char *health_word(enum health_trouble trouble);
const char *health_text(enum health_trouble trouble);

#endif
