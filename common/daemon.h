/* SPDX-License-Identifier: ISC */
/*
 * What all daemons do around their work: options, signals, limits.
 */
#ifndef MAILFROM_COMMON_DAEMON_H
#define MAILFROM_COMMON_DAEMON_H

#include <stdio.h>

#include "common/conf.h"
#include "common/log_conf.h"
#include "common/source.h"

/* A program, as its command line knows it. */
struct daemon_program {
	const char *name;
	const char *legacy; /* word of --format for the other program's */
	void (*print_config)(FILE *to);
	/* For --configured: its section, and a key in there, as an example. */
	const char *section, *example;
	bool (*is_legacy)(const char *path, const struct ini *ini);
};

struct daemon_options {
	const char *path; /* of the configuration */
	enum source_format format;
	bool check_only;
	bool foreground;
	bool verbose;
};

/*
 * Read the command line.  -1: go on; else the exit status, with all said that
 * is to be said.
 */
int daemon_options(const struct daemon_program *program, int argc, char **argv,
    struct daemon_options *out);

/*
 * First thing after that: give up what no daemon needs (privilege.h), and go
 * into the background unless the options forbid it.  Nothing may be open or in
 * locked memory: a fork keeps no lock.  For background_ready(); -1: in the
 * foreground.
 */
int daemon_begin(const struct daemon_options *options);

/* The log as configured, or all of it with -v. */
struct log_options daemon_log(const struct daemon_program *program,
    const struct daemon_options *options, const struct log_settings *settings);

/*
 * Let a thread write the log, after the last fork; it must be open.  False, and
 * an error reported, if it could not be started.
 */
bool daemon_start_log(struct report *report);

/*
 * Signals are for the main thread.  Blocked (SIG_BLOCK) from the start, they
 * wait until it listens (SIG_UNBLOCK), and the threads that are made meanwhile
 * never see them.  SIGPIPE is ignored: a log to a pipe may lose its reader.
 */
void daemon_signals(int how);

/*
 * The daemon serves: leave the terminal, and tell whoever has started it and
 * systemd.  ready_fd: of daemon_begin().
 */
void daemon_ready(
    int ready_fd, const struct log_settings *log, struct report *report);

/* As many descriptors as the system lets us have. */
void daemon_raise_limits(void);

/* A report that goes to the log. */
struct report daemon_report_to_log(void);

/* A setting that only a restart can change. */
struct daemon_fixed {
	const char *key;
	bool same;
};

/* A reload says which of them it left alone. */
void daemon_warn_fixed(const struct daemon_fixed *fixed, size_t count);

/*
 * Open the pid file, which may need root.  *fd is for pid_file_write(); -1 if
 * path is empty.  False, and an error reported, if it failed.  check_only: see
 * whether it could be opened, and leave it alone.
 */
bool daemon_pid_file(struct mf_text path, const char *file, unsigned line,
    bool check_only, int *fd, struct report *report);

#endif
