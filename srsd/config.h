/* SPDX-License-Identifier: ISC */
/*
 * Everything that srsd reads from files, as one object that a reload replaces.
 */
#ifndef MAILFROM_SRSD_CONFIG_H
#define MAILFROM_SRSD_CONFIG_H

#include "common/daemon.h"
#include "common/watch.h"
#include "rewrite/legacy.h"
#include "rewrite/rewriter.h"

#define SRSD_WORKERS_MAX 64

/* Formats of the file; DAEMON_FORMAT_DETECT: told by its name and keys. */
enum srsd_format { SRSD_FORMAT_MAILFROM, SRSD_FORMAT_PYSRS };

extern const char *const srsd_formats[]; /* their names, NULL at the end */

/* The section [srsd]. */
struct srsd_settings {
	struct conf_list listen;
	struct conf_list tcp_table_forward;
	struct conf_list tcp_table_reverse;
	uint64_t workers; /* 0: as many as cores, up to 4 */
	struct text user; /* .p NULL: the default */
	uint64_t socket_mode;
	struct text socket_owner;
	struct text pid_file;
	uint64_t max_connections;
	uint64_t idle_timeout;    /* seconds */
	uint64_t request_timeout; /* seconds */
};

struct config {
	const char *path; /* the caller's */
	struct srsd_settings srsd;
	struct rewrite_settings srs;
	struct log_settings log;
	struct conf *conf;
	struct rewriter *rewriter;
	struct watch watch; /* secrets and lists */
};

/*
 * Read the configuration at path, which must outlive it, and all files that it
 * names.  Not null: the caller's, for config_free(); or null, and errors were
 * reported.
 */
struct config *config_load(const char *path, int format, struct report *report);
void config_free(struct config *config);

/* Print a sample mailfrom.conf with every key and its default. */
void config_print(FILE *to);

#endif
