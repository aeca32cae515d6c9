/* SPDX-License-Identifier: ISC */
/*
 * What the section [srsd] of mailfrom.conf sets.
 */
#ifndef MAILFROM_SETTINGS_SRSD_H
#define MAILFROM_SETTINGS_SRSD_H

#include "common/conf.h"

#define SRSD_WORKERS_MAX 64

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct srsd_settings {
	struct conf_list listen;
	struct conf_list tcp_table_forward;
	struct conf_list tcp_table_reverse;
	struct mf_text metrics;
	uint64_t workers;    /* 0: as many as cores, up to 4 */
	struct mf_text user; /* .p NULL: the default */
	uint64_t socket_mode;
	struct mf_text socket_owner;
	struct mf_text pid_file;
	uint64_t max_connections;
	uint64_t idle_timeout;    /* seconds */
	uint64_t request_timeout; /* seconds */
};

/* The table of [srsd]; values: where they go, or NULL. */
struct conf_section srsd_section(struct srsd_settings *values);

#endif
