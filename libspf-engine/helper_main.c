/* SPDX-License-Identifier: ISC */
/*
 * spf-libspf2: libspf2 in a process of its own.  A daemon starts it, with one
 * end of a socket pair as its standard input, asks it one check after the
 * other, and answers its lookups (wire.h).
 *
 * It gives up what it doesn't need before it reads anything: other files, new
 * ones, new processes, more memory, root.  When the daemon is gone its socket
 * is at its end, and so is the helper.  It never writes to a file or a log.
 *
 * Exit status: 0 at the end of the socket, 1 if something failed, 2 if it
 * wasn't started by a daemon.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "common/close_from.h"
#include "libspf-engine/wire.h"

/* Sanitizers reserve terabytes, and start a thread. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define MEMORY_MAX  (256 * 1024 * 1024) /* octets of address space */
#define CPU_SEC_MAX 2                   /* of one check */

/* Who becomes of root; of no account if there is no such user. */
#define NOBODY "nobody"

/* --- giving up privileges --- */

static void
limit(int what, rlim_t max)
{
	struct rlimit r = {.rlim_cur = max, .rlim_max = max};

	setrlimit(what, &r);
}

static void
drop_root(void)
{
	const struct passwd *nobody;

	if (geteuid() != 0)
		return;
	nobody = getpwnam(NOBODY);
	if (nobody == NULL || nobody->pw_uid == 0)
		return;
	/* Where root can't (a container), it has no powers to lose either. */
	if (setgroups(0, NULL) < 0 || setgid(nobody->pw_gid) < 0 ||
	    setuid(nobody->pw_uid) < 0)
		return;
	if (setuid(0) == 0)
		_exit(1);
}

static void
give_up_privileges(void)
{
	drop_root();
	close_from(STDERR_FILENO + 1);
	if (chdir("/") < 0)
		_exit(1);
#ifdef __linux__
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 0);
	if (SANITIZED)
		return;
#ifdef RLIMIT_NPROC
	limit(RLIMIT_NPROC, 0);
#endif
	limit(RLIMIT_AS, MEMORY_MAX);
}

/* From now on, a check may take so long; then SIGXCPU ends the process. */
static void
limit_cpu(void)
{
	struct rusage used;
	struct rlimit r;

	if (getrusage(RUSAGE_SELF, &used) < 0 || getrlimit(RLIMIT_CPU, &r) < 0)
		return;
	r.rlim_cur = (rlim_t)used.ru_utime.tv_sec +
	    (rlim_t)used.ru_stime.tv_sec + 1 + CPU_SEC_MAX;
	setrlimit(RLIMIT_CPU, &r);
}

/* --- messages --- */

static void
send_or_exit(const struct text_out *message)
{
	if (message->full ||
	    send(STDIN_FILENO, message->p, message->len, MSG_NOSIGNAL) !=
		(ssize_t)message->len)
		_exit(1);
}

/* The next message; none will come any more at the socket's end. */
static struct mf_text
receive_or_exit(char *room, size_t size)
{
	ssize_t len;

	do
		len = recv(STDIN_FILENO, room, size, 0);
	while (len < 0 && errno == EINTR);
	if (len <= 0)
		_exit(len == 0 ? 0 : 1);
	return mf_text_at(room, (size_t)len);
}

/* --- checks --- */

/* The answers of the check at hand. */
struct answers {
	const struct spf_answer *answers[SPF_LIBSPF2_LOOKUPS_MAX];
	size_t count;
};

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	static char room[WIRE_SIZE + 1];
	struct answers *answers = arg;
	struct text_out out = text_out(room, sizeof(room));
	const struct spf_answer *answer;

	wire_put_lookup_(&out, rr, name);
	send_or_exit(&out);
	if (!wire_get_answer_(receive_or_exit(room, sizeof(room)), rr, &answer))
		_exit(1);
	if (answer != NULL)
		answers->answers[answers->count++] = answer;
	return answer;
}

static void
check(struct mf_text message)
{
	struct spf_request request;
	struct spf_record *guess = NULL;
	struct answers answers = {.count = 0};
	struct spf_verdict verdict;
	enum spf_status status;
	enum spf_opinion opinion;
	char room[WIRE_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text guessed;

	if (!wire_get_request_(message, &request, &guessed))
		_exit(1);
	if (guessed.len != 0) {
		guess = spf_record_compile(guessed);
		if (guess == NULL)
			_exit(1);
	}
	request.best_guess = guess;
	status = spf_libspf2_evaluate(&request,
	    &(struct spf_source){.lookup = lookup, .arg = &answers}, &verdict,
	    &opinion);
	wire_put_verdict_(&out, status, opinion, &verdict);
	send_or_exit(&out);
	while (answers.count > 0)
		spf_answer_free(answers.answers[--answers.count]);
	spf_record_free(guess);
}

static const char purpose[] = "spf-libspf2: started by the mailfrom daemons "
			      "if their engine is libspf2 or audit\n";

/* Whether it is one of the options that every program has. */
static bool
answers_alone(const char *option)
{
	if (strcmp(option, "-V") == 0 || strcmp(option, "--version") == 0) {
		puts("spf-libspf2 (mailfrom) " MAILFROM_VERSION);
		return true;
	}
	if (strcmp(option, "-h") != 0 && strcmp(option, "--help") != 0)
		return false;
	fputs(purpose, stdout);
	return true;
}

int
main(int argc, char **argv)
{
	static char room[WIRE_SIZE + 1];
	struct text_out hello = text_out(room, sizeof(room));
	int type;
	socklen_t size = sizeof(type);

	if (argc == 2 && answers_alone(argv[1]))
		return 0;
	if (argc != 1 ||
	    getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    type != SOCK_SEQPACKET) {
		fputs(purpose, stderr);
		return 2;
	}
	give_up_privileges();
	wire_put_hello_(&hello);
	send_or_exit(&hello);
	for (;;) {
		struct mf_text message = receive_or_exit(room, sizeof(room));

		limit_cpu();
		check(message);
	}
}
