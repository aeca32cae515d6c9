/* SPDX-License-Identifier: ISC */
/*
 * What the section [srsmilter] of mailfrom.conf sets.
 */
#ifndef MAILFROM_SETTINGS_SRSMILTER_H
#define MAILFROM_SETTINGS_SRSMILTER_H

#include "settings/filter.h"

#define REPLAY_SIZE_MAX (16u * 1024 * 1024) /* signatures */
#define SES_REPLAYS_MAX 1000
#define MAX_FORGED_MAX  1000000

/* In the order of their words in the table of keys. */
enum rewrite_mode {
	REWRITE_REMOTE_DOMAIN,
	REWRITE_REMOTE_MAILER,
	REWRITE_ALL,
	REWRITE_NONE
};
enum mixed_recipients { MIXED_REWRITE, MIXED_KEEP };
enum reverse_mode { REVERSE_BOUNCES, REVERSE_ALL };

extern const char *const rewrite_mode_names[]; /* NULL at the end */

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
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
	uint64_t max_forged;  /* a session; 0: any number */
	uint64_t ses_replays; /* uses; 0: not counted */
	uint64_t replay_size; /* signatures */
};

/* The table of [srsmilter]; values: where they go, or NULL. */
struct conf_section srsmilter_section(struct srsmilter_settings *values);

#endif
