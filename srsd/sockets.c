/* SPDX-License-Identifier: ISC */
#include "srsd/sockets.h"

#include <stdio.h>

#include "common/listen.h"

static bool
add_listener(
    struct sockets *s, int fd, enum protocol protocol, struct report *report)
{
	if (s->count == SOCKETS_MAX) {
		report_error(report, NULL, 0, "listen", "more than %d sockets",
		    SOCKETS_MAX);
		return false;
	}
	s->list[s->count++] = (struct listener){fd, protocol};
	return true;
}

static bool
open_list(struct sockets *s, const struct conf_list *list,
    enum protocol protocol, const struct listen_options *options,
    struct report *report)
{
	struct sockaddr_spec spec;
	const char *why = NULL;
	char name[512];

	for (size_t i = 0; i < list->count; i++) {
		struct text item = list->items[i];

		snprintf(name, sizeof(name), "%.*s", (int)item.len, item.p);
		/* config_load() has seen to it that this can't fail. */
		if (!sockaddr_parse(item, &spec, &why))
			return false;
		int fd = listen_open(&spec, options, name, report);
		if (fd < 0 || !add_listener(s, fd, protocol, report))
			return false;
	}
	return true;
}

/* Sockets from systemd stand in for all that the file names. */
static bool
take_inherited(struct sockets *s, unsigned count, struct report *report)
{
	for (unsigned i = 0; i < count; i++) {
		const char *name = listen_inherited_name(i);
		enum protocol protocol = PROTOCOL_SOCKETMAP;

		if (strcmp(name, "tcp_table_forward") == 0)
			protocol = PROTOCOL_TCP_FORWARD;
		else if (strcmp(name, "tcp_table_reverse") == 0)
			protocol = PROTOCOL_TCP_REVERSE;
		if (!add_listener(
			s, LISTEN_FIRST_FD + (int)i, protocol, report))
			return false;
	}
	return true;
}

bool
sockets_open(struct sockets *s, const struct config *c,
    const struct privilege *who, bool check_only, struct report *report)
{
	const struct srsd_settings *settings = &c->srsd;
	struct listen_options options = {.mode = (mode_t)settings->socket_mode,
	    .uid = (uid_t)-1,
	    .gid = (gid_t)-1};
	unsigned inherited = listen_inherited();

	if (inherited != 0 && !check_only)
		return take_inherited(s, inherited, report);
	if (who->change) {
		options.uid = who->uid;
		options.gid = who->gid;
	}
	if (settings->socket_owner.len != 0 &&
	    !listen_owner(settings->socket_owner, &options, c->path,
		conf_line(c->conf, "srsd", "socket_owner"), report))
		return false;
	if (check_only)
		return true;
	if (!open_list(
		s, &settings->listen, PROTOCOL_SOCKETMAP, &options, report) ||
	    !open_list(s, &settings->tcp_table_forward, PROTOCOL_TCP_FORWARD,
		&options, report) ||
	    !open_list(s, &settings->tcp_table_reverse, PROTOCOL_TCP_REVERSE,
		&options, report))
		return false;
	if (s->count != 0)
		return true;
	report_error(report, c->path, 0, "listen", "no socket to listen on");
	return false;
}
