/* SPDX-License-Identifier: ISC */
/*
 * The section [srs], which srsd and srsmilter share.
 */
#ifndef MAILFROM_SETTINGS_SRS_H
#define MAILFROM_SETTINGS_SRS_H

#include "common/conf.h"

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct rewrite_settings {
	struct mf_text secret_file;
	bool secret_line_end;
	struct mf_text rrs_secret_file;
	struct conf_list rrs_domains;
	struct conf_list rrs_revoked; /* hashes, in lower case */
	struct conf_list fwdomain;
	struct conf_list own_domains;
	struct conf_list srs_domains;
	struct conf_list ses;
	struct conf_list sign;
	struct conf_list exclude_senders;
	struct conf_list include_senders;
	struct conf_list exclude_recipients; /* and nosrs */
	struct conf_list forward_domains;
	bool always_rewrite;
	uint64_t max_age;       /* days */
	uint64_t future_days;   /* days */
	uint64_t hash_length;   /* characters */
	uint64_t hash_min;      /* characters; 0: as hash_length */
	unsigned separator;     /* index into rewrite_separators */
	unsigned hash_alphabet; /* enum srs_alphabet */
	uint64_t ses_server;
	bool skip_if_spf_passes;
	struct conf_list outbound_addresses;
	struct mf_text helo_name;
	unsigned long_addresses; /* enum long_addresses */
	bool hide_senders;
};

/* In the order of their words in the table of keys. */
enum long_addresses { LONG_KEEP, LONG_STORE };

extern const char *const rewrite_separators[];

/* The item of srs_domains that stands for every domain. */
#define REWRITE_ANY_DOMAIN "*"

/* The table of [srs]; values: where they go, or NULL. */
struct conf_section rewrite_section(struct rewrite_settings *values);

#endif
