/* SPDX-License-Identifier: ISC */
#include "libspf-dns/leg.h"

void
leg_table_init_(struct leg_table *t)
{
	for (size_t i = 0; i < LEG_LISTS; i++)
		LIST_INIT(&t->by_id[i]);
	t->count = 0;
}

struct leg *
leg_find_(const struct leg_table *t, uint16_t id)
{
	struct leg *leg;

	LIST_FOREACH (leg, &t->by_id[id % LEG_LISTS], by_id)
		if (leg->id == id)
			return leg;
	return NULL;
}

struct leg *
leg_any_(const struct leg_table *t)
{
	for (size_t i = 0; t->count != 0 && i < LEG_LISTS; i++)
		if (!LIST_EMPTY(&t->by_id[i]))
			return LIST_FIRST(&t->by_id[i]);
	return NULL;
}

bool
leg_add_(struct leg_table *t, struct leg *leg, struct entropy *entropy)
{
	if (t->count >= LEGS_MAX)
		return false;
	do
		if (!entropy_get_(entropy, &leg->id, sizeof(leg->id)))
			return false;
	while (leg_find_(t, leg->id) != NULL);
	LIST_INSERT_HEAD(&t->by_id[leg->id % LEG_LISTS], leg, by_id);
	leg->table = t;
	t->count++;
	return true;
}

void
leg_wait_(struct leg *leg, struct leg_queue *queue)
{
	leg->waiting = queue;
	TAILQ_INSERT_TAIL(queue, leg, queued);
}

void
leg_leave_(struct leg *leg)
{
	if (leg->table != NULL) {
		LIST_REMOVE(leg, by_id);
		leg->table->count--;
		leg->table = NULL;
	}
	if (leg->waiting != NULL) {
		TAILQ_REMOVE(leg->waiting, leg, queued);
		leg->waiting = NULL;
	}
}
