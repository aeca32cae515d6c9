/* SPDX-License-Identifier: ISC */
/*
 * Reading: the programs of the daemons, their processes, sockets and files.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/dial.h"
#include "rewrite/secret_memory.h"
#include "rewrite/secrets.h"
#include "tools/mailfrom/doctor.h"
#include "tools/mailfrom/doctor_run.h"

#define PROGRAM_SEC 20
#define DAY_SEC     86400

/* --- what a user may do --- */

/* Exit statuses of the child that becomes that user. */
enum { MAY = 0, MAY_NOT = 1, IS_MISSING = 2, IS_UNKNOWN = 3 };

static int
try_as(const struct passwd *user, const char *path, bool to_write)
{
	if (initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
		return IS_UNKNOWN;
	if (access(path, to_write ? R_OK | W_OK : R_OK) == 0)
		return MAY;
	return errno == ENOENT || errno == ENOTDIR ? IS_MISSING : MAY_NOT;
}

enum access_by_user
daemons_reach(const char *name, const char *path, bool to_write)
{
	const struct passwd *user = getpwnam(name);
	int status;

	if (user == NULL || (geteuid() != 0 && geteuid() != user->pw_uid))
		return REACH_UNKNOWN;
	pid_t child = fork();
	if (child == 0)
		_exit(try_as(user, path, to_write));
	if (child < 0)
		return REACH_UNKNOWN;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return REACH_UNKNOWN;
	if (!WIFEXITED(status))
		return REACH_UNKNOWN;
	switch (WEXITSTATUS(status)) {
	case MAY:
		return REACH_OK;
	case MAY_NOT:
		return REACH_DENIED;
	case IS_MISSING:
		return REACH_MISSING;
	default:
		return REACH_UNKNOWN;
	}
}

/* --- programs --- */

/* Beside this program, in the sbin next to its bin, or where they install. */
static const char *
find_program(struct doctor_facts *f, const char *name)
{
	static const char *const places[] = {
	    "/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/mailfrom/sbin"};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *path;

	if (len > 0) {
		struct mf_text dir = mf_text_at(self, (size_t)len);

		dir = text_head(dir, text_rfind(dir, '/'));
		path =
		    arena_printf(f->arena, "%.*s/%s", TEXT_ARGS(dir), name).p;
		if (access(path, X_OK) == 0)
			return path;
		path = arena_printf(
		    f->arena, "%.*s/../sbin/%s", TEXT_ARGS(dir), name)
			   .p;
		if (access(path, X_OK) == 0)
			return path;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		path = arena_printf(f->arena, "%s/%s", places[i], name).p;
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* "srsd (mailfrom) 0.1.0": its last word. */
static struct mf_text
version_of(struct doctor_facts *f, const char *program)
{
	char *argv[] = {(char *)(uintptr_t)program, "--version", NULL};
	struct doctor_run done = doctor_run(f->arena, argv, PROGRAM_SEC);
	struct mf_text line =
	    text_trim(text_head(done.out, text_find(done.out, '\n')));

	if (done.status != 0)
		return MF_TEXT("");
	size_t blank = text_rfind(line, ' ');
	return blank < line.len ? text_from(line, blank + 1) : line;
}

static void
check_configuration(struct doctor_facts *f, struct daemon_facts *d)
{
	char *argv[] = {(char *)(uintptr_t)d->program, "-n", "-c",
	    (char *)(uintptr_t)f->own.path, NULL};
	struct doctor_run done = doctor_run(f->arena, argv, PROGRAM_SEC);

	d->check_status = done.status;
	d->check_said = text_trim(done.err);
}

/* --- processes --- */

static bool
is_number(const char *s)
{
	while (ascii_is_digit(*s))
		s++;
	return *s == '\0';
}

static bool
is_called(const char *pid, const char *name)
{
	char path[64], word[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(word, sizeof(word), file) == NULL)
		word[0] = '\0';
	fclose(file);
	word[strcspn(word, "\n")] = '\0';
	return strcmp(word, name) == 0;
}

/*
 * The version of a process: its program is run again, even if another one has
 * replaced its file.
 */
static struct mf_text
running_version(struct doctor_facts *f, const char *name)
{
	struct mf_text version = MF_TEXT("");
	DIR *proc = f->is_root ? opendir("/proc") : NULL;
	const struct dirent *entry;

	if (proc == NULL)
		return version;
	while (version.len == 0 && (entry = readdir(proc)) != NULL)
		if (is_number(entry->d_name) && is_called(entry->d_name, name))
			version = version_of(f,
			    arena_printf(
				f->arena, "/proc/%s/exe", entry->d_name)
				.p);
	closedir(proc);
	return version;
}

/* --- files --- */

static void
add_file(struct doctor_facts *f, struct daemon_facts *d, const char *path)
{
	d->files =
	    arena_grow(f->arena, d->files, d->file_count, sizeof(*d->files));
	d->files[d->file_count++] =
	    (struct daemon_file){path, daemons_reach(d->user.p, path, false)};
}

static void
add_files(
    struct doctor_facts *f, enum own_daemon daemon, struct daemon_facts *d)
{
	const struct conf_file *list;

	add_file(f, d, f->own.path);
	if (daemon != OWN_SPFMILTER && f->own.secret_file != NULL &&
	    !f->own.is_legacy)
		add_file(f, d, f->own.secret_file);
	if (daemon == OWN_SRSMILTER && f->own.srs.rrs_secret_file.len != 0)
		add_file(
		    f, d, arena_copy(f->arena, f->own.srs.rrs_secret_file).p);
	if (daemon == OWN_SPFMILTER && f->own.spfmilter.access.len != 0)
		add_file(f, d, arena_copy(f->arena, f->own.spfmilter.access).p);
	if (f->own.spf.record_file.len != 0)
		add_file(f, d, arena_copy(f->arena, f->own.spf.record_file).p);
	for (size_t i = 0;
	     f->own.conf != NULL && (list = conf_file(f->own.conf, i)) != NULL;
	     i++)
		add_file(f, d, list->path);
}

/* --- sockets --- */

static void
ask_map(struct doctor_facts *f, struct socket_facts *s)
{
	static struct talk_map map;
	struct mf_text reply;

	if (!talk_map_open(&map, &s->socket->spec)) {
		s->said = mf_text_of(strerror(errno));
		return;
	}
	if (!talk_map_ask(&map, "probe", MF_TEXT("up"), &reply)) {
		s->said = MF_TEXT("no reply to the probe");
	} else {
		s->answers = text_starts(reply, MF_TEXT("OK "));
		s->said = arena_copy(
		    f->arena, s->answers ? text_from(reply, 3) : reply);
	}
	talk_map_close(&map);
}

static void
ask_milter(struct doctor_facts *f, struct socket_facts *s)
{
	static struct talk_milter milter;
	const char *why = "";

	milter.arena = f->arena;
	s->answers = talk_milter_open(&milter, &s->socket->spec, &why);
	s->said = s->answers
	    ? arena_printf(f->arena, "milter protocol %u", milter.version)
	    : arena_copy(f->arena, mf_text_of(why));
	talk_milter_close(&milter);
}

/* tcp_table(5): an address that is nobody's is not found, with 500. */
static void
ask_table(struct doctor_facts *f, struct socket_facts *s)
{
	static struct talk_smtp table;
	struct talk_smtp_reply reply;

	if (!talk_table_open(&table, &s->socket->spec)) {
		s->said = mf_text_of(strerror(errno));
		return;
	}
	reply = talk_smtp_say(&table, f->arena, "get mailfrom-doctor");
	s->answers = reply.code == 500 || reply.code == 200;
	s->said = s->answers ? MF_TEXT("tcp_table")
			     : MF_TEXT("no reply of a tcp_table");
	talk_smtp_close(&table);
}

/* A request about no message, which any policy service lets pass. */
static void
ask_policy(struct doctor_facts *f, struct socket_facts *s)
{
	static const char request[] =
	    "request=smtpd_access_policy\nprotocol_state=VRFY\n\n";
	char reply[64];
	ssize_t n = -1;
	int fd = dial(&s->socket->spec, TALK_SEC);

	if (fd >= 0 && dial_send(fd, mf_text_at(request, strlen(request))))
		n = read(fd, reply, sizeof(reply));
	s->answers = n > 0 &&
	    text_starts(mf_text_at(reply, (size_t)n), MF_TEXT("action="));
	s->said = s->answers ? MF_TEXT("policy protocol")
	    : n < 0          ? arena_copy(f->arena, mf_text_of(strerror(errno)))
			     : MF_TEXT("no reply of a policy service");
	if (fd >= 0)
		close(fd);
}

static void
read_sockets(struct doctor_facts *f)
{
	f->sockets = arena_new(
	    f->arena, (f->own.socket_count + 1) * sizeof(*f->sockets));
	for (size_t i = 0; i < f->own.socket_count; i++) {
		const struct own_socket *socket = &f->own.sockets[i];
		struct socket_facts *s = &f->sockets[f->socket_count];

		if (!f->daemons[socket->daemon].is_used)
			continue;
		f->socket_count++;
		s->socket = socket;
		if (socket->is_tcp_table)
			ask_table(f, s);
		else if (socket->is_policy)
			ask_policy(f, s);
		else if (socket->daemon == OWN_SRSD)
			ask_map(f, s);
		else
			ask_milter(f, s);
	}
}

void
daemons_read(struct doctor_facts *f)
{
	for (int i = 0; i < OWN_DAEMONS; i++) {
		enum own_daemon daemon = (enum own_daemon)i;
		struct daemon_facts *d = &f->daemons[i];

		if (!d->is_used)
			continue;
		d->user = own_user(&f->own, daemon, f->arena);
		d->user_exists = getpwnam(d->user.p) != NULL;
		add_files(f, daemon, d);
		d->program = find_program(f, own_daemon_names[i]);
		if (d->program == NULL)
			continue;
		check_configuration(f, d);
		d->version = version_of(f, d->program);
		d->running = running_version(f, own_daemon_names[i]);
	}
	read_sockets(f);
}

/* --- the secret --- */

static struct mf_text
user_name(struct doctor_facts *f, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL ? arena_copy(f->arena, mf_text_of(user->pw_name))
			    : arena_printf(f->arena, "%u", (unsigned)uid);
}

static struct mf_text
group_name(struct doctor_facts *f, gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group != NULL ? arena_copy(f->arena, mf_text_of(group->gr_name))
			     : arena_printf(f->arena, "%u", (unsigned)gid);
}

static void
read_fingerprints(struct doctor_facts *f, struct secret_facts *s)
{
	struct report ignored = {.say = report_ignore};
	enum secrets_mode mode =
	    f->own.srs.secret_line_end ? SECRETS_WITH_LINE_END : SECRETS_PLAIN;
	struct secrets secrets;

	if (secrets_load(f->own.secret_file, mode, &secrets, &ignored)) {
		s->count = secrets.count;
		s->mode = (unsigned)secrets.mode & 07777;
		for (size_t i = 0; i < secrets.count; i++) {
			char print[SECRET_FINGERPRINT_SIZE];

			secret_fingerprint(secrets.items[i], print);
			s->fingerprints = arena_printf(f->arena, "%.*s%s%s",
			    TEXT_ARGS(s->fingerprints), i == 0 ? "" : " ",
			    print);
		}
	}
	secrets_free(&secrets);
}

void
daemons_read_secret(struct doctor_facts *f)
{
	struct secret_facts *s = &f->secret;
	struct stat st;

	if (f->own.secret_file == NULL || stat(f->own.secret_file, &st) < 0)
		return;
	s->is_readable = access(f->own.secret_file, R_OK) == 0;
	s->mode = (unsigned)st.st_mode & 07777;
	s->owner = user_name(f, st.st_uid);
	s->group = group_name(f, st.st_gid);
	if ((uint64_t)st.st_mtime < f->now_sec)
		s->age_days = (f->now_sec - (uint64_t)st.st_mtime) / DAY_SEC;
	if (s->is_readable && !f->own.is_legacy)
		read_fingerprints(f, s);
}
