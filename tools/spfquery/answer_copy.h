/* SPDX-License-Identifier: ISC */
/*
 * Answers that outlive their evaluation, for reports.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_ANSWER_COPY_H
#define MAILFROM_TOOLS_SPFQUERY_ANSWER_COPY_H

#include <mailfrom/spf.h>

/* All that reports show of an answer; its compiled record isn't. */
void answer_copy(const struct spf_answer *from, struct spf_answer *to);
void answer_clear(struct spf_answer *copy);

/* How source has come by an answer that it gave; zeroed if it doesn't know. */
void answer_origin(const struct spf_source *source, enum spf_rr rr,
    struct mf_text name, struct spf_origin *out);

#endif
