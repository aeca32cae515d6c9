/* SPDX-License-Identifier: ISC */
/*
 * Everything that srsmilter reads from files, as one object that a reload
 * replaces.
 */
#ifndef MAILFROM_SRSMILTER_CONFIG_H
#define MAILFROM_SRSMILTER_CONFIG_H

#include "milter/config.h"
#include "rewrite/gate.h"
#include "rewrite/rewriter.h"

/* In the order of their words in the table of keys. */
enum rewrite_mode {
	REWRITE_REMOTE_DOMAIN,
	REWRITE_REMOTE_MAILER,
	REWRITE_ALL,
	REWRITE_NONE
};
enum mixed_recipients { MIXED_REWRITE, MIXED_KEEP };
enum reverse_mode { REVERSE_BOUNCES, REVERSE_ALL };

/* The section [srsmilter]; names are those of mailfrom.conf(5). */
struct srsmilter_settings {
	struct milter_settings filter;
	unsigned rewrite; /* enum rewrite_mode */
	struct conf_list local_domains;
	struct conf_list local_mailers;
	unsigned mixed_recipients;
	unsigned reverse; /* enum reverse_mode */
	bool reject_spoofed;
	struct conf_list banned_users;
	struct conf_list exempt_recipients;
	uint64_t ses_replays; /* uses; 0: not counted */
	uint64_t replay_size; /* signatures */
};

struct srsmilter_config {
	struct milter_config base;
	struct srsmilter_settings srsmilter;
	struct rewrite_settings srs;
	struct check_settings spf;
	/* Made ready. */
	struct rewriter *rewriter;
	struct list local_domains, exempt_recipients;
	struct gate *gate;       /* NULL: none is to be asked, and no checker */
	struct checker *checker; /* set by whoever serves */
};

/*
 * Read the configuration at path, which must outlive it, and all files that it
 * names.  Not null: the caller's, for milter_config_release(); its whole is a
 * struct srsmilter_config.  NULL, and errors were reported.
 */
struct milter_config *srsmilter_config_load(
    const char *path, enum source_format format, struct report *report);

/*
 * Start what the configuration needs to run: a checker, that of old (or NULL)
 * if it is the same.  After the last fork.  False, and errors were reported.
 */
bool srsmilter_config_start(struct srsmilter_config *config,
    const struct srsmilter_config *old, struct report *report);

/* Print a sample with every key and its default. */
void srsmilter_config_print(FILE *to);

#endif
