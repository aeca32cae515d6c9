/* SPDX-License-Identifier: ISC */
/*
 * Checks of mailfrom.conf, the secret, and the daemons as they run.
 */
#include "tools/mailfrom/doctor.h"

#define SECRET_OLD_DAYS 730

/* --- configuration --- */

void
check_own(struct doctor_facts *f, struct finding_list *out)
{
	if (f->own.has_errors || !f->own.is_readable)
		findings_add(out, FINDING_FAIL,
		    "the daemons don't start with it, and all below is "
		    "judged without what is wrong in it",
		    MF_TEXT("correct what the message says; srsd -n, "
			    "srsmilter -n and spfmilter -n check the file"),
		    "%.*s", TEXT_ARGS(f->own.said));
	else if (f->own.said.len != 0)
		findings_add(out, FINDING_WARN,
		    "the daemons start, and warn of it",
		    MF_TEXT("correct what the message says"), "%.*s",
		    TEXT_ARGS(f->own.said));
	else
		findings_ok(out, "%s, SRS domain %s", f->own.path,
		    f->own.srs_domain[0] != '\0' ? f->own.srs_domain : "none");
}

static void
report_check(struct doctor_facts *f, enum own_daemon daemon,
    const struct daemon_facts *d, struct finding_list *out)
{
	const char *name = own_daemon_names[daemon];

	if (d->program == NULL)
		findings_add(out, FINDING_FAIL,
		    "the mail server needs it, or mailfrom.conf has a section "
		    "for it",
		    findings_text(out,
			"install %s, or take its section out of %s", name,
			f->own.path),
		    "%s isn't installed here", name);
	else if (d->check_status != 0)
		findings_add(out, FINDING_FAIL,
		    "it doesn't start with this configuration",
		    findings_text(out, "correct what %s -n -c %s says", name,
			f->own.path),
		    "%s -n: %.*s", name, TEXT_ARGS(d->check_said));
	else if (d->check_said.len != 0)
		findings_add(out, FINDING_WARN,
		    "it starts, and warns of its configuration",
		    MF_TEXT("correct what the message says"), "%s -n: %.*s",
		    name, TEXT_ARGS(d->check_said));
	else
		findings_ok(
		    out, "%s -n: nothing is wrong in %s", name, f->own.path);
}

void
check_daemon_configuration(struct doctor_facts *f, struct finding_list *out)
{
	for (int i = 0; i < OWN_DAEMONS; i++)
		if (f->daemons[i].is_used)
			report_check(
			    f, (enum own_daemon)i, &f->daemons[i], out);
}

/* --- files --- */

static bool
check_file(const struct daemon_facts *d, const struct daemon_file *file,
    const char *name, struct finding_list *out)
{
	if (file->reach != REACH_MISSING && file->reach != REACH_DENIED)
		return true;
	findings_add(out, FINDING_FAIL,
	    "the daemon can't start, or can't reload",
	    file->reach == REACH_MISSING
		? findings_text(out,
		      "create %s, or take it out of "
		      "mailfrom.conf",
		      file->path)
		: findings_text(out,
		      "chgrp %.*s %s; chmod g+r %s (and let the group enter "
		      "its directory)",
		      TEXT_ARGS(d->user), file->path, file->path),
	    "%s runs as %.*s, which %s %s", name, TEXT_ARGS(d->user),
	    file->reach == REACH_MISSING ? "doesn't find" : "can't read",
	    file->path);
	return false;
}

static void
check_files_of(
    const struct daemon_facts *d, const char *name, struct finding_list *out)
{
	size_t known = 0;
	bool ok = true;

	if (!d->user_exists) {
		findings_add(out, FINDING_WARN,
		    "started as root, the daemon becomes that user",
		    findings_text(out,
			"useradd --system --home-dir /nonexistent --shell "
			"/usr/sbin/nologin %.*s",
			TEXT_ARGS(d->user)),
		    "%s: there is no user %.*s", name, TEXT_ARGS(d->user));
		return;
	}
	for (size_t i = 0; i < d->file_count; i++) {
		ok = check_file(d, &d->files[i], name, out) && ok;
		known += d->files[i].reach == REACH_OK;
	}
	if (ok)
		findings_ok(out,
		    "%s can read its files as %.*s (%zu of %zu "
		    "tried)",
		    name, TEXT_ARGS(d->user), known, d->file_count);
}

void
check_daemon_files(struct doctor_facts *f, struct finding_list *out)
{
	for (int i = 0; i < OWN_DAEMONS; i++)
		if (f->daemons[i].is_used)
			check_files_of(
			    &f->daemons[i], own_daemon_names[i], out);
}

/* --- sockets --- */

void
check_daemons_answer(struct doctor_facts *f, struct finding_list *out)
{
	for (size_t i = 0; i < f->socket_count; i++) {
		const struct socket_facts *s = &f->sockets[i];
		const char *name = own_daemon_names[s->socket->daemon];

		if (s->answers)
			findings_ok(out, "%s answers at %.*s: %.*s", name,
			    TEXT_ARGS(s->socket->words), TEXT_ARGS(s->said));
		else
			findings_add(out, FINDING_FAIL,
			    s->socket->daemon == OWN_SPFMILTER
				? "while it is down, mail gets 451"
				: "while it is down, forwards wait, and "
				  "bounces get 451",
			    findings_text(out,
				"systemctl status %s; systemctl restart %s",
				name, name),
			    "%s doesn't answer at %.*s: %.*s", name,
			    TEXT_ARGS(s->socket->words), TEXT_ARGS(s->said));
	}
}

