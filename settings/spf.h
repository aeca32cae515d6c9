/* SPDX-License-Identifier: ISC */
/*
 * The section [spf], which all daemons that check share.
 */
#ifndef MAILFROM_SETTINGS_SPF_H
#define MAILFROM_SETTINGS_SPF_H

#include "common/conf.h"

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct check_settings {
	unsigned engine; /* enum spf_engine */
	struct conf_list nameservers;
	uint64_t timeout; /* seconds */
	bool prefetch;
	uint64_t max_voids;
	uint64_t cache_size; /* octets */
	struct mf_text best_guess;
	struct mf_text delegate;
	struct conf_list trusted_forwarder;
	struct mf_text record_file;
	struct mf_text explanation;
	struct mf_text helper;
};

/* The table of [spf]; values: where they go, or NULL. */
struct conf_section check_section(struct check_settings *values);

#endif
