/* SPDX-License-Identifier: ISC */
/*
 * Configuration files of other software, told by name and content.
 *
 * No daemon can read them; `mailfrom convert' makes a mailfrom.conf of one.
 * pysrs.cfg and spfmilter.cfg aren't among them: daemons read those.
 */
#ifndef MAILFROM_COMMON_FOREIGN_CONF_H
#define MAILFROM_COMMON_FOREIGN_CONF_H

#include "common/text.h"

enum foreign_conf {
	FOREIGN_CONF_NONE,
	FOREIGN_CONF_POSTSRSD1, /* variables of a shell: /etc/default/postsrsd */
	FOREIGN_CONF_POSTSRSD2, /* libconfuse: postsrsd.conf */
	FOREIGN_CONF_POLICYD_SPF,
	FOREIGN_CONF_PYSPF_MILTER,
	FOREIGN_CONF_SMF_SPF
};
#define FOREIGN_CONF_COUNT (FOREIGN_CONF_SMF_SPF + 1)

/* A word for it ("postsrsd1") and the name of the software ("postsrsd 1.x"). */
const char *foreign_conf_word(enum foreign_conf kind);
const char *foreign_conf_software(enum foreign_conf kind);

/*
 * Whose configuration the bytes of the file at path are.  What has a [section]
 * is none of theirs.
 */
enum foreign_conf foreign_conf_detect(const char *path, struct mf_text bytes);

#endif
