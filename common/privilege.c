/* SPDX-License-Identifier: ISC */
/* setres[ug]id() and initgroups() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "common/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
privilege_find(const char *user, const char *file, unsigned line,
    struct privilege *out, struct report *report)
{
	const char *name = user != NULL ? user : PRIVILEGE_USER_DEFAULT;
	const struct passwd *pw;

	*out = (struct privilege){
	    .change = geteuid() == 0, .file = file, .line = line};
	if (!out->change) {
		pw = getpwuid(geteuid());
		if (user == NULL ||
		    (pw != NULL && strcmp(pw->pw_name, user) == 0))
			return true;
		report_error(report, file, line, "user",
		    "only root can switch to user \"%s\": start as root or as "
		    "that user, or remove the key",
		    user);
		return false;
	}
	pw = getpwnam(name);
	if (pw == NULL) {
		report_error(report, file, line, "user",
		    "no user \"%s\" on this system; create it with: useradd "
		    "--system --no-create-home --shell /usr/sbin/nologin %s",
		    name, name);
		return false;
	}
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	return true;
}

static bool
fail(struct report *report, const struct privilege *to, const char *what)
{
	report_error(report, to->file, to->line, "user",
	    "cannot switch to user \"%s\": %s: %s", to->name, what,
	    strerror(errno));
	return false;
}

bool
privilege_drop(const struct privilege *to, struct report *report)
{
	if (!to->change)
		return true;
	if (initgroups(to->name, to->gid) < 0)
		return fail(report, to, "initgroups");
	if (setresgid(to->gid, to->gid, to->gid) < 0)
		return fail(report, to, "setresgid");
	if (setresuid(to->uid, to->uid, to->uid) < 0)
		return fail(report, to, "setresuid");
	/* A way back would mean that none of this has worked. */
	if (to->uid != 0 && (setuid(0) == 0 || geteuid() == 0)) {
		errno = EPERM;
		return fail(report, to, "root could be regained");
	}
	return true;
}
