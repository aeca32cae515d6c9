/* SPDX-License-Identifier: ISC */
/* Reads what srs setup needs from mailfrom.conf, and checks it. */
#include "tools/srs/setup.h"

#include <stdlib.h>

#include "common/split.h"
#include "rewrite/legacy.h"

/* srsd's default, which the samples have too. */
#define SRSD_LISTEN MF_TEXT("inet:10003@127.0.0.1")

struct reader {
	struct setup *setup;
	const struct setup_form *form;
	struct report *report;
	unsigned line; /* of the entry that entry() has found last */
};

static bool
fail(const struct reader *r, unsigned line, const char *key, const char *why)
{
	report_error(r->report, r->setup->path, line, key, "%s", why);
	return false;
}

/* --- the section of the daemon --- */

static struct mf_text
entry(struct reader *r, const struct ini *ini, const char *key)
{
	struct mf_text section =
	    mf_text_of(r->form->uses_srsmilter ? "srsmilter" : "srsd");

	for (size_t i = 0; i < ini->count; i++) {
		const struct ini_entry *e = &ini->entries[i];

		if (mf_text_eq(e->section, section) &&
		    mf_text_eq(e->key, mf_text_of(key))) {
			r->line = e->line;
			return e->value;
		}
	}
	r->line = 0;
	return mf_text_of(NULL);
}

static bool
read_listen(struct reader *r, const struct ini *ini)
{
	struct split split = {.rest = entry(r, ini, "listen")};
	struct mf_text listen;
	const char *why = NULL;

	split_next(&split, &listen);
	if (listen.len == 0 && r->form->uses_srsmilter)
		return fail(r, r->line, "listen",
		    "not set in [srsmilter]: where does the mail server find "
		    "it?");
	if (listen.len == 0)
		listen = SRSD_LISTEN;
	return sockaddr_parse(listen, &r->setup->listen, &why) ||
	    fail(r, r->line, "listen", why);
}

static bool
check_rewrite(struct reader *r, const struct ini *ini)
{
	struct mf_text rewrite = entry(r, ini, "rewrite");

	if (r->form->rewrite == NULL)
		return true;
	if (rewrite.len == 0)
		rewrite = MF_TEXT("remote_domain");
	if (text_eq_fold(rewrite, mf_text_of(r->form->rewrite)))
		return true;
	report_error(r->report, r->setup->path, r->line, "rewrite",
	    "is %.*s in [srsmilter]; %s needs %s", (int)rewrite.len, rewrite.p,
	    r->form->name, r->form->rewrite);
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

	if (!rewrite_srs_domains(&s->srs, &all))
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
	struct setup *s = r->setup;
	struct conf_section sections[] = {rewrite_section(&s->srs),
	    {.name = "srsd", .elsewhere = true},
	    {.name = "srsmilter", .elsewhere = true},
	    {.name = "spfmilter", .elsewhere = true},
	    {.name = "spf", .elsewhere = true},
	    {.name = "log", .elsewhere = true}};

	return conf_load(&s->conf, ini, sections,
		   sizeof(sections) / sizeof(sections[0]), r->report) &&
	    read_listen(r, ini) && check_rewrite(r, ini) && read_domains(r) &&
	    read_own(r) && read_signed(r);
}

static bool
read_source(void *arg, const struct source *source, struct report *report)
{
	struct reader *r = arg;
	struct legacy legacy;
	bool ok;

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
