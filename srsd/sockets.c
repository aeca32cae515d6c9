/* SPDX-License-Identifier: ISC */
#include "srsd/sockets.h"

#include <stdio.h>
#include <sys/socket.h>

#include "common/listen.h"

static bool
is_unix(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	    address.ss_family == AF_UNIX;
}

static bool
add_listener(struct sockets *s, int fd, enum protocol protocol,
    struct mf_text name, const struct listen_options *place,
    struct report *report)
{
	struct listener *l = &s->list[s->count];
	struct text_out out = text_out(l->name, sizeof(l->name) - 1);

	if (s->count == SOCKETS_MAX) {
		report_error(report, place->file, place->line, place->key,
		    "more than %d sockets", SOCKETS_MAX);
		return false;
	}
	l->fd = fd;
	l->protocol = protocol;
	l->is_unix = is_unix(fd);
	out_text(&out, name);
	l->name[out.len] = '\0';
	s->count++;
	return true;
}

static bool
open_list(struct sockets *s, const struct conf_list *list,
    enum protocol protocol, const struct listen_options *options,
    struct report *report)
{
	for (size_t i = 0; i < list->count; i++) {
		struct mf_text item = list->items[i];
		int fd = listen_open_text(item, options, report);

		if (fd == LISTEN_NOT_NOW)
			continue;
		if (fd < 0 ||
		    !add_listener(s, fd, protocol, item, options, report))
			return false;
	}
	return true;
}

/* Sockets from systemd stand in for all that the file names. */
static bool
take_inherited(struct sockets *s, unsigned count, struct report *report)
{
	static const struct listen_options systemd = {.key = "LISTEN_FDS"};

	for (unsigned i = 0; i < count; i++) {
		const char *name = listen_inherited_name(i);
		enum protocol protocol = PROTOCOL_SOCKETMAP;
		char label[LISTENER_NAME_SIZE];

		if (strcmp(name, "tcp_table_forward") == 0)
			protocol = PROTOCOL_TCP_FORWARD;
		else if (strcmp(name, "tcp_table_reverse") == 0)
			protocol = PROTOCOL_TCP_REVERSE;
		snprintf(label, sizeof(label), "systemd:%u:%s", i + 1, name);
		if (!add_listener(s, LISTEN_FIRST_FD + (int)i, protocol,
			mf_text_of(label), &systemd, report))
			return false;
	}
	return true;
}

static bool
open_all(struct sockets *s, const struct srsd_config *c,
    struct listen_options *options, struct report *report)
{
	const struct {
		const char *key;
		const struct conf_list *list;
		enum protocol protocol;
	} all[] = {
	    {"listen", &c->srsd.listen, PROTOCOL_SOCKETMAP},
	    {"tcp_table_forward", &c->srsd.tcp_table_forward,
		PROTOCOL_TCP_FORWARD},
	    {"tcp_table_reverse", &c->srsd.tcp_table_reverse,
		PROTOCOL_TCP_REVERSE},
	};

	size_t count = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		count += all[i].list->count;
		options->key = all[i].key;
		options->line = conf_line(c->conf, "srsd", all[i].key);
		if (!open_list(
			s, all[i].list, all[i].protocol, options, report))
			return false;
	}
	if (count != 0)
		return true;
	report_error(report, c->path, conf_line(c->conf, "srsd", "listen"),
	    "listen", "no socket to listen on");
	return false;
}

static bool
open_metrics(struct sockets *s, const struct srsd_config *c,
    struct listen_options *options, struct report *report)
{
	if (c->srsd.metrics.len == 0)
		return true;
	options->key = "metrics";
	options->line = conf_line(c->conf, "srsd", "metrics");
	s->metrics_fd = listen_open_text(c->srsd.metrics, options, report);
	return s->metrics_fd >= 0 || s->metrics_fd == LISTEN_NOT_NOW;
}

bool
sockets_open(struct sockets *s, const struct srsd_config *c,
    const struct privilege *who, const struct listen_check *check,
    struct report *report)
{
	const struct srsd_settings *settings = &c->srsd;
	struct listen_options options = {.mode = (mode_t)settings->socket_mode,
	    .uid = who->change ? who->uid : (uid_t)-1,
	    .gid = who->change ? who->gid : (gid_t)-1,
	    .file = c->path,
	    .owner_line = conf_line(c->conf, "srsd", "socket_owner"),
	    .check = check};
	unsigned inherited = listen_inherited();

	s->metrics_fd = -1;
	if (inherited != 0 && check == NULL)
		return take_inherited(s, inherited, report) &&
		    open_metrics(s, c, &options, report);
	if (settings->socket_owner.len != 0 &&
	    !listen_owner(settings->socket_owner, &options, c->path,
		options.owner_line, report))
		return false;
	return open_all(s, c, &options, report) &&
	    open_metrics(s, c, &options, report);
}

void
sockets_warn_user(const struct srsd_config *c, const struct listen_check *check,
    struct report *report)
{
	const struct listen_options options = {.file = c->path,
	    .key = "listen",
	    .line = conf_line(c->conf, "srsd", "listen"),
	    .check = check};

	for (size_t i = 0; i < c->srsd.listen.count; i++)
		listen_warn_user(c->srsd.listen.items[i], &options, report);
}
