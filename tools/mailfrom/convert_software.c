/* SPDX-License-Identifier: ISC */
/*
 * Which table of rules is for which kind of file.
 */
#include "tools/mailfrom/convert.h"

const struct convert_software *
convert_software_of(enum foreign_conf kind)
{
	switch (kind) {
	case FOREIGN_CONF_POSTSRSD1:
		return &convert_postsrsd1;
	case FOREIGN_CONF_POSTSRSD2:
		return &convert_postsrsd2;
	case FOREIGN_CONF_POLICYD_SPF:
		return &convert_policyd_spf;
	case FOREIGN_CONF_PYSPF_MILTER:
		return &convert_pyspf_milter;
	case FOREIGN_CONF_SMF_SPF:
		return &convert_smf_spf;
	case FOREIGN_CONF_NONE:
		break;
	}
	return NULL;
}
