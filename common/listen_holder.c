/* SPDX-License-Identifier: ISC */
/* struct ucred is outside of POSIX. */
#define _GNU_SOURCE
#include "common/listen_holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_STATE 0x0a /* TCP_LISTEN in /proc/net/tcp */

/* --- which socket --- */

struct wanted {
	uint32_t words[4]; /* as /proc/net/tcp6 has them */
	unsigned count;    /* 1: IPv4 */
	unsigned port;
};

static void
read_address(const struct sockaddr *address, struct wanted *out)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		out->count = 1;
		out->words[0] = in->sin_addr.s_addr;
		out->port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (const void *)address;

		out->count = 4;
		memcpy(out->words, &in6->sin6_addr, sizeof(out->words));
		out->port = ntohs(in6->sin6_port);
	}
}

static bool
is_any(const uint32_t *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (words[i] != 0)
			return false;
	return true;
}

static bool
conflicts(const struct wanted *w, const uint32_t *words, unsigned count)
{
	if (is_any(words, count) || is_any(w->words, w->count))
		return true;
	return count == w->count &&
	    memcmp(words, w->words, count * sizeof(words[0])) == 0;
}

/* The inode of a listening socket in a line of /proc/net/tcp; 0: it is none. */
static unsigned long
inode_of(const char *line, const struct wanted *w, unsigned count)
{
	uint32_t words[4] = {0};
	char address[33];
	unsigned port, state;
	unsigned long inode;

	if (sscanf(line,
		" %*u: %32[0-9A-Fa-f]:%4x %*s %2x %*s %*s %*s %*s %*s %lu",
		address, &port, &state, &inode) != 4 ||
	    strlen(address) != (size_t)count * 8 || state != LISTEN_STATE ||
	    port != w->port)
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (sscanf(address + (size_t)i * 8, "%8x", &words[i]) != 1)
			return 0;
	return conflicts(w, words, count) ? inode : 0;
}

static unsigned long
find_inode(const char *path, const struct wanted *w, unsigned count)
{
	FILE *file = fopen(path, "re");
	unsigned long inode = 0;
	char line[512];

	if (file == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof(line), file) != NULL)
		inode = inode_of(line, w, count);
	fclose(file);
	return inode;
}

/* --- whose it is --- */

static bool
has_socket(const char *pid, const char *socket)
{
	char path[64], target[64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		ssize_t len = readlinkat(
		    dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len > 0) {
			target[len] = '\0';
			found = strcmp(target, socket) == 0;
		}
	}
	closedir(dir);
	return found;
}

static pid_t
find_process(unsigned long inode)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	uint64_t found = 0;
	char socket[64];

	if (dir == NULL)
		return 0;
	snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
	while (found == 0 && (entry = readdir(dir)) != NULL)
		if (ascii_is_digit(entry->d_name[0]) &&
		    has_socket(entry->d_name, socket) &&
		    !text_uint(mf_text_of(entry->d_name), INT32_MAX, &found))
			found = 0;
	closedir(dir);
	return (pid_t)found;
}

/* Whoever called listen(), if anybody answers. */
static pid_t
find_unix(const struct sockaddr *address)
{
	pid_t pid = 0;
#ifdef SO_PEERCRED
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, address, sizeof(struct sockaddr_un)) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		pid = peer.pid;
	close(fd);
#else
	(void)address;
#endif
	return pid;
}

static pid_t
find_inet(const struct sockaddr *address)
{
	struct wanted wanted = {.count = 0};
	unsigned long inode;

	read_address(address, &wanted);
	inode = find_inode("/proc/net/tcp", &wanted, 1);
	if (inode == 0)
		inode = find_inode("/proc/net/tcp6", &wanted, 4);
	return inode != 0 ? find_process(inode) : 0;
}

/* A process may call itself anything. */
static void
read_name(struct listen_holder *holder)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)holder->pid);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(holder->name, sizeof(holder->name), file) != NULL)
		holder->name[strcspn(holder->name, "\n")] = '\0';
	fclose(file);
	for (char *p = holder->name; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void
listen_holder_find(const struct sockaddr *address, struct listen_holder *out)
{
	*out = (struct listen_holder){.pid = 0};
	out->pid = address->sa_family == AF_UNIX ? find_unix(address)
						 : find_inet(address);
	if (out->pid > 0)
		read_name(out);
}

bool
listen_holder_is(const struct listen_holder *holder, const char *program)
{
	/* systemd sets it for what it runs to reload (systemd.exec(5)). */
	const char *main_pid = getenv("MAINPID");

	return holder->pid == 1 || strcmp(holder->name, program) == 0 ||
	    (main_pid != NULL && holder->name[0] == '\0');
}
