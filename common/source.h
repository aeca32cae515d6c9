/* SPDX-License-Identifier: ISC */
/*
 * A configuration file as it stands: in our words, or (legacy) in those of
 * another program, to be translated.
 */
#ifndef MAILFROM_COMMON_SOURCE_H
#define MAILFROM_COMMON_SOURCE_H

#include "common/file.h"
#include "common/ini.h"

/* SOURCE_DETECT: told by the file's name and keys. */
enum source_format { SOURCE_DETECT, SOURCE_OURS, SOURCE_LEGACY };

struct source {
	struct file file;
	struct ini ini;
	bool is_legacy;
};

/*
 * Read and parse the file at path, which must outlive what load keeps of it,
 * and have load make a configuration of it.  is_legacy tells a legacy file,
 * parsed as INI_OURS, for SOURCE_DETECT.  False, and errors were reported: it
 * can't be read, it is another program's (common/foreign_conf.h), or load has
 * said so.
 */
bool source_load(const char *path, enum source_format format,
    bool (*is_legacy)(const char *path, const struct ini *ini),
    bool (*load)(
	void *config, const struct source *source, struct report *report),
    void *config, struct report *report);

#endif
