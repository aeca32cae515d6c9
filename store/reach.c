/* SPDX-License-Identifier: ISC */
/*
 * Whether the database is reached, and what the log says of that: once when it
 * changes, and once a minute of what fails, however much does.
 */
#include "common/clock.h"
#include "common/log.h"
#include "store/store_.h"

void
store_note_trouble_(struct store *s, const char *reason)
{
	struct text_out out = text_out(s->trouble, sizeof(s->trouble) - 1);

	out_text(&out, text_head(mf_text_of(reason), sizeof(s->trouble) - 1));
	s->trouble[out.len] = '\0';
	rarely_count(&s->troubles);
	pthread_cond_signal(&s->due);
}

void
store_is_up(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->is_up) {
		uint64_t now_ms = clock_ms();

		if (!s->was_reached)
			log_say(LEVEL_INFO, "store: connected");
		else if (s->is_down_logged)
			log_say(LEVEL_INFO,
			    "store: connected again after %llu s",
			    (unsigned long long)(now_ms - s->since_ms) / 1000);
		s->is_up = s->was_reached = true;
		s->is_down_logged = false;
		s->since_ms = now_ms;
		s->epoch += 2;
		s->stats.connects++;
	}
	pthread_mutex_unlock(&s->lock);
}

/* A connection that comes and goes is told of once a minute. */
void
store_is_down(struct store *s, const char *reason)
{
	uint64_t now_ms = clock_ms();

	pthread_mutex_lock(&s->lock);
	if (s->is_up) {
		s->is_up = false;
		s->since_ms = now_ms;
		s->epoch += 2;
	}
	if (!s->is_down_logged && now_ms >= s->next_log_ms) {
		s->is_down_logged = true;
		s->next_log_ms = now_ms + RARELY_MS;
		log_say(LEVEL_ERROR, "store: not available: %s", reason);
	}
	pthread_mutex_unlock(&s->lock);
}

uint64_t
store_tell_troubles_(struct store *s, uint64_t now_ms)
{
	uint64_t count = rarely_due(&s->troubles, now_ms);

	if (count != 0)
		log_say(LEVEL_WARNING, "store: %llu requests failed, last: %s",
		    (unsigned long long)count, s->trouble);
	return rarely_total(&s->troubles) != s->troubles.logged
	    ? s->troubles.next_ms
	    : UINT64_MAX;
}
