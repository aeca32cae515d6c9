/* SPDX-License-Identifier: ISC */
/*
 * The header, as it came, and in the forms that are hashed (RFC 6376 3.4.1,
 * 3.4.2, 3.7).
 *
 * h= takes the fields of a name from the lowest upwards (5.4.2).  Fields are
 * sorted by name for that, as whoever sends many of both shouldn't make it
 * dear.
 */
#include <stdlib.h>

#include "libdkim/dkim_.h"

void
header_free_(struct header_ *h)
{
	free(h->octets);
	free(h->fields);
	free(h->names);
	*h = (struct header_){0};
}

/* --- storing --- */

/* array with room for count + more elements of size octets, or NULL. */
static void *
grow(void *array, size_t count, size_t more, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 64 : *room;

	if (count + more <= *room)
		return array;
	while (wanted < count + more)
		wanted *= 2;
	array = realloc(array, wanted * size);
	if (array != NULL)
		*room = wanted;
	return array;
}

static struct mf_text
name_of(const struct header_ *h, size_t field)
{
	const struct field_ *f = &h->fields[field];

	return mf_text_at(h->octets + f->at, f->name_len);
}

struct mf_text
header_value_(const struct header_ *h, size_t field)
{
	const struct field_ *f = &h->fields[field];

	return mf_text_at(
	    h->octets + f->at + f->colon + 1, f->len - f->colon - 1);
}

bool
header_is_(const struct header_ *h, size_t field, struct mf_text name)
{
	return text_eq_fold(name_of(h, field), name);
}

/* Append text, its lines ending in CRLF whatever they ended in. */
static void
append(struct header_ *h, struct mf_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			h->octets[h->len++] = '\r';
		h->octets[h->len++] = text.p[i];
	}
}

static bool
reserve(struct header_ *h, size_t octets)
{
	char *more = grow(h->octets, h->len, octets, &h->size, 1);
	struct field_ *fields;

	if (more == NULL)
		return false;
	h->octets = more;
	fields = grow(h->fields, h->count, 1, &h->room, sizeof(*h->fields));
	if (fields == NULL)
		return false;
	h->fields = fields;
	return true;
}

bool
header_add_(struct header_ *h, struct mf_text name, struct mf_text value)
{
	size_t octets = name.len + text_count(name, '\n') + 1 + value.len +
	    text_count(value, '\n');

	if (h->count == DKIM_FIELDS_MAX || octets > DKIM_HEADER_MAX - h->len) {
		h->too_large = true;
		return true;
	}
	if (!reserve(h, octets))
		return false;
	struct field_ *f = &h->fields[h->count];
	*f = (struct field_){
	    .at = h->len, .name_len = name.len, .colon = name.len};
	while (f->name_len != 0 && ascii_is_blank(name.p[f->name_len - 1]))
		f->name_len--;
	append(h, name);
	f->colon = h->len - f->at;
	h->octets[h->len++] = ':';
	append(h, value);
	f->len = h->len - f->at;
	if (f->len > h->longest)
		h->longest = f->len;
	h->count++;
	return true;
}

/* --- names --- */

static int
compare(const void *a, const void *b)
{
	const struct name_ *x = a, *y = b;
	int order = text_cmp_fold(x->text, y->text);

	return order != 0 ? order : x->field < y->field ? -1 : 1;
}

bool
header_end_(struct header_ *h)
{
	size_t first = 0;

	if (h->count == 0)
		return true;
	h->names = calloc(h->count, sizeof(*h->names));
	if (h->names == NULL)
		return false;
	for (size_t i = 0; i < h->count; i++)
		h->names[i] =
		    (struct name_){.text = name_of(h, i), .field = (uint32_t)i};
	qsort(h->names, h->count, sizeof(*h->names), compare);
	for (size_t i = 0; i < h->count; i++) {
		if (!text_eq_fold(h->names[first].text, h->names[i].text))
			first = i;
		h->names[first].count++;
	}
	return true;
}

