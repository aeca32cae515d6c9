/* SPDX-License-Identifier: ISC */
/*
 * What an evaluation does, recorded while it does it: its events in order, and
 * how each of its answers was come by.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_RECORDER_H
#define MAILFROM_TOOLS_SPFQUERY_RECORDER_H

#include <mailfrom/spf.h>

/* An event; its texts and its answer are the step's own. */
struct recorded {
	struct recorded *next;
	struct spf_event event;
	struct spf_answer answer;
	struct spf_origin origin;
};

struct recorder {
	struct recorded *first, **last;
	const struct spf_source *inner; /* of the evaluation at hand */
	struct spf_trace trace;
};

/* Begin a check: forget all of the one before. */
void recorder_reset(struct recorder *r);

/*
 * Begin an evaluation of the check over source; the steps of the one before are
 * forgotten.  request gets the trace, for this evaluation.
 */
void recorder_begin(struct recorder *r, struct spf_request *request,
    const struct spf_source *source);

#endif
