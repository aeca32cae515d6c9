/* SPDX-License-Identifier: ISC */
/*
 * What an evaluation does, recorded while it does it: its events in order, and
 * how long each of its questions took.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_RECORDER_H
#define MAILFROM_TOOLS_SPFQUERY_RECORDER_H

#include <mailfrom/spf.h>

/* An event; its texts and its answer are the step's own. */
struct recorded {
	struct recorded *next;
	struct spf_event event;
	struct spf_answer answer;
	bool timed; /* the answer had to be waited for */
	uint64_t elapsed_us;
};

struct recorder {
	struct recorded *first, **last;
	struct wait *waits;
	const struct spf_source *inner; /* of the evaluation at hand */
	struct spf_source source;
	struct spf_trace trace;
};

/* Begin a check: forget all of the one before. */
void recorder_reset(struct recorder *r);

/*
 * Begin an evaluation of the check over source; the steps of the one before are
 * forgotten, the times aren't.  request gets the trace, and source is replaced
 * by one that takes the time; both are for this evaluation.
 */
void recorder_begin(struct recorder *r, struct spf_request *request,
    const struct spf_source **source);

#endif
