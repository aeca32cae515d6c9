/* SPDX-License-Identifier: ISC */
/*
 * Which secrets a daemon has, for whoever looks after many hosts.
 */
#include <stdio.h>

#include "common/metrics.h"
#include "rewrite/rewriter.h"

/* A secret that is there twice is one. */
static bool
is_repeated(const struct rewriter *r, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (strcmp(r->fingerprints[i], r->fingerprints[before]) == 0)
			return true;
	return false;
}

void
rewriter_write_metrics(const struct rewriter *r, const char *program,
    struct metrics_writer *writer)
{
	char name[80];

	snprintf(name, sizeof(name), "%s_secret_signs", program);
	for (size_t i = 0; i < r->secret_count; i++) {
		struct metrics_label label = {
		    "fingerprint", mf_text_of(r->fingerprints[i])};

		if (!is_repeated(r, i))
			metrics_gauge(writer, name,
			    "Secrets by fingerprint: 1 signs, 0 only verifies.",
			    &label, i == 0);
	}
}
