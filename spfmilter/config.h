/* SPDX-License-Identifier: ISC */
/*
 * Everything that spfmilter reads from files but the access file, as one object
 * that a reload replaces.
 */
#ifndef MAILFROM_SPFMILTER_CONFIG_H
#define MAILFROM_SPFMILTER_CONFIG_H

#include "common/lists.h"
#include "milter/config.h"
#include "rewrite/settings.h"
#include "spfcheck/checker.h"

/* In the order of their words in the table of keys. */
enum spfmilter_mode { MODE_ENFORCE, MODE_REPORT };
enum reject_at { REJECT_AT_RCPT, REJECT_AT_MAIL };
enum remove_ar { REMOVE_AR_OWN, REMOVE_AR_NONE, REMOVE_AR_ALL };
enum received_spf {
	RECEIVED_SPF_MAILFROM,
	RECEIVED_SPF_BOTH,
	RECEIVED_SPF_NONE
};
enum relay_check { RELAY_CHECK_MARK, RELAY_CHECK_NONE, RELAY_CHECK_REJECT };
enum bad_helo { BAD_HELO_CHECK, BAD_HELO_REJECT };

/* The section [spfmilter]; names are those of mailfrom.conf(5). */
struct spfmilter_settings {
	struct milter_settings filter;
	struct mf_text access;
	unsigned mode;
	unsigned reject_at;
	unsigned defaults; /* enum lookup_defaults */
	struct mf_text authserv_id;
	unsigned remove_ar;
	unsigned received_spf;
	bool x_hello_spf;
	unsigned trusted_relay_check;
	uint64_t trusted_relay_hops;
	struct conf_list exempt_clients;
	struct conf_list exempt_senders;
	struct conf_list exempt_helo;
	struct conf_list exempt_recipients;
	unsigned delay_checks; /* enum lookup_recipients */
	unsigned bad_helo;
};

struct spfmilter_config {
	struct milter_config base;
	struct spfmilter_settings spfmilter;
	struct check_settings spf;
	struct rewrite_settings srs; /* for the SRS domains alone */
	/* Lists made ready. */
	struct hosts exempt_clients;
	struct list exempt_senders, exempt_helo, exempt_recipients;
	struct list srs_domains;
	struct checker *checker; /* set by whoever serves */
};

/*
 * Read the configuration at path, which must outlive it, and the list files
 * that it names.  Not null: the caller's, for milter_config_release(); its whole
 * is a struct spfmilter_config.  NULL, and errors were reported.
 */
struct milter_config *spfmilter_config_load(
    const char *path, enum source_format format, struct report *report);

/* Print a sample with every key and its default. */
void spfmilter_config_print(FILE *to);

#endif
