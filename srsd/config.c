/* SPDX-License-Identifier: ISC */
#include "srsd/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define SRSD_LISTEN "inet:10003@127.0.0.1"

#define WORKERS_DEFAULT 4

#define AT(member) .offset = offsetof(struct srsd_settings, member)

static const struct conf_key srsd_keys[] = {
    {"listen", CONF_LIST, AT(listen), .items = &item_socket, .no_files = true,
	.initial = SRSD_LISTEN,
	.help = "Socketmap listeners: unix:/path, inet:PORT@HOST, "
		"inet6:PORT@HOST"},
    {"tcp_table_forward", CONF_LIST, AT(tcp_table_forward),
	.items = &item_socket, .no_files = true,
	.sample = "inet:10001@127.0.0.1",
	.help = "Listeners of Postfix's tcp_table protocol, for senders"},
    {"tcp_table_reverse", CONF_LIST, AT(tcp_table_reverse),
	.items = &item_socket, .no_files = true,
	.sample = "inet:10002@127.0.0.1", .help = "The same for recipients"},
    {"workers", CONF_UINT, AT(workers), 1, SRSD_WORKERS_MAX, .sample = "4",
	.unit = "threads", .help = "Without it the cores, up to 4"},
    {"user", CONF_TEXT, AT(user), .sample = "mailfrom",
	.help = "Whom to become when started as root"},
    {"socket_mode", CONF_OCTAL, AT(socket_mode), 0, 0777, .initial = "0660",
	.help = "Mode of unix sockets: who may write to one may sign"},
    {"socket_owner", CONF_TEXT, AT(socket_owner), .sample = "root:postfix",
	.help = "USER, USER:GROUP or :GROUP that owns unix sockets"},
    {"pid_file", CONF_TEXT, AT(pid_file), .sample = "/run/mailfrom/srsd.pid",
	.help = "Where to write the process number"},
    {"max_connections", CONF_UINT, AT(max_connections), 1, 1000000,
	.initial = "10000", .help = "More clients wait to be accepted"},
    {"idle_timeout", CONF_UINT, AT(idle_timeout), 1, 86400, .initial = "3600",
	.unit = "seconds", .help = "When a client that asks nothing is closed"},
    {"request_timeout", CONF_UINT, AT(request_timeout), 1, 3600,
	.initial = "30", .unit = "seconds",
	.help = "For a whole request to arrive, and an answer to be taken"},
};

static struct conf_section
srsd_section(struct srsd_settings *values)
{
	return (struct conf_section){.name = "srsd",
	    .help = "The socketmap and tcp_table daemon",
	    .keys = srsd_keys,
	    .count = sizeof(srsd_keys) / sizeof(srsd_keys[0]),
	    .values = values,
	    .used = true};
}

#define OURS     4
#define SECTIONS 6

static void
sections_of(struct srsd_config *c, struct conf_section out[static SECTIONS])
{
	out[0] = rewrite_section(&c->srs);
	out[1] = srsd_section(&c->srsd);
	out[2] = check_section(&c->spf);
	out[3] = log_section(&c->log);
	out[4] = (struct conf_section){.name = "srsmilter", .elsewhere = true};
	out[5] = (struct conf_section){.name = "spfmilter", .elsewhere = true};
}

void
srsd_config_print(FILE *to)
{
	struct srsd_config none = {.path = NULL};
	struct conf_section sections[SECTIONS];

	sections_of(&none, sections);
	conf_print(to, sections, OURS);
}

/* --- reading --- */

static bool
load(struct srsd_config *c, const struct ini *ini,
    const struct rewriter_legacy *legacy, struct report *report)
{
	struct conf_section sections[SECTIONS];
	unsigned errors = report->errors;

	sections_of(c, sections);
	/* Mistakes in it are warnings otherwise. */
	sections[2].used = gate_is_wanted(ini);
	if (!conf_load(&c->conf, ini, sections, SECTIONS, report))
		return false;
	if (!watch_add(&c->watch, c->srs.secret_file) ||
	    (c->srs.skip_if_spf_passes &&
		!watch_add(&c->watch, c->spf.record_file)) ||
	    !watch_add_lists(&c->watch, c->conf)) {
		report_error(report, c->path, 0, NULL, "out of memory");
		return false;
	}
	return rewriter_new(
		   &c->srs, c->conf, c->path, legacy, &c->rewriter, report) &&
	    gate_new(&c->srs, c->conf, c->path, &c->gate, report) &&
	    (c->gate == NULL ||
		check_settings_ok(&c->spf, c->conf, c->path, report)) &&
	    report->errors == errors;
}

static bool
load_source(void *config, const struct source *source, struct report *report)
{
	struct srsd_config *c = config;
	struct legacy legacy;
	bool ok;

	if (!source->is_legacy)
		return load(c, &source->ini, NULL, report);
	ok = legacy_load(source, &c->watch, &legacy, report) &&
	    load(c, &legacy.ini, &legacy.rewriter, report);
	legacy_free(&legacy);
	return ok;
}

static void
config_free(struct shared *object)
{
	struct srsd_config *c = (struct srsd_config *)object;

	checker_release(c->checker);
	gate_free(c->gate);
	rewriter_free(c->rewriter);
	conf_free(c->conf);
	watch_free(&c->watch);
	free(c);
}

struct srsd_config *
srsd_config_load(
    const char *path, enum source_format format, struct report *report)
{
	struct srsd_config *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		report_error(report, path, 0, NULL, "out of memory");
		return NULL;
	}
	shared_init(&c->shared, config_free);
	c->path = path;
	if (source_load(path, format, legacy_detect, load_source, c, report))
		return c;
	srsd_config_release(c);
	return NULL;
}

void
srsd_config_release(struct srsd_config *c)
{
	shared_release(c != NULL ? &c->shared : NULL);
}

bool
srsd_config_start(
    struct srsd_config *c, const struct srsd_config *old, struct report *report)
{
	if (c->gate == NULL)
		return true;
	c->checker = checker_new(&c->spf, c->conf, c->path,
	    old != NULL ? old->checker : NULL, report);
	return c->checker != NULL;
}

unsigned
srsd_config_workers(const struct srsd_config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->srsd.workers != 0)
		return (unsigned)c->srsd.workers;
	if (cores < 1)
		return 1;
	return cores < WORKERS_DEFAULT ? (unsigned)cores : WORKERS_DEFAULT;
}
