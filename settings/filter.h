/* SPDX-License-Identifier: ISC */
/*
 * The keys that the sections of both filters have.
 */
#ifndef MAILFROM_SETTINGS_FILTER_H
#define MAILFROM_SETTINGS_FILTER_H

#include <stddef.h>

#include "common/conf.h"

/* In the order of on_error_names. */
enum on_error { ON_ERROR_TEMPFAIL, ON_ERROR_ACCEPT };

extern const char *const on_error_names[];

/*
 * What every filter's settings begin with; names are those of
 * mailfrom.conf(5).
 */
struct milter_settings {
	struct mf_text listen;
	struct conf_list internal_connect;
	struct conf_list trusted_relay;
	unsigned on_error; /* enum on_error */
	struct mf_text metrics;
	struct mf_text user;
	uint64_t socket_mode;
	struct mf_text socket_owner;
	struct mf_text pid_file;
};

/*
 * Rows of a filter's table, which fill a struct milter_settings at its start.
 * The arguments are strings: the filter's user and name, the port of its
 * metrics, and what it does for internal clients, for trusted relays, in an
 * error, and who may write to its socket.
 */
/* clang-format off */
#define FILTER_AT(member) .offset = offsetof(struct milter_settings, member)

#define FILTER_LISTEN(user, name, more) \
    {"listen", CONF_TEXT, FILTER_AT(listen), \
	.initial = "unix:/run/" user "/" name ".sock", \
	.help = "Socket for the MTA: unix:/path, inet:PORT@HOST, " \
		"inet6:PORT@HOST" more}

#define FILTER_CLIENTS(for_internal, for_relays) \
    {"internal_connect", CONF_LIST, FILTER_AT(internal_connect), \
	.items = &item_hosts, \
	.sample = "192.168.0.0/16, 127.*, mail.example.com", \
	.help = for_internal}, \
    {"trusted_relay", CONF_LIST, FILTER_AT(trusted_relay), \
	.items = &item_hosts, .sample = "192.0.2.7", .help = for_relays}

#define FILTER_ON_ERROR(when) \
    {"on_error", CONF_CHOICE, FILTER_AT(on_error), \
	.choices = on_error_names, .initial = "tempfail", .help = when}

#define FILTER_PROCESS(user_name, name, port, mode) \
    {"metrics", CONF_TEXT, FILTER_AT(metrics), \
	.sample = "inet:" port "@127.0.0.1", \
	.help = "Address of the Prometheus metrics endpoint"}, \
    {"user", CONF_TEXT, FILTER_AT(user), .sample = user_name, \
	.help = "User to run as when started as root"}, \
    {"socket_mode", CONF_OCTAL, FILTER_AT(socket_mode), 0, 0777, \
	.initial = "0660", .help = mode}, \
    {"socket_owner", CONF_TEXT, FILTER_AT(socket_owner), \
	.sample = "root:postfix", \
	.help = "Owner of a unix socket: USER, USER:GROUP or :GROUP"}, \
    {"pid_file", CONF_TEXT, FILTER_AT(pid_file), \
	.sample = "/run/" user_name "/" name ".pid", \
	.help = "File for the process ID"}
/* clang-format on */

#endif
