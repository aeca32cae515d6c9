/* SPDX-License-Identifier: ISC */
/*
 * mailfrom doctor: what was read, once, and the checks of it.
 *
 * A check is a function from facts to findings.  It reads nothing but facts,
 * and Postfix's tables through the functions that facts have for that.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_H

#include "tools/mailfrom/doctor_findings.h"
#include "tools/mailfrom/doctor_own.h"
#include "tools/mailfrom/doctor_pass.h"
#include "tools/mailfrom/doctor_tables.h"
#include "tools/mailfrom/site.h"

struct sendmail_cf;

struct facts {
	struct arena *arena;
	struct own own;
	bool has_postfix;
	struct site site;
	struct second_pass pass;
	struct tables tables;
	const struct sendmail_cf *cf; /* NULL: no sendmail here */
	bool is_root;
	/* The only item of inet_interfaces is a name of a loopback address. */
	bool interface_is_loopback;
	uint64_t now_sec;
	/* exclude_recipients of mailfrom.conf. */
	struct list exclude_recipients;
	/* An address that was signed for this run, or "". */
	const char *srs_address;
};

typedef void doctor_check(struct facts *facts, struct findings *out);

/* Postfix: the second pass. */
doctor_check check_forms, check_pass_services, check_pass_settings,
    check_pass_main, check_relay, check_postfix_said;
/* Postfix: what leads past it. */
doctor_check check_transport_maps, check_sender_maps, check_filters,
    check_generic;
/* Postfix: bounces, and our filters among others. */
doctor_check check_bounces, check_milter_lists, check_canonical,
    check_spfmilter_first;
/* Postfix: domains and recipients. */
doctor_check check_srs_domain_class, check_unlisted, check_local_domains,
    check_own_domains, check_stranger;

#endif
