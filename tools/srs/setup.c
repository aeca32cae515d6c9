/* SPDX-License-Identifier: ISC */
/*
 * srs setup: the samples of etc/ with the domains and the socket of a
 * configuration in them.
 */
#include "tools/srs/setup.h"

#include <errno.h>
#include <stdio.h>

#include "tools/srs/samples.h"
#include "tools/srs/srs.h"

#define SPOOL MF_TEXT("/var/spool/postfix/")

/* A sample, and where an administrator puts it. */
struct setup_part {
	const char *form;
	const char *sample;
	const char *place;
	const char *comment; /* what begins one there */
};

static const struct setup_form forms[] = {
    {"postfix-milter", false, true, "remote_domain"},
    {"postfix-cleanup", false, false, NULL},
    {"postfix-simple", false, false, NULL},
    {"sendmail", true, false, NULL},
    {"sendmail-milter", true, true, "remote_mailer"},
};

static const struct setup_part parts[] = {
    {"postfix-milter", "etc/postfix/milter.main.cf",
	"/etc/postfix/main.cf: add", "#"},
    {"postfix-milter", "etc/postfix/milter.master.cf",
	"/etc/postfix/master.cf: add", "#"},
    {"postfix-cleanup", "etc/postfix/outbound.main.cf",
	"/etc/postfix/main.cf: add", "#"},
    {"postfix-cleanup", "etc/postfix/outbound.master.cf",
	"/etc/postfix/master.cf: add", "#"},
    {"postfix-simple", "etc/postfix/canonical.main.cf",
	"/etc/postfix/main.cf: add", "#"},
    {"sendmail", "etc/sendmail/mailfrom-srs.mc",
	"/etc/mail/sendmail.mc: in the place of MAILER(smtp)", "dnl"},
    {"sendmail", "etc/sendmail/mailfrom-srs.m4",
	"/etc/mail/mailfrom-srs.m4: a file of its own", "dnl"},
    {"sendmail-milter", "etc/sendmail/srsmilter.mc",
	"/etc/mail/sendmail.mc: add before MAILER()", "dnl"},
    {"sendmail-milter", "etc/sendmail/srsmilter.virtusertable",
	"/etc/mail/virtusertable: add", "#"},
    {"sendmail-milter", "etc/sendmail/srsmilter.aliases",
	"/etc/mail/aliases: add", "#"},
};

