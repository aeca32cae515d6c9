/* SPDX-License-Identifier: ISC */
#include "common/sockaddr.h"

static bool
copy_out(struct mf_text from, char *to, size_t size)
{
	if (from.len == 0 || from.len >= size ||
	    memchr(from.p, '\0', from.len) != NULL)
		return false;
	memcpy(to, from.p, from.len);
	to[from.len] = '\0';
	return true;
}

static bool
parse_unix(struct mf_text path, struct sockaddr_spec *out, const char **why)
{
	out->family = SOCKADDR_UNIX;
	if (path.len == 0 || path.p[0] != '/') {
		*why = "the path of a unix socket must begin with \"/\"";
		return false;
	}
	if (!copy_out(path, out->path, sizeof(out->path))) {
		*why = "the path is too long for a unix socket (107 octets)";
		return false;
	}
	return true;
}

static bool
parse_inet(struct mf_text rest, struct sockaddr_spec *out, const char **why)
{
	struct mf_text host = rest, port = MF_TEXT("");
	uint64_t number;

	if (text_find(rest, '@') < rest.len) {
		text_cut(&host, '@', &port);
	} else {
		size_t colon = text_rfind(rest, ':');

		if (colon == rest.len) {
			*why = "no host: write inet:PORT@HOST, for instance "
			       "inet:10003@127.0.0.1";
			return false;
		}
		host = text_head(rest, colon);
		port = text_from(rest, colon + 1);
	}
	if (host.len >= 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = mf_text_at(host.p + 1, host.len - 2);
	if (!text_uint(port, 65535, &number) || number == 0) {
		*why = "the port is not a number from 1 to 65535";
		return false;
	}
	out->port = (uint16_t)number;
	if (!copy_out(host, out->host, sizeof(out->host))) {
		*why = "the host is empty or too long";
		return false;
	}
	return true;
}

bool
sockaddr_parse(struct mf_text text, struct sockaddr_spec *out, const char **why)
{
	struct mf_text scheme = text, rest = text;

	*out = (struct sockaddr_spec){.port = 0};
	if (text.len != 0 && text.p[0] == '/')
		return parse_unix(text, out, why);
	if (text_cut(&rest, ':', &scheme)) {
		if (mf_text_eq(scheme, MF_TEXT("unix")) ||
		    mf_text_eq(scheme, MF_TEXT("local")))
			return parse_unix(rest, out, why);
		out->family = SOCKADDR_INET;
		if (mf_text_eq(scheme, MF_TEXT("inet")))
			return parse_inet(rest, out, why);
		out->family = SOCKADDR_INET6;
		if (mf_text_eq(scheme, MF_TEXT("inet6")))
			return parse_inet(rest, out, why);
	}
	*why = "not a socket address: unix:/path, inet:PORT@HOST or "
	       "inet6:PORT@HOST";
	return false;
}
