/* SPDX-License-Identifier: ISC */
#include "srsmilter/service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/log.h"
#include "rewrite/message_id.h"

struct service {
	pthread_mutex_t lock; /* of config */
	struct config *config;
	struct message_ids ids;
	struct replay *replay;
	struct figures figures;
	atomic_flag missed_mailer;
};

struct service *
service_new(struct config *config, struct report *report)
{
	struct service *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->replay = replay_new((size_t)config->srsmilter.replay_size);
	if (s == NULL || s->replay == NULL ||
	    !message_ids_begin(&s->ids, MESSAGE_ID_SRSMILTER)) {
		report_error(
		    report, NULL, 0, NULL, "cannot start: %s", strerror(errno));
		if (s != NULL)
			replay_free(s->replay);
		config_release(config);
		free(s);
		return NULL;
	}
	pthread_mutex_init(&s->lock, NULL);
	atomic_flag_clear(&s->missed_mailer);
	s->config = config;
	return s;
}

void
service_free(struct service *s)
{
	config_release(s->config);
	replay_free(s->replay);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
service_start(struct service *s, struct report *report)
{
	return config_start(s->config, NULL, report);
}

bool
service_reload(struct service *s, struct config *config, struct report *report)
{
	struct config *old = s->config;
	const struct daemon_fixed size = {"replay_size",
	    old->srsmilter.replay_size == config->srsmilter.replay_size};

	if (!config_start(config, old, report)) {
		config_release(config);
		return false;
	}
	daemon_warn_fixed(&size, 1);
	pthread_mutex_lock(&s->lock);
	s->config = config;
	pthread_mutex_unlock(&s->lock);
	config_release(old);
	return true;
}

struct config *
service_config(struct service *s)
{
	struct config *config;

	pthread_mutex_lock(&s->lock);
	config = s->config;
	atomic_fetch_add(&config->holders, 1);
	pthread_mutex_unlock(&s->lock);
	return config;
}

void
service_miss_mailer(struct service *s)
{
	if (atomic_flag_test_and_set(&s->missed_mailer))
		return;
	log_say(LEVEL_WARNING,
	    "rewrite = remote_mailer, but the MTA doesn't send {rcpt_mailer}: "
	    "no message counts as forwarded.  Only sendmail does");
}

uint64_t
service_message_id(struct service *s, uint8_t server)
{
	return message_id_next(&s->ids, server);
}

struct replay *
service_replay(struct service *s)
{
	return s->replay;
}

struct figures *
service_figures(struct service *s)
{
	return &s->figures;
}

void
service_write_figures(void *arg, struct metrics_writer *writer)
{
	struct service *s = arg;
	struct replay_stats replay;

	replay_stats(s->replay, &replay);
	figures_write(writer, &s->figures, &replay);
}
