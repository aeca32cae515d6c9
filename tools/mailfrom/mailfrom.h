/* SPDX-License-Identifier: ISC */
/*
 * What the commands of mailfrom share: each is a function in a file of its own,
 * with a row in the table of main.c.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_MAILFROM_H
#define MAILFROM_TOOLS_MAILFROM_MAILFROM_H

#define MAILFROM_EXIT_OK     0
#define MAILFROM_EXIT_FAILED 1
#define MAILFROM_EXIT_USAGE  2

#define MAILFROM_CONFIG MAILFROM_SYSCONFDIR "/mailfrom/mailfrom.conf"

/*
 * A command: argv[0] is its name, as getopt_long() wants it.  Returns the exit
 * status.
 */
typedef int mailfrom_command(int argc, char **argv);

mailfrom_command mailfrom_setup, mailfrom_doctor, mailfrom_convert,
    mailfrom_fingerprint, mailfrom_store;

/*
 * A message "mailfrom COMMAND: ..." and a pointer to --help on stderr.
 * MAILFROM_EXIT_USAGE.
 */
int mailfrom_bad_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* MAILFROM_EXIT_OK; or MAILFROM_EXIT_FAILED after a message, if stdout failed. */
int mailfrom_flush(void);

#endif
