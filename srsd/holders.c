/* SPDX-License-Identifier: ISC */
#include "srsd/holders.h"

#include <string.h>

void
holders_begin(struct holders *h)
{
	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
}

void
holders_end(struct holders *h)
{
	pthread_mutex_destroy(&h->lock);
}

/* The place of who; a free one if it has none; else HOLDER_NONE. */
static unsigned
find(const struct holders *h, const struct holder *who, bool or_free)
{
	unsigned free_place = HOLDER_NONE;

	for (unsigned i = 0; i < HOLDERS_MAX; i++) {
		if (h->counts[i] == 0) {
			if (free_place == HOLDER_NONE)
				free_place = i;
		} else if (h->list[i].is_user == who->is_user &&
		    h->list[i].id == who->id)
			return i;
	}
	return or_free ? free_place : HOLDER_NONE;
}

unsigned
holders_enter(struct holders *h, const struct holder *who)
{
	unsigned place;

	pthread_mutex_lock(&h->lock);
	place = find(h, who, true);
	if (place == HOLDER_NONE)
		place = HOLDERS_MAX - 1;
	else
		h->list[place] = *who;
	h->counts[place]++;
	h->total++;
	pthread_mutex_unlock(&h->lock);
	return place;
}

void
holders_leave(struct holders *h, unsigned place)
{
	pthread_mutex_lock(&h->lock);
	h->counts[place]--;
	h->total--;
	pthread_mutex_unlock(&h->lock);
}

size_t
holders_total(struct holders *h)
{
	size_t total;

	pthread_mutex_lock(&h->lock);
	total = h->total;
	pthread_mutex_unlock(&h->lock);
	return total;
}

void
holders_look(struct holders *h, struct holders_view *out)
{
	pthread_mutex_lock(&h->lock);
	memcpy(out->counts, h->counts, sizeof(out->counts));
	out->total = h->total;
	pthread_mutex_unlock(&h->lock);
	out->most = out->holders = 0;
	for (unsigned i = 0; i < HOLDERS_MAX; i++) {
		out->holders += out->counts[i] != 0;
		if (out->counts[i] > out->most)
			out->most = out->counts[i];
	}
}

unsigned
holders_find(struct holders *h, const struct holder *who)
{
	unsigned place;

	pthread_mutex_lock(&h->lock);
	place = find(h, who, false);
	pthread_mutex_unlock(&h->lock);
	return place;
}

bool
holders_largest(struct holders *h, struct holder *who, size_t *count)
{
	*count = 0;
	pthread_mutex_lock(&h->lock);
	for (unsigned i = 0; i < HOLDERS_MAX; i++) {
		if (h->counts[i] > *count) {
			*count = h->counts[i];
			*who = h->list[i];
		}
	}
	pthread_mutex_unlock(&h->lock);
	return *count != 0;
}
