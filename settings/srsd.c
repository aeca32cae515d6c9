/* SPDX-License-Identifier: ISC */
/*
 * Keys of the section [srsd] of mailfrom.conf, with their types and defaults.
 */
#include "settings/srsd.h"

#include <stddef.h>

#define AT(member) .offset = offsetof(struct srsd_settings, member)

static const struct conf_key keys[] = {
    {"listen", CONF_LIST, AT(listen), .items = &item_socket, .no_files = true,
	.initial = "inet:10003@127.0.0.1",
	.help = "Socketmap listeners: unix:/path, inet:PORT@HOST, "
		"inet6:PORT@HOST"},
    {"tcp_table_forward", CONF_LIST, AT(tcp_table_forward),
	.items = &item_socket, .no_files = true,
	.sample = "inet:10001@127.0.0.1",
	.help = "Listeners for Postfix's tcp_table protocol, for "
		"senders"},
    {"tcp_table_reverse", CONF_LIST, AT(tcp_table_reverse),
	.items = &item_socket, .no_files = true,
	.sample = "inet:10002@127.0.0.1",
	.help = "Listeners for Postfix's tcp_table protocol, for "
		"recipients"},
    {"metrics", CONF_TEXT, AT(metrics), .sample = "inet:9419@127.0.0.1",
	.help = "Address of the Prometheus metrics endpoint"},
    {"workers", CONF_UINT, AT(workers), 1, SRSD_WORKERS_MAX, .sample = "4",
	.unit = "threads",
	.help = "Worker threads (default: one per core, up to 4)"},
    {"user", CONF_TEXT, AT(user), .sample = "mailfrom",
	.help = "User to run as when started as root"},
    {"socket_mode", CONF_OCTAL, AT(socket_mode), 0, 0777, .initial = "0660",
	.help = "Mode of unix sockets; write access allows signing"},
    {"socket_owner", CONF_TEXT, AT(socket_owner), .sample = "root:postfix",
	.help = "Owner of unix sockets: USER, USER:GROUP or :GROUP"},
    {"pid_file", CONF_TEXT, AT(pid_file), .sample = "/run/mailfrom/srsd.pid",
	.help = "File for the process ID"},
    {"max_connections", CONF_UINT, AT(max_connections), 1, 1000000,
	.initial = "10000",
	.help = "Maximum number of connections; beyond it idle ones are "
		"closed"},
    {"idle_timeout", CONF_UINT, AT(idle_timeout), 1, 86400, .initial = "3600",
	.unit = "seconds", .help = "Close idle connections after this time"},
    {"request_timeout", CONF_UINT, AT(request_timeout), 1, 3600,
	.initial = "30", .unit = "seconds",
	.help = "Time limit for receiving a request and for sending "
		"an answer"},
};

struct conf_section
srsd_section(struct srsd_settings *values)
{
	return CONF_SECTION(
	    "srsd", "The socketmap and tcp_table daemon", keys, values);
}
