/* SPDX-License-Identifier: ISC */
/*
 * Whether a value of a setting does harm to a service of the second pass.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_JUDGE_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_JUDGE_H

#include "tools/mailfrom/site.h"

struct doctor_facts;

/* UNKNOWN: a table that can't be looked up decides. */
enum harm { HARMLESS, HARMFUL, UNKNOWN };

/* A judgement on the value that service has; each is named for what does harm. */
typedef enum harm judge_value(struct doctor_facts *facts,
    const struct site_service *service, struct mf_text value);

judge_value judge_if_yes, judge_if_set, judge_if_not_loopback, judge_if_policy,
    judge_if_per_site, judge_if_client_address, judge_if_tls_needed,
    judge_if_tls_demanded, judge_if_it_logs_in, judge_if_sasl_is_out_of_reach,
    judge_if_it_turns_permanent, judge_if_without_dsn,
    judge_if_without_dsn_here, judge_if_commands_change, judge_if_few_hops,
    judge_if_few_recipients, judge_if_clients_are_limited,
    judge_if_old_protocol, judge_if_authenticated;

#endif
