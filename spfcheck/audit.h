/* SPDX-License-Identifier: ISC */
/*
 * What an audit has found, as a line of the log.
 */
#ifndef MAILFROM_SPFCHECK_AUDIT_H
#define MAILFROM_SPFCHECK_AUDIT_H

#include <mailfrom/spf_engine.h>

/*
 * A line spf_audit at level info, or debug where both agree.  For struct
 * spf_engine_params; arg isn't used.
 */
void audit_log(void *arg, const struct spf_audit *audit);

#endif
