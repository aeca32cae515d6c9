/* SPDX-License-Identifier: ISC */
/* The section [log], which all daemons share. */
#ifndef MAILFROM_COMMON_LOG_CONF_H
#define MAILFROM_COMMON_LOG_CONF_H

#include "common/conf.h"
#include "common/log.h"

struct log_settings {
	unsigned to;     /* enum log_target */
	unsigned level;  /* enum log_level */
	unsigned format; /* enum log_format */
};

struct conf_section log_section(struct log_settings *values);

/* The settings as log_open() wants them. */
struct log_options log_options(
    const struct log_settings *settings, const char *program);

#endif
