/* SPDX-License-Identifier: ISC */
/*
 * What every filter's configuration begins with.
 */
#ifndef MAILFROM_MILTER_CONFIG_H
#define MAILFROM_MILTER_CONFIG_H

#include "common/daemon.h"
#include "common/shared.h"
#include "common/source.h"
#include "common/watch.h"
#include "milter/hosts.h"
#include "settings/filter.h"

struct milter_config {
	struct shared shared;
	const char *path;    /* the caller's */
	const char *section; /* where the settings are */
	const struct milter_settings *settings;
	struct log_settings log;
	struct conf *conf;
	struct watch watch; /* files that were read, besides the one at path */
	struct hosts internal_connect, trusted_relay;
};

/* free is called when nobody holds it any more, with the whole object. */
void milter_config_init(struct milter_config *config, const char *path,
    const char *section, const struct milter_settings *settings,
    void (*free)(struct shared *object));

/* Line of the file that set the key of the section, or 0. */
unsigned milter_config_line(const struct milter_config *c, const char *key);

/* Whether there is a filter: not with listen = none. */
bool milter_config_listens(const struct milter_config *c);

/*
 * Make the settings ready, once conf was loaded, and watch its list files.
 * False, and all that is wrong was reported.
 */
bool milter_config_build(struct milter_config *c, struct report *report);

/* Free what it holds, not the object. */
void milter_config_clear(struct milter_config *config);

void milter_config_release(struct milter_config *config); /* NULL is fine */

#endif
