/* SPDX-License-Identifier: ISC */
#include "store/store_url.h"

static bool
copy(struct mf_text from, char *to, size_t size)
{
	if (from.len == 0 || from.len >= size || text_has_control(from))
		return false;
	memcpy(to, from.p, from.len);
	to[from.len] = '\0';
	return true;
}

static bool
read_path(struct mf_text text, struct store_url *out, const char **why)
{
	*why = "not an absolute path, or one that is too long";
	return text.len != 0 && text.p[0] == '/' &&
	    copy(text, out->path, sizeof(out->path));
}

static bool
read_database(struct mf_text text, struct store_url *out, const char **why)
{
	uint64_t number;

	*why = "the database is a number from 0 to 65535";
	if (!text_uint(text, STORE_DATABASE_MAX, &number))
		return false;
	out->database = (unsigned)number;
	return true;
}

static bool
is_host_char(char c, bool in_brackets)
{
	return ascii_is_digit(c) || c == '.' || c == '-' || c == '_' ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
	    (in_brackets && (c == ':' || c == '%'));
}

/* HOST[:PORT] or [IPv6][:PORT] */
static bool
read_host(struct mf_text text, uint16_t port, struct store_host *out,
    const char **why)
{
	bool in_brackets = text.len != 0 && text.p[0] == '[';
	struct mf_text name = text, rest;
	uint64_t number = port;

	if (in_brackets) {
		rest = text_from(text, 1);
		*why = "\"[\" without \"]\"";
		if (!text_cut(&rest, ']', &name))
			return false;
	} else {
		name = text_head(text, text_find(text, ':'));
		rest = text_from(text, name.len);
	}
	*why = "not a host name or address";
	for (size_t i = 0; i < name.len; i++)
		if (!is_host_char(name.p[i], in_brackets))
			return false;
	if (!copy(name, out->name, sizeof(out->name)))
		return false;
	*why = "the port is a number from 1 to 65535";
	if (rest.len != 0 &&
	    (rest.p[0] != ':' ||
		!text_uint(text_from(rest, 1), UINT16_MAX, &number) ||
		number == 0))
		return false;
	out->port = (uint16_t)number;
	return true;
}

/* What has a password in it must not be shown, nor be taken. */
static bool
has_no_user(struct mf_text authority, const char **why)
{
	*why = "user and password do not belong in the URL: set user and "
	       "password_file";
	return text_find(authority, '@') == authority.len;
}

/* Cut text at its first "/", if there is one: the rest comes after it. */
static struct mf_text
cut_authority(struct mf_text *text)
{
	struct mf_text authority = text_head(*text, text_find(*text, '/'));

	*text = text_from(*text, authority.len + 1);
	return authority;
}

static bool
read_server(struct mf_text text, struct store_url *out, const char **why)
{
	struct mf_text authority = cut_authority(&text);

	out->host_count = 1;
	return has_no_user(authority, why) &&
	    read_host(authority, STORE_REDIS_PORT, &out->hosts[0], why) &&
	    (text.len == 0 || read_database(text, out, why));
}

static bool
read_unix(struct mf_text text, struct store_url *out, const char **why)
{
	struct mf_text path = text_head(text, text_find(text, '?'));
	struct mf_text query = text_from(text, path.len);

	if (!read_path(path, out, why) || query.len == 0)
		return query.len == 0 && out->path[0] != '\0';
	*why = "after \"?\" only db=N can follow";
	return text_starts(query, MF_TEXT("?db=")) &&
	    read_database(text_from(query, 4), out, why);
}

static bool
read_sentinels(struct mf_text text, struct store_url *out, const char **why)
{
	struct mf_text authority = cut_authority(&text);
	struct mf_text master = text_head(text, text_find(text, '/')), host;
	struct mf_text database = text_from(text, master.len);
	bool more;

	if (!has_no_user(authority, why))
		return false;
	do {
		*why = "too many sentinels";
		if (out->host_count == STORE_SENTINELS_MAX)
			return false;
		more = text_cut(&authority, ',', &host);
		if (!read_host(more ? host : authority, STORE_SENTINEL_PORT,
			&out->hosts[out->host_count], why))
			return false;
		out->host_count++;
	} while (more);
	*why = "the name of the master is missing or too long: "
	       "redis+sentinel://HOST:PORT/NAME";
	return copy(master, out->master, sizeof(out->master)) &&
	    (database.len == 0 ||
		read_database(text_from(database, 1), out, why));
}

bool
store_url_parse(struct mf_text text, struct store_url *out, const char **why)
{
	static const struct {
		struct mf_text prefix;
		enum store_scheme scheme;
		bool (*read)(struct mf_text, struct store_url *, const char **);
	} schemes[] = {
	    {MF_TEXT("sqlite:"), STORE_SQLITE, read_path},
	    {MF_TEXT("redis://"), STORE_REDIS, read_server},
	    {MF_TEXT("rediss://"), STORE_REDIS_TLS, read_server},
	    {MF_TEXT("redis+unix:"), STORE_REDIS_UNIX, read_unix},
	    {MF_TEXT("redis+sentinel://"), STORE_REDIS_SENTINEL,
		read_sentinels},
	};

	memset(out, 0, sizeof(*out));
	if (mf_text_eq(text, MF_TEXT("none")))
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!text_starts_fold(text, schemes[i].prefix))
			continue;
		out->scheme = schemes[i].scheme;
		return schemes[i].read(
		    text_from(text, schemes[i].prefix.len), out, why);
	}
	*why = "neither none nor sqlite:/path, redis://HOST:PORT, "
	       "rediss://HOST:PORT, redis+unix:/path or "
	       "redis+sentinel://HOST:PORT/NAME";
	return false;
}
