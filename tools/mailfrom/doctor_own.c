/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_own.h"

#include "common/report.h"
#include "rewrite/legacy.h"
#include "rewrite/srs_domains.h"

const char *const own_daemon_names[OWN_DAEMONS] = {
    "srsd", "srsmilter", "spfmilter"};

struct own_reader {
	struct own_config *own;
	struct arena *arena;
};

/* --- messages --- */

static void
note(void *arg, bool is_error, const char *line)
{
	struct own_reader *r = arg;

	r->own->has_errors |= is_error;
	r->own->said = arena_printf(r->arena, "%.*s%s%s", (int)r->own->said.len,
	    r->own->said.len != 0 ? r->own->said.p : "",
	    r->own->said.len != 0 ? "\n" : "", line);
}

/* --- sockets --- */

static void
add_socket(struct own_reader *r, enum own_daemon daemon, bool is_tcp_table,
    struct mf_text words)
{
	struct own_config *own = r->own;
	struct own_socket socket = {
	    .daemon = daemon, .is_tcp_table = is_tcp_table, .words = words};
	const char *why;

	if (words.len == 0 || !sockaddr_parse(words, &socket.spec, &why))
		return;
	own->sockets = arena_grow(
	    r->arena, own->sockets, own->socket_count, sizeof(*own->sockets));
	own->sockets[own->socket_count++] = socket;
}

static void
add_policy(struct own_reader *r, const struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		size_t count = r->own->socket_count;

		add_socket(r, OWN_SPFMILTER, false, list->items[i]);
		if (r->own->socket_count > count)
			r->own->sockets[count].is_policy = true;
	}
}

static void
add_list(struct own_reader *r, bool is_tcp_table, const struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		add_socket(r, OWN_SRSD, is_tcp_table, list->items[i]);
}

static void
add_sockets(struct own_reader *r)
{
	struct own_config *own = r->own;

	add_list(r, false, &own->srsd.listen);
	add_list(r, true, &own->srsd.tcp_table_forward);
	add_list(r, true, &own->srsd.tcp_table_reverse);
	add_socket(r, OWN_SRSMILTER, false, own->srsmilter.filter.listen);
	add_socket(r, OWN_SPFMILTER, false, own->spfmilter.filter.listen);
	add_policy(r, &own->spfmilter.policy_listen);
}

/* --- the file --- */

static void
build(struct own_reader *r, const struct rewriter_legacy *legacy,
    struct report *report)
{
	struct own_config *own = r->own;
	struct mf_text domain;

	own->is_readable =
	    list_build(&own->local_domains, &own->srsmilter.local_domains) &&
	    list_build(&own->own_domains, &own->srs.own_domains) &&
	    rewrite_srs_domains(&own->srs, own->is_legacy, &own->srs_domains);
	own->srs_domain = "";
	for (size_t i = 0; i < own->srs.fwdomain.count; i++)
		if (text_find(own->srs.fwdomain.items[i], '=') ==
		    own->srs.fwdomain.items[i].len)
			own->srs_domain =
			    arena_copy(r->arena, own->srs.fwdomain.items[i]).p;
	if (own->srs_domain[0] == '\0' && own->srs.fwdomain.count != 0) {
		domain = own->srs.fwdomain.items[0];
		domain = text_from(domain, text_find(domain, '=') + 1);
		own->srs_domain = arena_copy(r->arena, domain).p;
	}
	if (own->is_legacy)
		own->secret_file = own->path;
	else if (own->srs.secret_file.len != 0)
		own->secret_file = arena_copy(r->arena, own->srs.secret_file).p;
	if (own->srs.fwdomain.count != 0 || own->srs.ses.count != 0 ||
	    own->srs.sign.count != 0)
		rewriter_new(&own->srs, own->conf, own->path, legacy,
		    &own->rewriter, report);
	if (!own->is_legacy) {
		rewriter_use_store(own->rewriter, &own->srs, &own->store,
		    own->conf, own->path, report);
		store_params_read(&own->store, own->conf, own->path,
		    &own->store_params, report);
	}
	add_sockets(r);
}

static bool
load(struct own_reader *r, const struct ini *ini,
    const struct rewriter_legacy *legacy, struct report *report)
{
	struct own_config *own = r->own;
	struct conf_section sections[SECTION_COUNT];

	settings_sections(&(struct settings_wanted){.srs = &own->srs,
			      .srsd = &own->srsd,
			      .srsmilter = &own->srsmilter,
			      .spf = &own->spf,
			      .spfmilter = &own->spfmilter,
			      .store = &own->store,
			      .log = &own->log},
	    sections);
	conf_load(&own->conf, ini, sections, SECTION_COUNT, report);
	if (own->conf != NULL)
		build(r, legacy, report);
	return own->conf != NULL;
}

static bool
load_source(void *arg, const struct source *source, struct report *report)
{
	struct own_reader *r = arg;
	struct legacy legacy;
	bool ok;

	r->own->is_legacy = source->is_legacy;
	if (!source->is_legacy)
		return load(r, &source->ini, NULL, report);
	ok = legacy_translate(&source->ini, &legacy, report) &&
	    load(r, &legacy.ini, &legacy.rewriter, report);
	legacy_free(&legacy);
	return ok;
}

void
own_load(const char *path, struct own_config *out, struct arena *arena)
{
	struct own_reader r = {out, arena};
	struct report report = {.say = note, .arg = &r};

	*out = (struct own_config){.path = path, .srs_domain = ""};
	source_load(
	    path, SOURCE_DETECT, legacy_detect, load_source, &r, &report);
}

void
own_free(struct own_config *own)
{
	rewriter_free(own->rewriter);
	store_params_wipe(&own->store_params);
	list_free(&own->local_domains);
	list_free(&own->own_domains);
	list_free(&own->srs_domains);
	conf_free(own->conf);
}

/* --- asking --- */

struct mf_text
own_user(
    const struct own_config *own, enum own_daemon daemon, struct arena *arena)
{
	struct mf_text user;
	const char *initial = "mailfrom";

	switch (daemon) {
	case OWN_SRSD:
		user = own->srsd.user;
		break;
	case OWN_SRSMILTER:
		user = own->srsmilter.filter.user;
		break;
	case OWN_SPFMILTER:
		user = own->spfmilter.filter.user;
		initial = "mailfrom-spf";
		break;
	}
	return arena_copy(arena, user.len != 0 ? user : mf_text_of(initial));
}

bool
own_has_section(const struct own_config *own, enum own_daemon daemon)
{
	return own->is_readable &&
	    conf_has_section(own->conf, own_daemon_names[daemon]);
}
