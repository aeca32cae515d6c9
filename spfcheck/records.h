/* SPDX-License-Identifier: ISC */
/*
 * A file of SPF records that hold whatever DNS says.
 *
 *	# comment
 *	example.com	v=spf1 ip4:192.0.2.0/24 -all
 *
 * A line each: the domain, blanks, its record, commas and all.
 */
#ifndef MAILFROM_SPFCHECK_RECORDS_H
#define MAILFROM_SPFCHECK_RECORDS_H

#include "common/file.h"
#include "common/report.h"

struct record_line {
	struct mf_text domain, record;
	unsigned line;
};

struct records {
	struct record_line *lines; /* by domain; views of the file's data */
	size_t count;
	struct file file;
};

/*
 * Read the file at path.  False, and every mistake reported with the file's
 * line: no domain, no record, one with a syntax error, a domain that is there
 * twice.  records_free() is due either way.
 */
bool records_read(const char *path, struct records *out, struct report *report);
void records_free(struct records *records);

#endif
