/* SPDX-License-Identifier: ISC */
/*
 * A client of socketmaps.
 */
#include <errno.h>
#include <unistd.h>

#include "common/dial.h"
#include "common/netstring.h"
#include "tools/mailfrom/doctor_talk.h"

bool
talk_map_open(struct talk_map *map, const struct sockaddr_spec *to)
{
	map->fd = dial(to, TALK_SEC);
	return map->fd >= 0;
}

void
talk_map_close(struct talk_map *map)
{
	if (map->fd >= 0)
		close(map->fd);
	map->fd = -1;
}

static bool
send_request(struct talk_map *map, const char *name, struct mf_text key)
{
	struct text_out out = text_out(map->room, sizeof(map->room));

	out_uint(&out, strlen(name) + 1 + key.len);
	out_char(&out, ':');
	out_str(&out, name);
	out_char(&out, ' ');
	out_text(&out, key);
	out_char(&out, ',');
	return !out.full && dial_send(map->fd, out_view(&out));
}

bool
talk_map_ask(struct talk_map *map, const char *name, struct mf_text key,
    struct mf_text *reply)
{
	size_t len = 0, used;

	if (!send_request(map, name, key))
		return false;
	while (len < sizeof(map->room)) {
		ssize_t n =
		    read(map->fd, map->room + len, sizeof(map->room) - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		len += (size_t)n;
		switch (netstring_read(
		    mf_text_at(map->room, len), TALK_REPLY_MAX, reply, &used)) {
		case NETSTRING_OK:
			return true;
		case NETSTRING_MORE:
			break;
		case NETSTRING_BAD:
		case NETSTRING_TOO_LONG:
			return false;
		}
	}
	return false;
}
