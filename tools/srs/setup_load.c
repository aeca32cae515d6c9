/* SPDX-License-Identifier: ISC */
/* Reads what srs setup needs from mailfrom.conf, and checks it. */
#include "tools/srs/setup.h"

#include <stdlib.h>

#include "rewrite/legacy.h"
#include "rewrite/srs_domains.h"
#include "settings/sections.h"

struct reader {
	struct setup *setup;
	const struct setup_form *form;
	struct report *report;
	bool is_legacy;
	struct srsd_settings srsd;
	struct srsmilter_settings srsmilter;
};

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
	return r->form->uses_srsmilter ? "srsmilter" : "srsd";
}

/* What is wrong with its items was said. */
static bool
read_listen(const struct reader *r)
{
	const struct conf *conf = r->setup->conf;
	const struct conf_list *list = &r->srsd.listen;
	unsigned line = conf_line(conf, section_name(r), "listen");
	struct mf_text listen = r->srsmilter.filter.listen;
	const char *why = NULL;

	if (conf_is_wrong(conf, section_name(r), "listen"))
		return false;
	if (!r->form->uses_srsmilter)
		listen = list->count != 0 ? list->items[0] : MF_TEXT("");
	else if (listen.len == 0 || (line == 0 && !r->is_legacy))
		return fail(r, line, "listen",
		    "not set in [srsmilter]: where does the mail server find "
		    "it?");
	return sockaddr_parse(listen, &r->setup->listen, &why) ||
	    fail(r, line, "listen", why);
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

/* --- the file --- */

static bool
read_sections(struct reader *r, const struct ini *ini)
{
	struct settings_wanted wanted = {.srs = &r->setup->srs};
	struct conf_section sections[SECTION_COUNT];
	bool ok;

	if (r->form->uses_srsmilter)
		wanted.srsmilter = &r->srsmilter;
	else
		wanted.srsd = &r->srsd;
	settings_sections(&wanted, sections);
	ok =
	    conf_load(&r->setup->conf, ini, sections, SECTION_COUNT, r->report);
	if (r->setup->conf == NULL)
		return false;
	ok = read_listen(r) && ok;
	ok = check_rewrite(r) && ok;
	ok = read_domains(r) && ok;
	return ok && read_own(r) && read_signed(r);
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

	*out = (struct setup){.path = path};
	return source_load(
	    path, SOURCE_DETECT, legacy_detect, read_source, &reader, report);
}

void
setup_free(struct setup *s)
{
	free(s->domains);
	free(s->own);
	list_free(&s->signed_domains);
	conf_free(s->conf);
}
