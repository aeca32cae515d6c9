/* SPDX-License-Identifier: ISC */
/*
 * mailfrom doctor: what was read, once, and the checks of it.
 *
 * A check is a function from facts to findings.  It reads nothing but facts,
 * and Postfix's tables through the functions that facts have for that.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_H

#include "tools/mailfrom/doctor_cf.h"
#include "tools/mailfrom/doctor_daemons.h"
#include "tools/mailfrom/doctor_dns.h"
#include "tools/mailfrom/doctor_findings.h"
#include "tools/mailfrom/doctor_own.h"
#include "tools/mailfrom/doctor_pass.h"
#include "tools/mailfrom/doctor_proof.h"
#include "tools/mailfrom/doctor_store.h"
#include "tools/mailfrom/doctor_tables.h"
#include "tools/mailfrom/site.h"

struct doctor_facts {
	struct arena *arena;
	struct own_config own;
	bool has_postfix;
	struct site site;
	struct second_pass pass;
	struct tables tables;
	const struct sendmail_cf *cf; /* NULL: no sendmail here */
	bool is_root;
	/* The only item of inet_interfaces is a name of a loopback address. */
	bool interface_is_loopback;
	uint64_t now_sec;
	char host_name[256];
	bool was_asked; /* the daemons were; else only is_used is set */
	struct daemon_facts daemons[OWN_DAEMONS];
	struct socket_facts *sockets; /* of the daemons that are used */
	size_t socket_count;
	struct use_facts *uses;
	size_t use_count;
	struct secret_facts secret;
	struct store_facts store;
	struct dns_facts dns;
	struct proof_facts srsd_proof, srsmilter_proof;
	struct proof_smtp smtp;
	/* exclude_recipients of mailfrom.conf. */
	struct list exclude_recipients;
	/* An address that was signed for this run, or "". */
	const char *srs_address;
};

typedef void doctor_check(struct doctor_facts *facts, struct finding_list *out);

/* mailfrom.conf, and the daemons as they run. */
doctor_check check_own, check_daemon_configuration, check_daemon_files,
    check_daemons_answer, check_versions, check_uses, check_secret, check_store;
/* DNS. */
doctor_check check_mx, check_spf, check_ptr;
/* The proof. */
doctor_check check_srsd_proof, check_srsmilter_proof, check_smtp_proof;
/* sendmail.cf. */
doctor_check check_cf_form, check_cf_maps, check_cf_probe, check_cf_class,
    check_cf_filters, check_cf_rrs;
/* Postfix: the second pass. */
doctor_check check_forms, check_pass_services, check_pass_settings,
    check_pass_main, check_relay, check_postfix_said;
/* Postfix: what leads past it. */
doctor_check check_transport_maps, check_sender_maps, check_filters,
    check_generic;
/* Postfix: bounces, and our filters among others. */
doctor_check check_bounces, check_milter_lists, check_canonical,
    check_spfmilter_first, check_rrs;
/* Postfix: domains and recipients. */
doctor_check check_srs_domain_class, check_unlisted, check_local_domains,
    check_own_domains, check_stranger;

/* Postfix: spfmilter as a policy service (doctor_policy.c). */
doctor_check check_spf_policy;

/* A check_policy_service of ours in a list of restrictions. */
struct policy_use {
	struct mf_text item; /* the address, with settings of its own or not */
	bool is_guarded;     /* others can't relay, behind what is in front */
	bool is_dead;        /* an unconditional permit is in front */
	bool has_policyd;    /* policyd-spf is in the list too */
};

/* False: the service has none in its list of that name. */
bool policy_find(struct doctor_facts *facts, const struct site_service *service,
    const char *list, struct policy_use *out);

/*
 * Whether smtpd's restrictions refuse a bounce from outside to recipient, in all
 * services that take one.
 */
bool stranger_is_refused(struct doctor_facts *facts, const char *recipient);

/*
 * An RRS address that nobody has; NULL: RRS isn't used, or which domains have
 * such addresses isn't known.
 */
const char *rrs_made_up(struct doctor_facts *facts);

/* Whether sendmail.cf leads to that daemon. */
bool cf_uses(struct doctor_facts *facts, enum own_daemon daemon);

/* Whether the filter of that name in sendmail.cf is that daemon. */
bool cf_filter_is(
    struct doctor_facts *facts, enum own_daemon daemon, struct mf_text name);

#endif
