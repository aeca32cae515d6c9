/* SPDX-License-Identifier: ISC */
/* setres[ug]id() and initgroups() are outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "common/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "common/close_from.h"

bool
privilege_find(struct mf_text user, const char *initial, const char *file,
    unsigned line, struct privilege *out, struct report *report)
{
	const char *name = user.len != 0 ? user.p : initial;
	const struct passwd *pw;

	*out = (struct privilege){
	    .change = geteuid() == 0, .file = file, .line = line};
	if (!out->change) {
		pw = getpwuid(geteuid());
		if (user.len == 0 ||
		    (pw != NULL && strcmp(pw->pw_name, name) == 0))
			return true;
		report_error(report, file, line, "user",
		    "only root can switch to user \"%s\": start as root or as "
		    "that user, or remove the key",
		    name);
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

/* --- what no daemon needs --- */

static void
open_standard_descriptors(void)
{
	int fd;

	/* Else a socket would be standard output. */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void
forbid_debuggers(void)
{
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void
privilege_begin(unsigned sockets)
{
	const struct rlimit none = {0, 0};

	open_standard_descriptors();
	close_from(STDERR_FILENO + 1 + (int)sockets);
	setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#endif
	forbid_debuggers();
}

/* --- capabilities --- */

#ifdef __linux__
/*
 * Only who has CAP_SETPCAP can.  For others nothing comes of the set: nothing
 * that they execute gains a capability, after PR_SET_NO_NEW_PRIVS.
 */
static void
empty_bounding_set(void)
{
	for (unsigned long n = 0; prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0; n++)
		prctl(PR_CAPBSET_DROP, n, 0, 0, 0);
}

static bool
empty_other_sets(void)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
	bool empty = syscall(SYS_capget, &header, sets) == 0;

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if ((sets[i].effective | sets[i].permitted |
			sets[i].inheritable) != 0)
			empty = false;
		sets[i] = (struct __user_cap_data_struct){0};
	}
	/*
	 * The service units forbid capset().  The ambient set is never more
	 * than the inheritable one.
	 */
	return empty || syscall(SYS_capset, &header, sets) == 0;
}
#else
static void
empty_bounding_set(void)
{
}

static bool
empty_other_sets(void)
{
	return true;
}
#endif

/* --- the user --- */

static bool
fail(struct report *report, const struct privilege *to, const char *what)
{
	report_error(report, to->file, to->line, "user",
	    "cannot switch to user \"%s\": %s: %s", to->name, what,
	    strerror(errno));
	return false;
}

static bool
become(const struct privilege *to, struct report *report)
{
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

bool
privilege_drop(const struct privilege *to, struct report *report)
{
	empty_bounding_set();
	if (to->change && !become(to, report))
		return false;
	if (!empty_other_sets()) {
		report_error(report, to->file, to->line, "user",
		    "cannot give up capabilities: %s", strerror(errno));
		return false;
	}
	/* The kernel decides anew when the user changes. */
	forbid_debuggers();
	return true;
}
