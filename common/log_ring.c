/* SPDX-License-Identifier: ISC */
#include "common/log_ring.h"

#include <sys/mman.h>
#include <unistd.h>

/*
 * A record's state is written last.  Memory that isn't in use is zero, so the
 * taker sees a record that isn't finished.  The other values: the length of
 * the text and one, or nothing up to the end of the ring.
 */
#define STATE_UNFINISHED 0U
#define STATE_PADDING    UINT32_MAX

struct record {
	atomic_uint state;
	uint32_t level;
	int64_t time_sec;
	uint64_t missing;
	char text[];
};

#define ALIGNMENT _Alignof(struct record)

static size_t
record_size(size_t text_len)
{
	return (sizeof(struct record) + text_len + ALIGNMENT - 1) &
	    ~(ALIGNMENT - 1);
}

static struct record *
record_at(const struct log_ring *r, uint64_t at)
{
	return (struct record *)(void *)(r->bytes + (at & (r->size - 1)));
}

bool
log_ring_init(struct log_ring *r, size_t size)
{
	*r = (struct log_ring){
	    .size = size, .page = (size_t)sysconf(_SC_PAGESIZE)};
	r->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r->bytes != MAP_FAILED;
}

void
log_ring_free(struct log_ring *r)
{
	munmap(r->bytes, r->size);
}

/* --- putting in --- */

/*
 * Reserve need bytes in one piece.  The tail is loaded first, so it is never
 * past the head; a ring that looks full is looked at again if it has moved.
 */
static bool
reserve(struct log_ring *r, size_t need, uint64_t *at)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	unsigned long long head =
	    atomic_load_explicit(&r->head, memory_order_relaxed);

	for (;;) {
		uint64_t to_end = r->size - (head & (r->size - 1));
		uint64_t start = to_end < need ? head + to_end : head;
		uint64_t now;

		if (start + need - tail <= r->size) {
			if (!atomic_compare_exchange_weak(
				&r->head, &head, start + need))
				continue;
			if (start != head)
				atomic_store(
				    &record_at(r, head)->state, STATE_PADDING);
			*at = start;
			return true;
		}
		now = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (now == tail)
			return false;
		tail = now;
		head = atomic_load_explicit(&r->head, memory_order_relaxed);
	}
}

static bool
drop(struct log_ring *r)
{
	atomic_fetch_add(&r->dropped, 1);
	atomic_fetch_add(&r->unreported, 1);
	return false;
}

bool
log_ring_put(struct log_ring *r, const struct log_entry *entry)
{
	struct record *record;
	uint64_t at;

	if (atomic_load_explicit(&r->dropping, memory_order_relaxed))
		return drop(r);
	if (!reserve(r, record_size(entry->text.len), &at)) {
		atomic_store(&r->dropping, true);
		return drop(r);
	}
	record = record_at(r, at);
	record->level = (uint32_t)entry->level;
	record->time_sec = entry->time_sec;
	record->missing =
	    atomic_load_explicit(&r->unreported, memory_order_relaxed) != 0
	    ? log_ring_take_missing(r)
	    : 0;
	memcpy(record->text, entry->text.p, entry->text.len);
	/* In one order with the taker's going to sleep; see log.c. */
	atomic_store(&record->state, (unsigned)entry->text.len + 1);
	return true;
}

/* --- taking out --- */

/* Octets at the front that stay in memory. */
static size_t
kept(const struct log_ring *r)
{
	return r->size / 32;
}

/* Make the bytes from start to end zero; whole pages are given back. */
static void
clear(struct log_ring *r, size_t start, size_t end)
{
	size_t first = (start + r->page - 1) & ~(r->page - 1);
	size_t last = end & ~(r->page - 1);

	if (start < kept(r) || first >= last ||
	    madvise(r->bytes + first, last - first, MADV_DONTNEED) < 0) {
		memset(r->bytes + start, 0, end - start);
		return;
	}
	memset(r->bytes + start, 0, first - start);
	memset(r->bytes + last, 0, end - last);
}

/* Free what was taken, up to a place in the ring. */
static void
free_until(struct log_ring *r, uint64_t until)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t start = tail & (r->size - 1), len = until - tail;

	if (start + len > r->size) {
		clear(r, start, r->size);
		clear(r, 0, start + len - r->size);
	} else
		clear(r, start, start + len);
	atomic_store_explicit(&r->tail, until, memory_order_release);
}

/*
 * The ring is empty: go on at its front, in the memory that it keeps.  Until
 * the tail follows the head, putters see a gap as in use; what is kept at the
 * front is what they have left.
 */
static void
rewind_if_far(struct log_ring *r)
{
	unsigned long long head = r->read;
	uint64_t offset = head & (r->size - 1);

	if (offset < kept(r) ||
	    !atomic_compare_exchange_strong(
		&r->head, &head, r->read + r->size - offset))
		return;
	r->read += r->size - offset;
	atomic_store_explicit(&r->tail, r->read, memory_order_release);
}

static bool
is_empty(const struct log_ring *r)
{
	return r->read == atomic_load(&r->head);
}

/* Free whole pages and many at once, as giving them back isn't cheap. */
static void
free_in_steps(struct log_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t pages = r->read & ~((uint64_t)r->page - 1);
	bool empty = is_empty(r);

	if (empty)
		free_until(r, r->read);
	else if (pages > tail && pages - tail >= r->size / 512)
		free_until(r, pages);
	if (empty)
		rewind_if_far(r);
	if (log_ring_used(r) <= r->size / 2 && atomic_load(&r->dropping))
		atomic_store(&r->dropping, false);
}

bool
log_ring_take(struct log_ring *r, struct log_entry *out)
{
	for (;;) {
		struct record *record;
		unsigned state;

		free_in_steps(r);
		if (is_empty(r))
			return false;
		record = record_at(r, r->read);
		state =
		    atomic_load_explicit(&record->state, memory_order_acquire);
		if (state == STATE_UNFINISHED)
			return false;
		if (state == STATE_PADDING) {
			r->read += r->size - (r->read & (r->size - 1));
			continue;
		}
		*out =
		    (struct log_entry){.level = (enum log_level)record->level,
			.time_sec = record->time_sec,
			.missing = record->missing,
			.text = mf_text_at(record->text, state - 1)};
		r->read += record_size(state - 1);
		return true;
	}
}

uint64_t
log_ring_take_missing(struct log_ring *r)
{
	return atomic_exchange(&r->unreported, 0);
}

bool
log_ring_has_work(const struct log_ring *r)
{
	return !is_empty(r) || atomic_load(&r->unreported) != 0 ||
	    atomic_load(&r->dropping);
}

uint64_t
log_ring_used(const struct log_ring *r)
{
	uint64_t tail = atomic_load(&r->tail);

	return atomic_load(&r->head) - tail;
}
