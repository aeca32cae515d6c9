/* SPDX-License-Identifier: ISC */
/* struct ucred is outside of POSIX. */
#define _GNU_SOURCE
#include "common/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/listen_holder.h"

#define BACKLOG           65535 /* the kernel cuts it to its own limit */
#define INHERITED_MAX     64
#define FD_NAME_SIZE      64
#define CHECKED_MAX       64
#define LISTEN_NAMES_SIZE (INHERITED_MAX * FD_NAME_SIZE)

/* What an administrator wants to know beyond strerror(). */
static const char *
advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; find the process with \"ss -lp\"";
	case EADDRNOTAVAIL:
		return "; not an address of this host";
	case ENOENT:
		return "; create its directory, accessible to the clients";
	case EEXIST:
		return "; the file there is not a socket";
	case EROFS:
		return "; under systemd let the socket unit create it, or let "
		       "the service write there (ReadWritePaths=)";
	case EACCES:
		return "; without root, use a port above 1023 or a directory "
		       "that you can write to";
	default:
		return "";
	}
}

/* An attempt to listen, for messages. */
struct attempt {
	const struct listen_options *options;
	const char *name; /* the address as configured */
	struct report *report;
};

/* Paths of sockets that were made to see whether it can be done. */
static struct sockaddr_un checked[CHECKED_MAX];
static unsigned checked_count;

static int
fail(const struct attempt *a, const char *what, int fd)
{
	const struct listen_options *o = a->options;

	report_error(a->report, o->file, o->line, o->key, "%s: %s: %s%s",
	    a->name, what, strerror(errno), advice(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Somebody has the address: who, and is it for us to complain? */
static int
fail_in_use(const struct attempt *a, const struct sockaddr *address, int fd)
{
	const struct listen_options *o = a->options;
	struct listen_holder holder;

	if (fd >= 0)
		close(fd);
	listen_holder_find(address, &holder);
	if (o->check != NULL && listen_holder_is(&holder, o->check->program))
		return LISTEN_NOT_NOW;
	if (holder.name[0] != '\0') {
		report_error(a->report, o->file, o->line, o->key,
		    "%s: cannot listen: %s by %s (process %ld)", a->name,
		    strerror(EADDRINUSE), holder.name, (long)holder.pid);
		return -1;
	}
	if (o->check == NULL) {
		errno = EADDRINUSE;
		return fail(a, "cannot listen", -1);
	}
	report_warning(a->report, o->file, o->line, o->key,
	    "%s: address in use by a process that this user cannot see; if "
	    "it is not the running %s, starting will fail",
	    a->name, o->check->program);
	return LISTEN_NOT_NOW;
}

/* A directory that the systemd unit makes, if it is used. */
static int
fail_unix(const struct attempt *a, const struct sockaddr_un *address, int fd)
{
	const struct listen_options *o = a->options;
	char made[128];

	if (errno != ENOENT || o->check == NULL)
		return fail(a, "bind", fd);
	snprintf(made, sizeof(made), "/run/%s/", o->check->user);
	if (strncmp(address->sun_path, made, strlen(made)) != 0 ||
	    strchr(address->sun_path + strlen(made), '/') != NULL)
		return fail(a, "bind", fd);
	close(fd);
	report_warning(a->report, o->file, o->line, o->key,
	    "%s: its directory does not exist yet: the systemd unit creates "
	    "it; to start without systemd, create it",
	    a->name);
	return LISTEN_NOT_NOW;
}

/* Remove a socket that nobody serves any more.  0, or -1 with errno. */
static int
remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, rc;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	int error = errno;
	close(fd);
	if (rc == 0 || error != ECONNREFUSED) {
		/* One of somebody else's may well be dead. */
		errno = error == EACCES && rc != 0 ? EACCES : EADDRINUSE;
		return -1;
	}
	return unlink(addr->sun_path);
}

/*
 * The directory may be another's, who can put a link to any file in the
 * socket's place: that isn't followed.  False, and an error was reported.
 */
static bool
set_owner(const struct attempt *a, const char *path)
{
	const struct listen_options *o = a->options;

	if (lchown(path, o->uid, o->gid) == 0)
		return true;
	report_error(a->report, o->file, o->owner_line, "socket_owner",
	    "%s: %s", a->name, strerror(errno));
	return false;
}

static int
open_unix(const struct sockaddr_spec *spec, const struct attempt *a)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, rc;

	memcpy(addr.sun_path, spec->path, sizeof(addr.sun_path));
	if (remove_stale(&addr) < 0)
		return errno == EADDRINUSE
		    ? fail_in_use(a, (struct sockaddr *)&addr, -1)
		    : fail(a, "cannot take over the path", -1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(a, "socket", -1);
	/* So it is made with its mode.  Nobody can connect yet. */
	mask = umask(~a->options->mode & 0777);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc < 0)
		return fail_unix(a, &addr, fd);
	if (a->options->check != NULL && checked_count < CHECKED_MAX)
		checked[checked_count++] = addr;
	if (!set_owner(a, addr.sun_path))
		close(fd);
	else if (listen(fd, BACKLOG) < 0)
		fail(a, "listen", fd);
	else
		return fd;
	unlink(addr.sun_path);
	return -1;
}

static int
open_inet(const struct sockaddr_spec *spec, const struct attempt *a)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	int fd, rc, on = 1;
	char port[8];

	hints.ai_family = spec->family == SOCKADDR_INET ? AF_INET : AF_INET6;
	snprintf(port, sizeof(port), "%u", spec->port);
	rc = getaddrinfo(spec->host, port, &hints, &found);
	if (rc != 0) {
		report_error(a->report, a->options->file, a->options->line,
		    a->options->key, "%s: host \"%s\": %s", a->name, spec->host,
		    gai_strerror(rc));
		return -1;
	}
	fd = socket(
	    found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		rc = -1;
	if (rc == 0)
		rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (rc == 0 && found->ai_family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (rc == 0)
		rc = bind(fd, found->ai_addr, found->ai_addrlen);
	if (rc == 0)
		rc = listen(fd, BACKLOG);
	int error = errno;
	if (rc != 0 && error == EADDRINUSE)
		fd = fail_in_use(a, found->ai_addr, fd);
	else if (rc != 0)
		fd = fail(a, "cannot listen", fd);
	freeaddrinfo(found);
	return fd;
}

int
listen_open(const struct sockaddr_spec *spec,
    const struct listen_options *options, const char *name,
    struct report *report)
{
	const struct attempt a = {options, name, report};

	return spec->family == SOCKADDR_UNIX ? open_unix(spec, &a)
					     : open_inet(spec, &a);
}

void
listen_check_end(void)
{
	for (unsigned i = 0; i < checked_count; i++)
		unlink(checked[i].sun_path);
	checked_count = 0;
}

static bool
parse(struct mf_text where, const struct listen_options *o,
    struct sockaddr_spec *spec, struct report *report)
{
	const char *why = NULL;

	if (sockaddr_parse(where, spec, &why))
		return true;
	report_error(report, o->file, o->line, o->key, "\"%.*s\": %s",
	    (int)where.len, where.p, why);
	return false;
}

bool
listen_check_text(struct mf_text where, const struct listen_options *options,
    struct report *report)
{
	struct sockaddr_spec spec;

	return parse(where, options, &spec, report);
}

void
listen_warn_user(
    struct mf_text where, const struct listen_options *o, struct report *report)
{
	struct sockaddr_spec spec;
	const char *why, *dir;

	if (!sockaddr_parse(where, &spec, &why) || spec.family != SOCKADDR_UNIX)
		return;
	dir = dirname(spec.path);
	if (access(dir, W_OK | X_OK) == 0 || errno == ENOENT)
		return;
	report_warning(report, o->file, o->line, o->key,
	    "%.*s: the user that the daemon runs as cannot create it: %s; it "
	    "works if started as root, but not under systemd",
	    (int)where.len, where.p, strerror(errno));
}

int
listen_open_text(struct mf_text where, const struct listen_options *options,
    struct report *report)
{
	struct sockaddr_spec spec;
	char name[512];

	if (!parse(where, options, &spec, report))
		return -1;
	snprintf(name, sizeof(name), "%.*s", (int)where.len, where.p);
	return listen_open(&spec, options, name, report);
}

bool
listen_peer_uid(int fd, uid_t *uid)
{
#ifdef SO_PEERCRED
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	*uid = peer.uid;
	return true;
#else
	gid_t gid;

	return getpeereid(fd, uid, &gid) == 0;
#endif
}

/* --- systemd --- */

static char inherited_names[LISTEN_NAMES_SIZE];

unsigned
listen_inherited_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t wanted_pid, count = 0;

	if (pid == NULL || fds == NULL ||
	    !text_uint(mf_text_of(pid), UINT32_MAX, &wanted_pid) ||
	    wanted_pid != (uint64_t)getpid() ||
	    !text_uint(mf_text_of(fds), INHERITED_MAX, &count))
		return 0;
	return (unsigned)count;
}

void
listen_inherited_by_child(void)
{
	const char *pid = getenv("LISTEN_PID");
	uint64_t wanted_pid;
	char own[24];

	if (pid == NULL ||
	    !text_uint(mf_text_of(pid), UINT32_MAX, &wanted_pid) ||
	    wanted_pid != (uint64_t)getppid())
		return;
	snprintf(own, sizeof(own), "%ld", (long)getpid());
	setenv("LISTEN_PID", own, 1);
}

unsigned
listen_inherited(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int count = (int)listen_inherited_count();

	if (count == 0)
		return 0;
	if (names != NULL && strlen(names) < sizeof(inherited_names))
		memcpy(inherited_names, names, strlen(names) + 1);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (int fd = LISTEN_FIRST_FD; fd < LISTEN_FIRST_FD + count; fd++) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	}
	return (unsigned)count;
}

