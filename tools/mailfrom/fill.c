/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/fill.h"

#include "tools/mailfrom/samples.h"

/* --- sockets --- */

/* Its path below the spool, where smtpd and cleanup find it, chrooted or not. */
static const char *
path_for_postfix(const struct fill *fill)
{
	const char *path = fill->setup->listen.path;
	size_t len = fill->spool.len;

	if (len != 0 && text_starts(mf_text_of(path), fill->spool) &&
	    path[len] == '/')
		return path + len + 1;
	return path;
}

struct mf_text
fill_socket(struct arena *arena, const struct fill *fill)
{
	const struct sockaddr_spec *s = &fill->setup->listen;

	switch (s->family) {
	case SOCKADDR_UNIX:
		return arena_printf(arena, "unix:%s", path_for_postfix(fill));
	case SOCKADDR_INET:
		return arena_printf(arena, "inet:%s:%u", s->host, s->port);
	case SOCKADDR_INET6:
		return arena_printf(arena, "inet:[%s]:%u", s->host, s->port);
	}
	return MF_TEXT("");
}

static struct mf_text
for_libmilter(struct arena *arena, const struct fill *fill)
{
	const struct sockaddr_spec *s = &fill->setup->listen;

	switch (s->family) {
	case SOCKADDR_UNIX:
		return arena_printf(arena, "local:%s", s->path);
	case SOCKADDR_INET:
		return arena_printf(arena, "inet:%u@%s", s->port, s->host);
	case SOCKADDR_INET6:
		return arena_printf(arena, "inet6:%u@%s", s->port, s->host);
	}
	return MF_TEXT("");
}

/* As listen has it. */
static struct mf_text
for_us(struct arena *arena, const struct fill *fill)
{
	if (fill->setup->listen.family == SOCKADDR_UNIX)
		return arena_printf(arena, "unix:%s", fill->setup->listen.path);
	return for_libmilter(arena, fill);
}

/* --- lines --- */

/* What samples have where a socket goes. */
static const struct {
	struct mf_text word;
	struct mf_text (*value)(struct arena *arena, const struct fill *fill);
} sockets[] = {
    {{"inet:127.0.0.1:10003", 20}, fill_socket},
    {{"inet:127.0.0.1:10006", 20}, fill_socket},
    {{"inet:127.0.0.1:10007", 20}, fill_socket},
    {{"inet:127.0.0.1:10008", 20}, fill_socket},
    {{"inet:10003@127.0.0.1", 20}, for_libmilter},
    {{"inet:10006@127.0.0.1", 20}, for_us},
    {{"inet:10007@127.0.0.1", 20}, for_us},
    {{"inet:10008@127.0.0.1", 20}, for_us},
    {{"unix:/run/mailfrom/srsmilter.sock", 33}, for_us},
    {{"local:/run/mailfrom/srsmilter.sock", 34}, for_libmilter},
    {{"local:/run/mailfrom-spf/spfmilter.sock", 38}, for_libmilter},
};

#define DOMAIN      MF_TEXT("fwd.example")
#define SUBDOMAIN   MF_TEXT("srs.fwd.example")
#define PATTERN     MF_TEXT("fwd\\.example")
#define RRS_DOMAIN  MF_TEXT("our.example")
#define RRS_PATTERN MF_TEXT("our\\.example")
#define OWN_LINE    MF_TEXT("\t{ @fwd.example = ")

struct filler {
	struct arena *arena;
	const struct fill *fill;
	struct mf_text domain; /* for the line */
	char *p;
	size_t len, size;
};

static void
put(struct filler *f, struct mf_text t)
{
	if (f->len + t.len > f->size) {
		size_t size = 2 * (f->len + t.len) + 1024;
		char *larger = arena_new(f->arena, size);

		if (f->len != 0)
			memcpy(larger, f->p, f->len);
		f->p = larger;
		f->size = size;
	}
	if (t.len != 0)
		memcpy(f->p + f->len, t.p, t.len);
	f->len += t.len;
}

