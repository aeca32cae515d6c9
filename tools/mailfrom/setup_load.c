/* SPDX-License-Identifier: ISC */
/* Reads what mailfrom setup needs from mailfrom.conf, and checks it. */
#include "tools/mailfrom/setup_load.h"

#include <stdlib.h>

#include "rewrite/legacy.h"
#include "rewrite/rrs_rules.h"
#include "rewrite/srs_domains.h"
#include "settings/sections.h"

struct reader {
	struct setup *setup;
	const struct setup_form *form;
	struct report *report;
	bool is_legacy;
	struct srsd_settings srsd;
	struct srsmilter_settings srsmilter;
	struct spfmilter_settings spfmilter;
};

static const struct setup_form forms[] = {
    {"postfix-milter", false, SETUP_SRSMILTER, true, "remote_domain"},
    {"postfix-cleanup", false, SETUP_SRSD, true, NULL},
    {"postfix-simple", false, SETUP_SRSD, false, NULL},
    {"postfix-spfmilter", false, SETUP_SPFMILTER, false, NULL},
    {"spf-policy", false, SETUP_SPF_POLICY, false, NULL},
    {"sendmail", true, SETUP_SRSD, false, NULL},
    {"sendmail-milter", true, SETUP_SRSMILTER, false, "remote_mailer"},
    {"sendmail-spfmilter", true, SETUP_SPFMILTER, false, NULL},
};

const struct setup_form *
setup_form_find(const char *name)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

const char *
setup_form_names(void)
{
	return "postfix-milter postfix-cleanup postfix-simple "
	       "postfix-spfmilter spf-policy sendmail sendmail-milter "
	       "sendmail-spfmilter";
}

static bool
fail(const struct reader *r, unsigned line, const char *key, const char *why)
{
	report_error(r->report, r->setup->path, line, key, "%s", why);
	return false;
}

/* --- the section of the daemon --- */

static const char *
section_name(const struct reader *r)
{
	switch (r->form->daemon) {
	case SETUP_SRSD:
		return "srsd";
	case SETUP_SRSMILTER:
		return "srsmilter";
	case SETUP_SPFMILTER:
	case SETUP_SPF_POLICY:
		return "spfmilter";
	}
	return "srsd";
}

/* Listening on all addresses is listening on loopback, too. */
static void
use_loopback(struct sockaddr_spec *s)
{
	if (s->family == SOCKADDR_UNIX)
		return;
	if (strcmp(s->host, "0.0.0.0") == 0)
		strcpy(s->host, "127.0.0.1");
	if (strcmp(s->host, "::") == 0)
		strcpy(s->host, "::1");
}

static bool
add_listen(const struct reader *r, unsigned line, struct mf_text listen)
{
	struct setup *s = r->setup;
	const char *why = NULL;

	if (s->listen_count == SETUP_LISTEN_MAX)
		return true;
	if (!sockaddr_parse(listen, &s->listens[s->listen_count], &why))
		return fail(r, line, "listen", why);
	use_loopback(&s->listens[s->listen_count++]);
	s->listen = s->listens[0];
	return true;
}

/* What is wrong with its items was said. */
static bool
read_policy_listen(const struct reader *r)
{
	const struct conf_list *list = &r->spfmilter.policy_listen;
	unsigned line = conf_line(r->setup->conf, "spfmilter", "policy_listen");

	if (conf_is_wrong(r->setup->conf, "spfmilter", "policy_listen"))
		return false;
	if (list->count == 0)
		return fail(r, line, "policy_listen",
		    "not set in [spfmilter]: where does the mail server find "
		    "it?");
	for (size_t i = 0; i < list->count; i++)
		if (!add_listen(r, line, list->items[i]))
			return false;
	return true;
}

static bool
read_listen(const struct reader *r)
{
	const struct conf *conf = r->setup->conf;
	const struct conf_list *list = &r->srsd.listen;
	unsigned line = conf_line(conf, section_name(r), "listen");
	struct mf_text listen = r->form->daemon == SETUP_SRSMILTER
	    ? r->srsmilter.filter.listen
	    : r->spfmilter.filter.listen;

	if (r->form->daemon == SETUP_SPF_POLICY)
		return read_policy_listen(r);
	if (conf_is_wrong(conf, section_name(r), "listen"))
		return false;
	if (r->form->daemon != SETUP_SRSD) {
		if (mf_text_eq(listen, MF_TEXT("none")))
			return fail(r, line, "listen",
			    "none: the mail server needs a socket, such as "
			    "inet:10006@127.0.0.1");
		if (listen.len != 0 && (line != 0 || r->is_legacy))
			return add_listen(r, line, listen);
		report_error(r->report, r->setup->path, line, "listen",
		    "not set in [%s]: where does the mail server find it?",
		    section_name(r));
		return false;
	}
	if (list->count == 0)
		return add_listen(r, line, MF_TEXT(""));
	for (size_t i = 0; i < list->count; i++)
		if (!add_listen(r, line, list->items[i]))
			return false;
	return true;
}

