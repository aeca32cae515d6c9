/* SPDX-License-Identifier: ISC */
/*
 * What the section [spfmilter] of mailfrom.conf sets.
 */
#ifndef MAILFROM_SETTINGS_SPFMILTER_H
#define MAILFROM_SETTINGS_SPFMILTER_H

#include "settings/filter.h"

/* Of enum lookup_defaults and enum lookup_recipients; NULL at the end. */
extern const char *const lookup_defaults_names[];
extern const char *const lookup_recipients_names[];

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
enum relay_unreadable { RELAY_UNREADABLE_ACCEPT, RELAY_UNREADABLE_TEMPFAIL };
enum policy_header {
	POLICY_HEADER_RECEIVED_SPF,
	POLICY_HEADER_RESULTS,
	POLICY_HEADER_NONE
};
enum bad_helo { BAD_HELO_CHECK, BAD_HELO_REJECT };
enum dkim_mode { DKIM_OFF, DKIM_VERIFY };
enum dkim_aligned { DKIM_ALIGNED_MAILFROM, DKIM_ALIGNED_BOTH };

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
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
	unsigned trusted_relay_unreadable; /* enum relay_unreadable */
	struct conf_list exempt_clients;
	struct conf_list exempt_senders;
	struct conf_list exempt_helo;
	struct conf_list exempt_recipients;
	unsigned delay_checks; /* enum lookup_recipients */
	unsigned bad_helo;
	struct conf_list policy_listen;
	unsigned policy_header; /* enum policy_header */
	uint64_t policy_max_connections;
	uint64_t policy_idle_timeout;    /* seconds */
	uint64_t policy_request_timeout; /* seconds */
	bool rrs;
	unsigned dkim;         /* enum dkim_mode */
	unsigned dkim_aligned; /* enum dkim_aligned */
	bool dkim_results;
};

/* The table of [spfmilter]; values: where they go, or NULL. */
struct conf_section spfmilter_section(struct spfmilter_settings *values);

#endif
