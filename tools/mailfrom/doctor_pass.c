/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_pass.h"

/* --- addresses --- */

static struct mf_text
trim_braces(struct mf_text t)
{
	t = text_trim(t);
	if (t.len >= 2 && t.p[0] == '{' && t.p[t.len - 1] == '}')
		return text_trim(mf_text_at(t.p + 1, t.len - 2));
	return t;
}

static bool
is_loopback(struct mf_text host)
{
	if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = mf_text_at(host.p + 1, host.len - 2);
	if (text_starts_fold(host, MF_TEXT("ipv6:")))
		host = text_from(host, strlen("ipv6:"));
	return text_starts(host, MF_TEXT("127.")) ||
	    text_eq_fold(host, MF_TEXT("::1")) ||
	    text_eq_fold(host, MF_TEXT("localhost"));
}

/* Postfix's HOST:PORT, with or without brackets. */
static struct mf_text
cut_port(struct mf_text hostport, struct mf_text *host)
{
	size_t colon = text_rfind(hostport, ':');
	size_t bracket = text_rfind(hostport, ']');

	if (colon == hostport.len ||
	    (bracket != hostport.len && colon < bracket)) {
		*host = hostport;
		return MF_TEXT("");
	}
	*host = text_head(hostport, colon);
	return text_from(hostport, colon + 1);
}

bool
pass_is_local(struct mf_text nexthop)
{
	struct mf_text host;

	cut_port(nexthop, &host);
	return is_loopback(host);
}

static bool
to_absolute(struct site *site, const struct site_service *service,
    struct mf_text path, struct mf_text *out)
{
	struct mf_text spool = site_value(site, "queue_directory");
	bool is_absolute = path.len != 0 && path.p[0] == '/';

	*out = path;
	if (path.len == 0)
		return false;
	if (!is_absolute ||
	    (service != NULL && site_is_chrooted(site, service)))
		*out = arena_printf(&site->arena, "%.*s/%.*s", (int)spool.len,
		    spool.p, (int)path.len, path.p);
	return true;
}

bool
pass_address(struct site *site, const struct site_service *service,
    struct mf_text words, struct sockaddr_spec *out)
{
	struct mf_text path = words, kind;
	const char *why;

	if (text_cut(&path, ':', &kind) &&
	    (mf_text_eq(kind, MF_TEXT("unix")) ||
		mf_text_eq(kind, MF_TEXT("local")))) {
		if (!to_absolute(site, service, path, &path))
			return false;
		words = arena_printf(
		    &site->arena, "unix:%.*s", (int)path.len, path.p);
	}
	return sockaddr_parse(words, out, &why);
}

static bool
hosts_eq(const char *a, const char *b)
{
	return text_eq_fold(mf_text_of(a), mf_text_of(b)) ||
	    (is_loopback(mf_text_of(a)) && is_loopback(mf_text_of(b)) &&
		(strcmp(a, "localhost") == 0 || strcmp(b, "localhost") == 0)) ||
	    strcmp(b, "0.0.0.0") == 0 || strcmp(b, "::") == 0;
}

/* Slashes may be doubled where two paths were joined. */
static bool
paths_eq(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (a[0] == '/' && a[1] == '/')
			a++;
		while (b[0] == '/' && b[1] == '/')
			b++;
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
	}
}

static bool
leads_to(const struct sockaddr_spec *from, const struct sockaddr_spec *to)
{
	if ((from->family == SOCKADDR_UNIX) != (to->family == SOCKADDR_UNIX))
		return false;
	if (from->family == SOCKADDR_UNIX)
		return paths_eq(from->path, to->path);
	return from->port == to->port && hosts_eq(from->host, to->host);
}

const struct own_socket *
pass_socket(struct site *site, const struct own_config *own,
    const struct site_service *service, struct mf_text words)
{
	struct sockaddr_spec spec;

	if (!pass_address(site, service, pass_milter_address(words), &spec))
		return NULL;
	for (size_t i = 0; i < own->socket_count; i++)
		if (leads_to(&spec, &own->sockets[i].spec))
			return &own->sockets[i];
	return NULL;
}

/* --- filters --- */

struct mf_text
pass_milter_address(struct mf_text item)
{
	struct mf_text address;

	item = trim_braces(item);
	return site_next_item(&item, &address) ? address : MF_TEXT("");
}

bool
pass_milter_setting(
    struct mf_text item, const char *name, struct mf_text *value)
{
	struct mf_text part, key;
	bool found = false;

	item = trim_braces(item);
	while (site_next_item(&item, &part)) {
		part = trim_braces(part);
		if (text_cut(&part, '=', &key) &&
		    mf_text_eq(text_trim(key), mf_text_of(name))) {
			*value = text_trim(part);
			found = true;
		}
	}
	return found;
}