static void
read_socket(const struct reader *r)
{
	const struct milter_settings *filter =
	    r->form->daemon == SETUP_SRSMILTER ? &r->srsmilter.filter
					       : &r->spfmilter.filter;
	bool is_srsd = r->form->daemon == SETUP_SRSD;

	r->setup->socket_mode =
	    is_srsd ? r->srsd.socket_mode : filter->socket_mode;
	r->setup->socket_owner =
	    is_srsd ? r->srsd.socket_owner : filter->socket_owner;
}

static bool
check_rewrite(const struct reader *r)
{
	const char *rewrite = rewrite_mode_names[r->srsmilter.rewrite];

	if (r->form->rewrite == NULL ||
	    strcmp(rewrite, r->form->rewrite) == 0 ||
	    conf_is_wrong(r->setup->conf, "srsmilter", "rewrite"))
		return true;
	report_error(r->report, r->setup->path,
	    conf_line(r->setup->conf, "srsmilter", "rewrite"), "rewrite",
	    "is %s in [srsmilter]; %s needs %s", rewrite, r->form->name,
	    r->form->rewrite);
	return false;
}

/* --- domains --- */

/* Whether t means nothing but itself in files of Postfix and sendmail. */
static bool
is_harmless(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z') &&
		    memchr(".-_", c, 3) == NULL)
			return false;
	}
	return t.len != 0;
}

static bool
has(const struct mf_text *items, size_t count, struct mf_text item)
{
	for (size_t i = 0; i < count; i++)
		if (text_eq_fold(items[i], item))
			return true;
	return false;
}

/* An item is domain, or forwarding=domain. */
static bool
read_domains(struct reader *r)
{
	struct setup *s = r->setup;
	const struct conf_list *list = &s->srs.fwdomain;
	unsigned line = conf_line(s->conf, "srs", "fwdomain");

	if (conf_is_wrong(s->conf, "srs", "fwdomain"))
		return false;
	if (list->count == 0)
		return fail(r, line, "fwdomain",
		    "not set: which domain do SRS addresses have?");
	s->domains = calloc(list->count, sizeof(*s->domains));
	if (s->domains == NULL)
		return fail(r, 0, NULL, "out of memory");
	for (size_t i = 0; i < list->count; i++) {
		struct mf_text domain = list->items[i], forwarding;

		text_cut(&domain, '=', &forwarding);
		if (!has(s->domains, s->domain_count, domain))
			s->domains[s->domain_count++] = domain;
	}
	return true;
}

/* As list_has_domain() finds it. */
static bool
has_or_parent(const struct conf_list *list, struct mf_text domain)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_eq_fold(list->items[i], domain) ||
		    (list->items[i].p[0] == '.' &&
			text_ends_fold(domain, list->items[i])))
			return true;
	return false;
}

/* Senders that are signed have to pass srsd or srsmilter. */
static bool
is_signed(const struct setup *s, struct mf_text domain)
{
	return has_or_parent(&s->srs.ses, domain) ||
	    has_or_parent(&s->srs.sign, domain);
}

/* The map has whole domains only; srsd and srsmilter know the others too. */
static void
add_own(struct setup *s, struct mf_text domain)
{
	if (domain.p[0] == '.' || !is_harmless(domain))
		s->left_out++;
	else if (!is_signed(s, domain) && !has(s->own, s->own_count, domain))
		s->own[s->own_count++] = domain;
}

static bool
read_own(struct reader *r)
{
	struct setup *s = r->setup;
	const struct conf_list *list = &s->srs.own_domains;

	s->own = calloc(s->domain_count + list->count, sizeof(*s->own));
	if (s->own == NULL)
		return fail(r, 0, NULL, "out of memory");
	for (size_t i = 0; i < s->domain_count; i++)
		add_own(s, s->domains[i]);
	for (size_t i = 0; i < list->count; i++)
		add_own(s, list->items[i]);
	return true;
}

/* Those that mean something else in a map are left out. */
static bool
read_signed(struct reader *r)
{
	struct setup *s = r->setup;
	struct list all, *kept = &s->signed_domains;

	if (!rewrite_srs_domains(&s->srs, r->is_legacy, &all))
		return fail(r, 0, NULL, "out of memory");
	*kept = (struct list){.patterns = all.patterns};
	for (size_t i = 0; i < all.count; i++)
		if (is_harmless(all.patterns[i]) &&
		    !has(kept->patterns, kept->count, all.patterns[i]))
			kept->patterns[kept->count++] = all.patterns[i];
	return true;
}

/* --- RRS --- */

