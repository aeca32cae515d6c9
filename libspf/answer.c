/* SPDX-License-Identifier: ISC */
/*
 * Answers, each in one piece of memory but for the record compiled from it.
 */
#include <stdlib.h>

#include "libspf/record_.h"

#include "common/text.h"

const char *
spf_rr_text(enum spf_rr rr)
{
	switch (rr) {
	case SPF_RR_TXT:
		return "TXT";
	case SPF_RR_A:
		return "A";
	case SPF_RR_AAAA:
		return "AAAA";
	case SPF_RR_MX:
		return "MX";
	case SPF_RR_PTR:
		return "PTR";
	}
	return "?";
}

const char *
spf_result_text(enum spf_result result)
{
	switch (result) {
	case SPF_NONE:
		return "none";
	case SPF_NEUTRAL:
		return "neutral";
	case SPF_PASS:
		return "pass";
	case SPF_FAIL:
		return "fail";
	case SPF_SOFTFAIL:
		return "softfail";
	case SPF_TEMPERROR:
		return "temperror";
	case SPF_PERMERROR:
		return "permerror";
	}
	return "?";
}

/* An answer with `extra` octets behind it, which *room points to. */
static struct spf_answer *
answer_new(enum spf_rr rr, enum spf_dns_status status, size_t extra, void *room)
{
	struct spf_answer *a = malloc(sizeof(*a) + extra);

	if (a == NULL)
		return NULL;
	*a = (struct spf_answer){
	    .rr = rr, .status = status, .size = sizeof(*a) + extra};
	*(void **)room = a + 1;
	return a;
}

struct spf_answer *
spf_answer_void(enum spf_rr rr)
{
	void *room;

	return answer_new(rr, SPF_DNS_VOID, 0, &room);
}

struct spf_answer *
spf_answer_addresses(enum spf_rr rr, const uint8_t *octets, size_t count)
{
	size_t size = count * (rr == SPF_RR_AAAA ? 16 : 4);
	uint8_t *room;
	struct spf_answer *a = answer_new(
	    rr, count != 0 ? SPF_DNS_FOUND : SPF_DNS_VOID, size, &room);

	if (a == NULL || size == 0)
		return a;
	memcpy(room, octets, size);
	a->addresses = room;
	a->count = count;
	return a;
}

struct spf_answer *
spf_answer_names(enum spf_rr rr, const struct mf_text *names, size_t count)
{
	size_t size = count * sizeof(struct mf_text);
	struct mf_text *room;
	struct spf_answer *a;

	for (size_t i = 0; i < count; i++)
		size += names[i].len;
	a = answer_new(
	    rr, count != 0 ? SPF_DNS_FOUND : SPF_DNS_VOID, size, &room);
	if (a == NULL)
		return NULL;
	char *at = (char *)(room + count);
	for (size_t i = 0; i < count; i++) {
		struct mf_text t = names[i];

		if (t.len != 0 && t.p[t.len - 1] == '.')
			t.len--;
		if (t.len != 0)
			memcpy(at, t.p, t.len);
		ascii_lower_all(at, t.len);
		room[i] = mf_text_at(at, t.len);
		at += t.len;
	}
	a->names = room;
	a->count = count;
	return a;
}

/* Room in front of what must be aligned. */
static size_t
aligned(size_t size)
{
	const size_t unit = _Alignof(max_align_t);

	return (size + unit - 1) / unit * unit;
}

static struct spf_answer *
answer_record(struct mf_text text, size_t count)
{
	size_t head = aligned(sizeof(struct spf_answer));
	size_t size = record_size_(text);
	struct spf_answer *a = malloc(head + size);

	if (a == NULL)
		return NULL;
	struct spf_record *r = (void *)((char *)a + head);
	if (!record_compile_(text, true, r, size)) {
		free(a);
		return NULL;
	}
	*a = (struct spf_answer){.rr = SPF_RR_TXT,
	    .status = SPF_DNS_FOUND,
	    .spf_records = 1,
	    .record = r,
	    .count = count,
	    .size = head + r->size};
	return a;
}

/* What somebody may put in front of a version: blanks, quotes, UTF-8's. */
static bool
is_before_version(char c)
{
	return ascii_is_blank(c) || c == '"' || c == '\'' ||
	    (unsigned char)c >= 0x80;
}

/* "v=spf1;", "v = spf1", "spf1 a"...: not a record, and meant to be one. */
static bool
is_nearly(struct mf_text t)
{
	bool version;

	while (t.len != 0 && is_before_version(t.p[0]))
		t = text_from(t, 1);
	version = t.len != 0 && ascii_lower(t.p[0]) == 'v';
	if (version)
		t = text_trim(text_from(t, 1));
	if (t.len != 0 && (t.p[0] == '=' || t.p[0] == ':'))
		t = text_trim(text_from(t, 1));
	else if (version)
		return false;
	return text_starts_fold(t, version ? MF_TEXT("spf") : MF_TEXT("spf1"));
}

/* TXT records without an SPF record, or with several. */
static struct spf_answer *
answer_texts(const struct mf_text *records, size_t count, unsigned found)
{
	struct mf_text only = count == 1 ? records[0] : MF_TEXT("");
	struct mf_text nearly = MF_TEXT("");
	struct spf_answer *a;
	char *room;

	for (size_t i = 0; found == 0 && i < count && nearly.len == 0; i++)
		if (is_nearly(records[i]))
			nearly = text_head(records[i], SPF_NEARLY_MAX);
	a = answer_new(SPF_RR_TXT, count != 0 ? SPF_DNS_FOUND : SPF_DNS_VOID,
	    only.len + nearly.len, &room);
	if (a == NULL)
		return NULL;
	a->spf_records = found;
	a->count = count;
	if (only.len != 0)
		memcpy(room, only.p, only.len);
	a->only_text = mf_text_at(room, only.len);
	if (nearly.len != 0)
		memcpy(room + only.len, nearly.p, nearly.len);
	a->nearly = mf_text_at(room + only.len, nearly.len);
	return a;
}

struct spf_answer *
spf_answer_txt(const struct mf_text *records, size_t count)
{
	struct mf_text spf = MF_TEXT("");
	unsigned found = 0;
	bool sender_id = false;
	struct spf_answer *a;

	for (size_t i = 0; i < count; i++) {
		sender_id = sender_id ||
		    text_starts_fold(records[i], MF_TEXT("spf2.0/"));
		if (!spf_is_record(records[i]))
			continue;
		spf = records[i];
		found++;
	}
	a = found == 1 ? answer_record(spf, count)
		       : answer_texts(records, count, found);
	if (a == NULL)
		return NULL;
	if (found == 1 && count == 1)
		a->only_text = a->record->text;
	a->sender_id = sender_id;
	return a;
}

void
spf_answer_free(const struct spf_answer *answer)
{
	if (answer == NULL || answer->cause != SPF_CAUSE_NONE)
		return;
	if (answer->record != NULL)
		free(answer->record->problem);
	free((struct spf_answer *)(uintptr_t)answer);
}