static void
check_version(
    const struct daemon_facts *d, const char *name, struct finding_list *out)
{
	if (d->version.len != 0 &&
	    !mf_text_eq(d->version, MF_TEXT(MAILFROM_VERSION)))
		findings_add(out, FINDING_WARN,
		    "programs of different versions may read mailfrom.conf "
		    "differently",
		    MF_TEXT("install all programs of one version"),
		    "%s is version %.*s, mailfrom " MAILFROM_VERSION,
		    d->program, TEXT_ARGS(d->version));
	else if (d->running.len != 0 && !mf_text_eq(d->running, d->version))
		findings_add(out, FINDING_WARN,
		    "the process is older than its program",
		    findings_text(out, "systemctl restart %s", name),
		    "%s runs as version %.*s, and %.*s is installed", name,
		    TEXT_ARGS(d->running), TEXT_ARGS(d->version));
	else
		findings_ok(out, "%s %.*s%s", name, TEXT_ARGS(d->version),
		    d->running.len != 0 ? ", installed and running" : "");
}

void
check_versions(struct doctor_facts *f, struct finding_list *out)
{
	for (int i = 0; i < OWN_DAEMONS; i++)
		if (f->daemons[i].is_used && f->daemons[i].program != NULL)
			check_version(&f->daemons[i], own_daemon_names[i], out);
}

/* --- how Postfix gets there --- */

static bool
check_use(
    struct doctor_facts *f, const struct use_facts *u, struct finding_list *out)
{
	const char *chroot =
	    site_is_chrooted(&f->site, u->service) ? ", in its chroot" : "";

	if (u->socket == NULL) {
		findings_add(out, FINDING_FAIL,
		    "srsd doesn't listen there: lookups fail, and mail gets "
		    "451 or waits",
		    MF_TEXT("make it an address that listen in [srsd] names; "
			    "a unix socket must be below Postfix's spool if "
			    "the service is chrooted"),
		    "%.*s: %s asks at %.*s%s", TEXT_ARGS(u->service->name),
		    u->parameter, TEXT_ARGS(u->words), chroot);
		return false;
	}
	if (u->reach == REACH_MISSING || u->reach == REACH_DENIED) {
		findings_add(out, FINDING_FAIL,
		    "Postfix can't connect: mail gets 451, or waits",
		    u->reach == REACH_MISSING
			? MF_TEXT("start the daemon; the socket must be below "
				  "Postfix's spool if the service is chrooted")
			: MF_TEXT("socket_owner = mailfrom:postfix and "
				  "socket_mode = 0660 in mailfrom.conf, and a "
				  "directory that postfix may enter"),
		    "%.*s: %s: %s %s%s", TEXT_ARGS(u->service->name),
		    u->parameter, u->spec.path,
		    u->reach == REACH_MISSING ? "doesn't exist"
					      : "isn't writable for Postfix",
		    chroot);
		return false;
	}
	return true;
}

void
check_uses(struct doctor_facts *f, struct finding_list *out)
{
	bool ok = true;

	if (f->use_count == 0)
		return;
	for (size_t i = 0; i < f->use_count; i++)
		ok = check_use(f, &f->uses[i], out) && ok;
	if (ok)
		findings_ok(out,
		    "%zu addresses in main.cf and master.cf lead "
		    "to our sockets",
		    f->use_count);
}

/* --- the secret --- */

static bool
check_mode(const struct doctor_facts *f, struct finding_list *out)
{
	const struct secret_facts *s = &f->secret;
	const char *path = f->own.secret_file;

	if ((s->mode & 07) != 0) {
		findings_add(out, FINDING_FAIL,
		    "every account on this host can sign addresses with it",
		    findings_text(out,
			"chmod 0640 %s; chgrp mailfrom %s\n"
			"replace the secret: srs keygen",
			path, path),
		    "%s is accessible to all users (mode %04o)", path, s->mode);
		return false;
	}
	if ((s->mode & 020) != 0) {
		findings_add(out, FINDING_WARN,
		    "the daemon's group can replace the secret",
		    findings_text(out, "chmod g-w %s", path),
		    "%s is writable for group %.*s (mode %04o)", path,
		    TEXT_ARGS(s->group), s->mode);
		return false;
	}
	return true;
}

void
check_secret(struct doctor_facts *f, struct finding_list *out)
{
	const struct secret_facts *s = &f->secret;

	if (f->own.secret_file == NULL || s->owner.len == 0)
		return;
	if (!check_mode(f, out))
		return;
	if (!s->is_readable)
		findings_add(out, FINDING_WARN,
		    "without it, no address can be tried",
		    MF_TEXT("run mailfrom doctor as root"),
		    "%s can't be read by this user", f->own.secret_file);
	else if (s->age_days > SECRET_OLD_DAYS)
		findings_add(out, FINDING_WARN,
		    "whoever has seen it in that time can sign addresses",
		    findings_text(out,
			"put a new secret in front (srs keygen), reload, and "
			"remove the old one after max_age days: %s",
			f->own.secret_file),
		    "%s is %llu days old", f->own.secret_file,
		    (unsigned long long)s->age_days);
	else
		findings_ok(out,
		    "%s: %zu secrets, mode %04o, owner %.*s:%.*s, %llu days "
		    "old, fingerprints (the first one signs): %.*s",
		    f->own.secret_file, s->count, s->mode, TEXT_ARGS(s->owner),
		    TEXT_ARGS(s->group), (unsigned long long)s->age_days,
		    TEXT_ARGS(s->fingerprints));
}