/* Beside srsd, which rewrites, srsmilter only verifies RRS addresses. */
static bool
read_filter(const struct reader *r)
{
	struct setup *s = r->setup;
	struct mf_text listen = r->srsmilter.filter.listen;
	const char *why = NULL;

	if (r->form->daemon != SETUP_SRSD) {
		s->filter_listen = s->listen;
		return true;
	}
	if (conf_line(s->conf, "srsmilter", "listen") == 0)
		return fail(r, 0, "listen",
		    "not set in [srsmilter], which verifies RRS addresses "
		    "(rrs_secret_file)");
	if (r->srsmilter.rewrite != REWRITE_NONE)
		return fail(r, conf_line(s->conf, "srsmilter", "rewrite"),
		    "rewrite",
		    "must be none in [srsmilter]: srsd rewrites senders, "
		    "srsmilter only verifies RRS addresses");
	if (!sockaddr_parse(listen, &s->filter_listen, &why))
		return fail(r, conf_line(s->conf, "srsmilter", "listen"),
		    "listen", why);
	use_loopback(&s->filter_listen);
	return true;
}

static bool
read_rrs(struct reader *r)
{
	struct setup *s = r->setup;
	struct list list;
	bool keeps_parents = !r->form->for_sendmail;

	if (s->srs.rrs_secret_file.len == 0)
		return true;
	if (r->form->daemon == SETUP_SRSD && !r->form->has_second_pass &&
	    !r->form->for_sendmail)
		return fail(r, conf_line(s->conf, "srs", "rrs_secret_file"),
		    "rrs_secret_file",
		    "this form has no lines for RRS: use postfix-cleanup or "
		    "postfix-milter");
	if (!rewrite_rrs_domains(&s->srs, &r->srsmilter.local_domains, &list))
		return fail(r, 0, NULL, "out of memory");
	s->rrs_domains = calloc(1 + list.count, sizeof(*s->rrs_domains));
	if (s->rrs_domains != NULL)
		for (size_t i = 0; i < list.count; i++)
			if (is_harmless(list.patterns[i]) &&
			    (keeps_parents || list.patterns[i].p[0] != '.') &&
			    !has(s->rrs_domains, s->rrs_domain_count,
				list.patterns[i]))
				s->rrs_domains[s->rrs_domain_count++] =
				    list.patterns[i];
	list_free(&list);
	if (s->rrs_domains == NULL)
		return fail(r, 0, NULL, "out of memory");
	if (s->rrs_domain_count == 0)
		return fail(r, conf_line(s->conf, "srs", "rrs_domains"),
		    "rrs_domains",
		    "not set, nor own_domains or local_domains: the mail "
		    "server must be told which domains have RRS addresses");
	return read_filter(r);
}

/* --- the file --- */

static bool
read_sections(struct reader *r, const struct ini *ini)
{
	struct settings_wanted wanted = {.srs = &r->setup->srs};
	struct conf_section sections[SECTION_COUNT];
	bool ok;

	switch (r->form->daemon) {
	case SETUP_SRSD:
		wanted.srsd = &r->srsd;
		if (rrs_rules_are_wanted(ini))
			wanted.srsmilter = &r->srsmilter;
		break;
	case SETUP_SRSMILTER:
		wanted.srsmilter = &r->srsmilter;
		break;
	case SETUP_SPFMILTER:
	case SETUP_SPF_POLICY:
		wanted = (struct settings_wanted){.spfmilter = &r->spfmilter};
		break;
	}
	settings_sections(&wanted, sections);
	ok =
	    conf_load(&r->setup->conf, ini, sections, SECTION_COUNT, r->report);
	if (r->setup->conf == NULL)
		return false;
	ok = read_listen(r) && ok;
	read_socket(r);
	if (r->form->daemon == SETUP_SPFMILTER ||
	    r->form->daemon == SETUP_SPF_POLICY)
		return ok;
	r->setup->local_domains = r->srsmilter.local_domains;
	ok = check_rewrite(r) && ok;
	ok = read_domains(r) && ok;
	return ok && read_own(r) && read_signed(r) && read_rrs(r);
}

static bool
read_source(void *arg, const struct source *source, struct report *report)
{
	struct reader *r = arg;
	struct legacy legacy;
	bool ok;

	r->is_legacy = source->is_legacy;
	if (!source->is_legacy)
		return read_sections(r, &source->ini);
	ok = legacy_translate(&source->ini, &legacy, report) &&
	    read_sections(r, &legacy.ini);
	legacy_free(&legacy);
	return ok;
}

bool
setup_load(const char *path, const struct setup_form *form, struct setup *out,
    struct report *report)
{
	struct reader reader = {.setup = out, .form = form, .report = report};

	*out = (struct setup){.path = path, .form = form};
	return source_load(
	    path, SOURCE_DETECT, legacy_detect, read_source, &reader, report);
}

void
setup_free(struct setup *s)
{
	free(s->domains);
	free(s->own);
	free(s->rrs_domains);
	list_free(&s->signed_domains);
	conf_free(s->conf);
}