/* The first of that name; NULL: there is none. */
static struct name_ *
find_name(const struct header_ *h, struct mf_text name)
{
	size_t from = 0, to = h->names != NULL ? h->count : 0;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (text_cmp_fold(h->names[middle].text, name) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return h->names != NULL && from < h->count &&
		text_eq_fold(h->names[from].text, name)
	    ? &h->names[from]
	    : NULL;
}

size_t
header_count_(const struct header_ *h, struct mf_text name)
{
	const struct name_ *first = find_name(h, name);

	return first != NULL ? first->count : 0;
}

/* --- canonical forms --- */

/*
 * The value in one line, each run of blanks as one, none at either end (RFC
 * 6376 3.4.2).
 */
static void
relax_value(struct mf_text value, struct text_out *out)
{
	bool blank = false, any = false;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c == '\r' && i + 1 < value.len && value.p[i + 1] == '\n') {
			i++;
			continue;
		}
		if (ascii_is_blank(c)) {
			blank = any;
			continue;
		}
		if (blank)
			out_char(out, ' ');
		blank = false;
		any = true;
		out_char(out, c);
	}
}

static void
relax(struct mf_text name, struct mf_text value, struct text_out *out)
{
	for (size_t i = 0; i < name.len; i++)
		out_char(out, ascii_lower(name.p[i]));
	out_char(out, ':');
	relax_value(value, out);
}

/* A field that h= names. */
static bool
put_field(const struct header_ *h, size_t field, bool relaxed, char *room,
    header_sink_ *sink, void *arg)
{
	const struct field_ *f = &h->fields[field];
	struct text_out out = text_out(room, h->longest + 2);

	if (relaxed)
		relax(name_of(h, field), header_value_(h, field), &out);
	else
		out_text(&out, mf_text_at(h->octets + f->at, f->len));
	out_str(&out, "\r\n");
	return sink(arg, out_view(&out));
}

/* The signature's own field, with nothing for b=, and no end of line. */
static bool
put_own(const struct header_ *h, const struct signature_ *s, char *room,
    header_sink_ *sink, void *arg)
{
	const struct field_ *f = &h->fields[s->field];
	const char *start = h->octets + f->at;
	size_t before = (size_t)(s->b_raw.p - start);
	struct text_out bare = text_out(room, h->longest);
	struct text_out out = text_out(room + h->longest, h->longest);
	struct mf_text whole = mf_text_at(start, f->len);

	out_text(&bare, text_head(whole, before));
	out_text(&bare, text_from(whole, before + s->b_raw.len));
	if (!s->public.relaxed_header)
		return sink(arg, out_view(&bare));
	relax(name_of(h, s->field), text_from(out_view(&bare), f->colon + 1),
	    &out);
	return sink(arg, out_view(&out));
}

/* The next field of that name upwards that isn't the signature itself. */
static bool
next_field(struct header_ *h, const struct signature_ *s, struct mf_text name,
    size_t *field)
{
	struct name_ *first = find_name(h, name);

	while (first != NULL && first->taken < first->count) {
		first->taken++;
		*field = first[first->count - first->taken].field;
		if (*field != s->field)
			return true;
	}
	return false;
}

bool
header_hash_(struct header_ *h, const struct signature_ *s, header_sink_ *sink,
    void *arg)
{
	struct mf_text list = s->headers, name;
	char *room = malloc(2 * h->longest + 2);
	bool ok = room != NULL;
	size_t field;

	for (size_t i = 0; i < h->count; i++)
		h->names[i].taken = 0;
	while (ok && tags_item_(&list, &name))
		if (next_field(h, s, name, &field))
			ok = put_field(h, field, s->public.relaxed_header, room,
			    sink, arg);
	ok = ok && put_own(h, s, room, sink, arg);
	free(room);
	return ok;
}
