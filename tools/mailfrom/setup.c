/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/mailfrom.h"

#include <stdio.h>

#include "tools/mailfrom/site.h"

int
mailfrom_setup(int argc, char **argv)
{
	struct report report = report_to_stderr();
	struct site_place place = {argc > 1 && argc < 3 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL};
	struct site site;

	if (site_load(&place, &site, &report)) {
		for (size_t i = 0; i < site.settings.count; i++) {
			struct mf_text v = site_expand(
			    &site, NULL, site.settings.items[i].value);
			printf("%.*s = %.*s\n",
			    (int)site.settings.items[i].name.len,
			    site.settings.items[i].name.p, (int)v.len, v.p);
		}
		for (size_t i = 0; i < site.service_count; i++)
			printf("%.*s/%.*s chroot %d\n",
			    (int)site.services[i].name.len,
			    site.services[i].name.p,
			    (int)site.services[i].type.len,
			    site.services[i].type.p,
			    site_is_chrooted(&site, &site.services[i]));
		for (size_t i = 0; i < site.warning_count; i++)
			printf("! %s\n", site.warnings[i].p);
	}
	site_free(&site);
	return mailfrom_flush();
}
