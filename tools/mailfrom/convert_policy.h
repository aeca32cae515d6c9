/* SPDX-License-Identifier: ISC */
/*
 * A policy for SPF results, as entries of the access file: every result of
 * every identity has one, so that nothing depends on the defaults.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_CONVERT_POLICY_H
#define MAILFROM_TOOLS_MAILFROM_CONVERT_POLICY_H

#include "tools/mailfrom/convert.h"

/* Values of the access file, NULL for OK. */
struct convert_policy {
	const char *fail, *softfail, *neutral, *none, *permerror, *temperror;
};

/* identity: "spf", "helo", "null". */
void convert_allow_policy(struct conversion *c, const char *identity,
    const struct convert_policy *policy);

/* One domain, and none below it, where its policy isn't that of all. */
void convert_allow_domain(struct conversion *c, const char *identity,
    struct mf_text domain, const struct convert_policy *policy,
    const struct convert_policy *of_all);

/* The access file, if there are entries for it. */
void convert_set_access(struct conversion *c);

#endif