const char *
listen_inherited_name(unsigned n)
{
	static char name[FD_NAME_SIZE];
	struct mf_text rest = mf_text_of(inherited_names), one = {NULL, 0};

	for (unsigned i = 0; i <= n; i++) {
		if (text_cut(&rest, ':', &one))
			continue;
		one = rest;
		rest.len = 0;
	}
	one = text_head(one, sizeof(name) - 1);
	if (one.len != 0)
		memcpy(name, one.p, one.len);
	name[one.len] = '\0';
	return name;
}

/* --- owner --- */

static bool
find_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return false;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return true;
}

static bool
find_group(const char *name, gid_t *gid)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return false;
	*gid = gr->gr_gid;
	return true;
}

bool
listen_owner(struct mf_text text, struct listen_options *options,
    const char *file, unsigned line, struct report *report)
{
	struct mf_text group = text, user = text;
	bool has_group = text_cut(&group, ':', &user);
	char name[64];

	user = text_head(user, sizeof(name) - 1);
	memcpy(name, user.p, user.len);
	name[user.len] = '\0';
	if (user.len != 0 && !find_user(name, &options->uid, &options->gid)) {
		report_error(report, file, line, "socket_owner",
		    "no user \"%s\" on this system", name);
		return false;
	}
	if (!has_group)
		return true;
	group = text_head(group, sizeof(name) - 1);
	memcpy(name, group.p, group.len);
	name[group.len] = '\0';
	if (!find_group(name, &options->gid)) {
		report_error(report, file, line, "socket_owner",
		    "no group \"%s\" on this system", name);
		return false;
	}
	return true;
}