/* Put what replaces the word that t begins with; its length, 0: there is none. */
static size_t
put_word(struct filler *f, struct mf_text t)
{
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		if (!text_starts(t, sockets[i].word))
			continue;
		put(f, sockets[i].value(f->arena, f->fill));
		return sockets[i].word.len;
	}
	if (text_starts(t, PATTERN)) {
		put(f, fill_pattern(f->arena, f->domain));
		return PATTERN.len;
	}
	if (text_starts(t, RRS_PATTERN)) {
		put(f, fill_pattern(f->arena, f->domain));
		return RRS_PATTERN.len;
	}
	if (text_starts(t, RRS_DOMAIN)) {
		put(f, f->domain);
		return RRS_DOMAIN.len;
	}
	struct mf_text word = text_starts(t, SUBDOMAIN) ? SUBDOMAIN : DOMAIN;
	if (f->domain.len == 0 || !text_starts(t, word))
		return 0;
	put(f, f->domain);
	return word.len;
}

static void
put_line(struct filler *f, struct mf_text line, struct mf_text domain)
{
	size_t len;

	f->domain = domain;
	while (line.len != 0) {
		len = put_word(f, line);
		if (len == 0)
			put(f, text_head(line, len = 1));
		line = text_from(line, len);
	}
	put(f, MF_TEXT("\n"));
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
put_own(struct filler *f)
{
	const struct setup *s = f->fill->setup;

	for (size_t i = 0; i < s->own_count; i++)
		put(f,
		    arena_printf(f->arena, "\t{ @%.*s = %.*s }\n",
			(int)s->own[i].len, s->own[i].p,
			(int)f->fill->direct.len, f->fill->direct.p));
}

static void
put_lines(struct filler *f, struct mf_text line)
{
	const struct setup *s = f->fill->setup;

	if (text_starts(line, OWN_LINE)) {
		put_own(f);
	} else if (text_starts(line, MF_TEXT("\t{ <> = "))) {
		put(f,
		    arena_printf(f->arena, "\t{ <> = %.*s } }\n",
			(int)f->fill->direct.len, f->fill->direct.p));
	} else if (!is_comment(line) &&
	    (contains(line, RRS_PATTERN) || contains(line, RRS_DOMAIN))) {
		for (size_t i = 0; i < s->rrs_domain_count; i++)
			put_line(f, line, s->rrs_domains[i]);
	} else if (contains(line, PATTERN)) {
		for (size_t i = 0; i < s->signed_domains.count; i++)
			put_line(f, line, s->signed_domains.patterns[i]);
	} else if (!is_comment(line) && contains(line, DOMAIN)) {
		for (size_t i = 0; i < s->domain_count; i++)
			put_line(f, line, s->domains[i]);
	} else {
		put_line(f, line,
		    s->domain_count != 0 ? s->domains[0] : MF_TEXT(""));
	}
}

static struct mf_text
find_sample(const char *name)
{
	const struct sample *sample = samples;

	while (sample->name != NULL && strcmp(sample->name, name) != 0)
		sample++;
	return mf_text_at((const char *)sample->bytes, sample->size);
}

struct mf_text
fill_sample(struct arena *arena, const struct fill *fill, const char *name)
{
	struct filler f = {.arena = arena, .fill = fill};
	struct mf_text rest = find_sample(name), line;

	while (text_cut(&rest, '\n', &line))
		put_lines(&f, line);
	return mf_text_at(f.p, f.len);
}

struct mf_text
fill_pattern(struct arena *arena, struct mf_text domain)
{
	struct text_out out =
	    text_out(arena_new(arena, 2 * domain.len + 3), 2 * domain.len + 2);

	if (domain.len != 0 && domain.p[0] == '.')
		out_str(&out, ".*");
	for (size_t i = 0; i < domain.len; i++) {
		if (domain.p[i] == '.')
			out_char(&out, '\\');
		out_char(&out, domain.p[i]);
	}
	return out_view(&out);
}
