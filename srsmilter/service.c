/* SPDX-License-Identifier: ISC */
#include "srsmilter/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

static struct srsmilter_config *
config_of(struct milter_config *config)
{
	return (struct srsmilter_config *)config;
}

struct milter_service *
srsmilter_new(struct milter_config *config, struct report *report)
{
	struct srsmilter *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->replay = replay_new(
		    (size_t)config_of(config)->srsmilter.replay_size);
	if (s == NULL || s->replay == NULL ||
	    !message_ids_begin(&s->ids, MESSAGE_ID_SRSMILTER)) {
		report_error(
		    report, NULL, 0, NULL, "cannot start: %s", strerror(errno));
		if (s != NULL)
			replay_free(s->replay);
		milter_config_release(config);
		free(s);
		return NULL;
	}
	atomic_flag_clear(&s->missed_mailer);
	shared_place_init(&s->base.config, &config->shared);
	return &s->base;
}

void
srsmilter_free(struct milter_service *service)
{
	struct srsmilter *s = (struct srsmilter *)service;

	shared_place_free(&s->base.config);
	replay_free(s->replay);
	free(s);
}

bool
srsmilter_start(struct milter_service *service, struct report *report)
{
	return srsmilter_config_start(
	    (struct srsmilter_config *)service->config.now, NULL, report);
}

bool
srsmilter_reload(struct milter_service *service, struct milter_config *config,
    bool is_asked, struct report *report)
{
	struct srsmilter_config *new = config_of(config);
	const struct srsmilter_config *old =
	    (const struct srsmilter_config *)service->config.now;
	const struct daemon_fixed size = {"replay_size",
	    old->srsmilter.replay_size == new->srsmilter.replay_size};

	(void)is_asked;
	if (!srsmilter_config_start(new, old, report)) {
		milter_config_release(config);
		return false;
	}
	daemon_warn_fixed(&size, 1);
	milter_service_replace(service, config);
	return true;
}

void
srsmilter_miss_mailer(struct srsmilter *s)
{
	if (atomic_flag_test_and_set(&s->missed_mailer))
		return;
	log_say(LEVEL_WARNING,
	    "rewrite = remote_mailer, but the MTA doesn't send {rcpt_mailer}: "
	    "no message is treated as forwarded (only sendmail sends it)");
}

void
srsmilter_write_metrics(void *arg, struct metrics_writer *writer)
{
	struct srsmilter *s = arg;
	struct replay_stats replay;
	struct srsmilter_config *c;

	replay_stats(s->replay, &replay);
	srsmilter_metrics_write(writer, &s->metrics, &s->base, &replay);
	c = (struct srsmilter_config *)shared_take(&s->base.config);
	rewriter_write_metrics(c->rewriter, "srsmilter", writer);
	if (c->store != NULL)
		store_write_metrics(c->store, "srsmilter", writer);
	milter_config_release(&c->base);
}

void
srsmilter_list_secrets(
    const struct milter_service *service, char *out, size_t size)
{
	const struct srsmilter_config *c =
	    (const struct srsmilter_config *)service->config.now;
	char list[REWRITER_SECRETS_SIZE], rrs[SECRET_LIST_SIZE] = "";

	rewriter_list_secrets(c->rewriter, list);
	if (c->rrs != NULL)
		secret_list(c->rrs->fingerprints, c->rrs->secret_count, rrs);
	snprintf(
	    out, size, "%s%s%s", list, rrs[0] != '\0' ? "; RRS " : "", rrs);
}
