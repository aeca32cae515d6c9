/* SPDX-License-Identifier: ISC */
#include "srsd/control.h"

#include <event2/event.h>
#include <signal.h>

#include "common/health.h"
#include "common/log.h"
#include "common/notify.h"

struct control {
	struct server *server;
	const struct daemon_program *program;
	const struct daemon_options *options;
	struct event_base *base;
};

/* --- reloading --- */

/* What a reload can't change is said, not passed over. */
static void
warn_of_restart(const struct srsd_config *old, const struct srsd_config *new)
{
	const struct srsd_settings *a = &old->srsd, *b = &new->srsd;
	const struct daemon_fixed fixed[] = {
	    {"listen", conf_list_eq(&a->listen, &b->listen)},
	    {"tcp_table_forward",
		conf_list_eq(&a->tcp_table_forward, &b->tcp_table_forward)},
	    {"tcp_table_reverse",
		conf_list_eq(&a->tcp_table_reverse, &b->tcp_table_reverse)},
	    {"metrics", mf_text_eq(a->metrics, b->metrics)},
	    {"workers", a->workers == b->workers},
	    {"user", mf_text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", mf_text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", mf_text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old->log.to == new->log.to},
	    {"[log] format", old->log.format == new->log.format},
	};

	daemon_warn_fixed(fixed, sizeof(fixed) / sizeof(fixed[0]));
}

/* False: something is wrong with the new one, as the log says. */
static bool
load_anew(struct control *c)
{
	struct report report = daemon_report_to_log();
	const struct srsd_config *old = server_config(c->server);
	struct srsd_config *config =
	    srsd_config_load(c->options->path, c->options->format, &report);

	if (config == NULL || !srsd_config_start(config, old, &report)) {
		srsd_config_release(config);
		return false;
	}
	warn_of_restart(old, config);
	server_reload(c->server, config);
	return true;
}

static void
say_reloaded(const struct srsd_config *config, const char *why)
{
	char secrets[REWRITER_SECRETS_SIZE];

	rewriter_list_secrets(config->rewriter, secrets);
	log_say(LEVEL_INFO,
	    "%s: configuration and secrets reloaded, secrets %s", why, secrets);
}

static void
reload(struct control *c, const char *why)
{
	bool ok;

	notify_reloading();
	ok = load_anew(c);
	health_set(HEALTH_CONFIGURATION, !ok);
	if (ok) {
		log_set_level(daemon_log(
		    c->program, c->options, &server_config(c->server)->log)
				  .level);
		say_reloaded(server_config(c->server), why);
	} else {
		watch_mark_seen(&server_config(c->server)->watch);
		log_say(LEVEL_ERROR,
		    "%s: invalid configuration; keeping the old one", why);
	}
	notify_ready();
}

/* --- waiting --- */

static void
on_hup(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	reload(arg, "SIGHUP");
}

static void
on_end(evutil_socket_t signal, short what, void *arg)
{
	struct control *c = arg;

	(void)signal;
	(void)what;
	event_base_loopbreak(c->base);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	server_tick(c->server);
	if (watch_is_stale(&server_config(c->server)->watch))
		reload(c, "a secret or list file has changed");
}

static bool
wait_for_end(struct control *c)
{
	struct timeval interval = {.tv_sec = WATCH_SEC};
	struct event *events[] = {
	    evsignal_new(c->base, SIGHUP, on_hup, c),
	    evsignal_new(c->base, SIGTERM, on_end, c),
	    evsignal_new(c->base, SIGINT, on_end, c),
	    event_new(c->base, -1, EV_PERSIST, on_watch, c),
	};
	bool ok = true;

	for (size_t i = 0; i < 4; i++)
		if (events[i] == NULL ||
		    event_add(events[i], i == 3 ? &interval : NULL) < 0)
			ok = false;
	if (ok) {
		daemon_signals(SIG_UNBLOCK);
		event_base_dispatch(c->base);
	}
	for (size_t i = 0; i < 4; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	return ok;
}

bool
control_server(struct server *server, const struct daemon_program *program,
    const struct daemon_options *options)
{
	struct control c = {server, program, options, event_base_new()};
	bool ok;

	if (c.base == NULL)
		return false;
	ok = wait_for_end(&c);
	event_base_free(c.base);
	return ok;
}