static const struct setup_form *
find_form(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

static struct mf_text
find_sample(const char *name)
{
	const struct sample *sample = samples;

	while (sample->name != NULL && strcmp(sample->name, name) != 0)
		sample++;
	return mf_text_at((const char *)sample->bytes, sample->size);
}

/* --- sockets --- */

static void
put(struct mf_text t)
{
	fwrite(t.p, 1, t.len, stdout);
}

/* Debian's Postfix is locked into its spool. */
static bool
is_in_spool(const struct sockaddr_spec *s)
{
	return text_starts(mf_text_of(s->path), SPOOL);
}

static void
put_for_postfix(const struct setup *setup)
{
	const struct sockaddr_spec *s = &setup->listen;

	switch (s->family) {
	case SOCKADDR_UNIX:
		printf(
		    "unix:%s", is_in_spool(s) ? s->path + SPOOL.len : s->path);
		break;
	case SOCKADDR_INET:
		printf("inet:%s:%u", s->host, s->port);
		break;
	case SOCKADDR_INET6:
		printf("inet:[%s]:%u", s->host, s->port);
		break;
	}
}

static void
put_for_libmilter(const struct setup *setup)
{
	const struct sockaddr_spec *s = &setup->listen;

	switch (s->family) {
	case SOCKADDR_UNIX:
		printf("local:%s", s->path);
		break;
	case SOCKADDR_INET:
		printf("inet:%u@%s", s->port, s->host);
		break;
	case SOCKADDR_INET6:
		printf("inet6:%u@%s", s->port, s->host);
		break;
	}
}

/* As listen has it. */
static void
put_for_us(const struct setup *setup)
{
	if (setup->listen.family == SOCKADDR_UNIX)
		printf("unix:%s", setup->listen.path);
	else
		put_for_libmilter(setup);
}

static void
put_domain(const struct setup *setup)
{
	put(setup->domains[0]);
}

/* --- lines --- */

/* What samples have in the place of a value; the longer ones first. */
static const struct {
	struct mf_text word;
	void (*put)(const struct setup *setup);
} words[] = {
    {{"srs.fwd.example", 15}, put_domain},
    {{"fwd.example", 11}, put_domain},
    {{"inet:127.0.0.1:10003", 20}, put_for_postfix},
    {{"inet:127.0.0.1:10007", 20}, put_for_postfix},
    {{"inet:10003@127.0.0.1", 20}, put_for_libmilter},
    {{"inet:10007@127.0.0.1", 20}, put_for_us},
    {{"unix:/run/mailfrom/srsmilter.sock", 33}, put_for_us},
    {{"local:/run/mailfrom/srsmilter.sock", 34}, put_for_libmilter},
};

static size_t
word_at(struct mf_text t)
{
	size_t i = 0;

	while (i < sizeof(words) / sizeof(words[0]) &&
	    !text_starts(t, words[i].word))
		i++;
	return i;
}

static void
put_filled_in(const struct setup *setup, struct mf_text line)
{
	while (line.len != 0) {
		size_t i = word_at(line);

		if (i == sizeof(words) / sizeof(words[0])) {
			putchar(line.p[0]);
			line = text_from(line, 1);
		} else {
			words[i].put(setup);
			line = text_from(line, words[i].word.len);
		}
	}
	putchar('\n');
}

static bool
contains(struct mf_text t, struct mf_text part)
{
	for (; t.len >= part.len; t = text_from(t, 1))
		if (text_starts(t, part))
			return true;
	return false;
}

static bool
is_comment(struct mf_text line)
{
	return text_starts(line, MF_TEXT("#")) ||
	    text_starts(line, MF_TEXT("dnl"));
}

/* A line for each sender that isn't rewritten, of Postfix's map of these. */
static void
put_own(const struct setup *setup)
{
	for (size_t i = 0; i < setup->own_count; i++)
		printf("\t{ @%.*s = smtp: }\n", (int)setup->own[i].len,
		    setup->own[i].p);
}

/*
 * A line of Postfix's map of signed addresses for each of their domains; line
 * is that of fwd.example.  Dots stand for any octet there, which does no harm.
 */
static void
put_signed(const struct setup *setup, struct mf_text line)
{
	const struct mf_text word = MF_TEXT("fwd.example");
	size_t at = 0;

	while (!text_starts(text_from(line, at), word))
		at++;
	for (size_t i = 0; i < setup->signed_domains.count; i++) {
		struct mf_text domain = setup->signed_domains.patterns[i];

		put(text_head(line, at));
		if (domain.p[0] == '.')
			put(MF_TEXT(".*"));
		put(domain);
		put(text_from(line, at + word.len));
		putchar('\n');
	}
}

/* Settings with a domain stand there once for each SRS domain. */
static void
put_line(const struct setup *setup, struct mf_text line)
{
	struct setup one = *setup;

	if (is_comment(line) || !contains(line, MF_TEXT("fwd.example"))) {
		put_filled_in(setup, line);
		return;
	}
	if (text_starts(line, MF_TEXT("\t{ @fwd.example = "))) {
		put_own(setup);
		return;
	}
	if (text_starts(line, MF_TEXT("\t{ /"))) {
		put_signed(setup, line);
		return;
	}
	for (size_t i = 0; i < setup->domain_count; i++) {
		one.domains = &setup->domains[i];
		put_filled_in(&one, line);
	}
}

static void
put_part(const struct setup *setup, const struct setup_part *part)
{
	struct mf_text rest = find_sample(part->sample), line;

	printf("%s --- %s ---\n", part->comment, part->place);
	while (text_cut(&rest, '\n', &line))
		put_line(setup, line);
}

/* --- what can't be said in the files --- */

static void
warn(const struct setup *setup, const struct setup_form *form)
{
	if (form->for_sendmail)
		return;
	if (setup->listen.family == SOCKADDR_UNIX &&
	    !is_in_spool(&setup->listen))
		fprintf(stderr,
		    "srs: warning: %s isn't below /var/spool/postfix, where "
		    "Debian's Postfix is locked in\n",
		    setup->listen.path);
	if (setup->left_out != 0)
		fprintf(stderr,
		    "srs: warning: %zu of own_domains can't stand in a map of "
		    "Postfix: their senders aren't rewritten, but take the "
		    "second pass\n",
		    setup->left_out);
}

static int
unknown_form(const char *name)
{
	fprintf(stderr, "srs: setup: \"%s\" is none of", name);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		fprintf(stderr, " %s", forms[i].name);
	fputc('\n', stderr);
	return SRS_EXIT_USAGE;
}

int
srs_setup(const char *name, const char *path)
{
	const struct setup_form *form = find_form(name);
	struct report report = report_to_stderr();
	struct setup setup;
	int rc = SRS_EXIT_OK;

	if (form == NULL)
		return unknown_form(name);
	if (!setup_load(path, form, &setup, &report)) {
		setup_free(&setup);
		return SRS_EXIT_FAILED;
	}
	warn(&setup, form);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(parts[i].form, form->name) == 0)
			put_part(&setup, &parts[i]);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "srs: stdout: %s\n", strerror(errno));
		rc = SRS_EXIT_FAILED;
	}
	setup_free(&setup);
	return rc;
}