bool
pass_milter_in(struct site *site, const struct own_config *own,
    const struct site_service *service, struct mf_text list,
    enum own_daemon daemon, struct mf_text *item)
{
	while (site_next_item(&list, item)) {
		const struct own_socket *socket =
		    pass_socket(site, own, service, *item);

		if (socket != NULL && socket->daemon == daemon &&
		    !socket->is_policy)
			return true;
	}
	return false;
}

bool
pass_has_map(struct mf_text maps, const char *map)
{
	struct mf_text word = mf_text_of(map);

	for (; maps.len >= word.len; maps = text_from(maps, 1))
		if (text_starts(maps, word) &&
		    (maps.len == word.len ||
			memchr(" \t,@}", maps.p[word.len], 5) != NULL))
			return true;
	return false;
}

/* --- the second pass --- */

bool
pass_is_front(const struct site *site, const struct site_service *service)
{
	struct mf_text host, port = cut_port(service->name, &host);

	(void)site;
	if (!mf_text_eq(service->command, MF_TEXT("smtpd")))
		return false;
	if (mf_text_eq(service->type, MF_TEXT("pass")))
		return true;
	if (port.len == 0)
		port = host;
	return mf_text_eq(port, MF_TEXT("smtp")) ||
	    mf_text_eq(port, MF_TEXT("25"));
}

/* The smtpd of master.cf at a next hop of this host. */
static const struct site_service *
server_at(const struct site *site, struct mf_text nexthop)
{
	struct mf_text want_host, want = cut_port(nexthop, &want_host);

	for (size_t i = site->service_count; i > 0; i--) {
		const struct site_service *s = &site->services[i - 1];
		struct mf_text host, port = cut_port(s->name, &host);

		if (port.len == 0)
			port = host, host = MF_TEXT("localhost");
		if (mf_text_eq(s->type, MF_TEXT("inet")) &&
		    mf_text_eq(s->command, MF_TEXT("smtpd")) &&
		    mf_text_eq(port, want) && is_loopback(host))
			return s;
	}
	return NULL;
}

static const struct site_service *
service_named(struct site *site, struct mf_text name)
{
	return site_service(site, arena_copy(&site->arena, name).p, "unix");
}

static const struct site_service *
cleanup_of(struct site *site, const struct site_service *server)
{
	return service_named(
	    site, site_value_for(site, server, "cleanup_service_name"));
}

/* An address of a milter that isn't a filter of the site's own. */
static bool
has_srsmilter(struct site *site, const struct own_config *own,
    const struct site_service *server)
{
	struct mf_text item;

	return pass_milter_in(site, own, server,
	    site_value_for(site, server, "smtpd_milters"), OWN_SRSMILTER,
	    &item);
}

static bool
has_srsd(struct site *site, const struct site_service *cleanup)
{
	struct mf_text maps =
	    site_value_for(site, cleanup, "sender_canonical_maps");

	return pass_has_map(maps, "srs_forward") ||
	    pass_has_map(maps, "forward");
}

static bool
rewrites_all(struct site *site, const struct own_config *own)
{
	struct mf_text table, kind,
	    maps = site_value(site, "sender_canonical_maps");

	if (has_srsd(site, NULL))
		return true;
	while (site_next_item(&maps, &table))
		if (text_cut(&table, ':', &kind) &&
		    mf_text_eq(kind, MF_TEXT("tcp"))) {
			struct mf_text words = arena_printf(
			    &site->arena, "inet:%.*s", (int)table.len, table.p);

			if (pass_socket(site, own, NULL, words) != NULL)
				return true;
		}
	return false;
}

static const struct site_service *
find_stray(struct site *site, const struct own_config *own,
    const struct site_service *server)
{
	for (size_t i = 0; i < site->service_count; i++) {
		const struct site_service *s = &site->services[i];

		if (s == server || pass_is_front(site, s) ||
		    !mf_text_eq(s->type, MF_TEXT("inet")) ||
		    !mf_text_eq(s->command, MF_TEXT("smtpd")) ||
		    site_override(s, "content_filter") == NULL)
			continue;
		if ((site_override(s, "smtpd_milters") != NULL &&
			has_srsmilter(site, own, s)) ||
		    (site_override(s, "cleanup_service_name") != NULL &&
			has_srsd(site, cleanup_of(site, s))))
			return s;
	}
	return NULL;
}

void
pass_find(
    struct site *site, const struct own_config *own, struct second_pass *out)
{
	struct mf_text rest = site_value(site, "default_transport");

	*out = (struct second_pass){.transport = rest};
	if (text_cut(&rest, ':', &out->transport))
		out->nexthop = rest;
	out->is_entered = pass_is_local(out->nexthop);
	out->is_simple = rewrites_all(site, own);
	if (out->is_entered) {
		out->client = service_named(site, out->transport);
		out->server = server_at(site, out->nexthop);
	}
	if (out->server != NULL) {
		out->cleanup = cleanup_of(site, out->server);
		out->uses_srsmilter = has_srsmilter(site, own, out->server);
		out->uses_srsd =
		    out->cleanup != NULL && has_srsd(site, out->cleanup);
	}
	out->stray = find_stray(site, own, out->server);
}
