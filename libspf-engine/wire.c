/* SPDX-License-Identifier: ISC */
/*
 * Messages between a daemon and its helper: written, and read strictly, since
 * the helper may have been taken over by what it has read.
 */
#include "libspf-engine/wire.h"

#include "libspf-engine/opinion.h"

#define HELLO MF_TEXT("spf-libspf2 2")

enum wire_kind {
	KIND_HELLO = 'H',
	KIND_REQUEST = 'R',
	KIND_LOOKUP = 'L',
	KIND_ANSWER = 'A',
	KIND_VERDICT = 'V'
};

/* Where the TXT records of an answer are sent as one text. */
enum wire_txt {
	TXT_OTHER,    /* no SPF record; the text is the only one, or empty */
	TXT_RECORD,   /* one SPF record among others: the text */
	TXT_ONLY_ONE, /* one SPF record, and no other */
	TXT_TOO_MANY  /* several SPF records: no text */
};

/* --- fields --- */

static void
put_u8(struct text_out *out, unsigned n)
{
	out_char(out, (char)(n & 0xff));
}

static void
put_u16(struct text_out *out, size_t n)
{
	put_u8(out, (unsigned)(n >> 8));
	put_u8(out, (unsigned)n);
}

static void
put_u64(struct text_out *out, uint64_t n)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		put_u8(out, (unsigned)(n >> shift & 0xff));
}

static void
put_text(struct text_out *out, struct mf_text text)
{
	if (text.len > UINT16_MAX) {
		out->full = true;
		return;
	}
	put_u16(out, text.len);
	out_text(out, text);
}

/* A message that is being read; what isn't there sets bad. */
struct wire_reader {
	struct mf_text rest;
	bool bad;
};

static struct mf_text
get_octets(struct wire_reader *r, size_t len)
{
	struct mf_text octets = text_head(r->rest, len);

	r->bad = r->bad || octets.len != len;
	r->rest = text_from(r->rest, len);
	return r->bad ? MF_TEXT("") : octets;
}

static uint64_t
get_number(struct wire_reader *r, size_t len)
{
	struct mf_text octets = get_octets(r, len);
	uint64_t n = 0;

	for (size_t i = 0; i < octets.len; i++)
		n = n << 8 | (unsigned char)octets.p[i];
	return n;
}

/* At most max. */
static unsigned
get_small(struct wire_reader *r, size_t len, unsigned max)
{
	uint64_t n = get_number(r, len);

	r->bad = r->bad || n > max;
	return r->bad ? 0 : (unsigned)n;
}

static bool
get_bool(struct wire_reader *r)
{
	return get_small(r, 1, 1) != 0;
}

static struct mf_text
get_text(struct wire_reader *r, size_t max)
{
	return get_octets(r, get_small(r, 2, (unsigned)max));
}

/* A string of printable ASCII, into a buffer of size. */
static void
get_string(struct wire_reader *r, char *out, size_t size)
{
	struct mf_text text = get_text(r, size - 1);

	r->bad = r->bad || (text.len != 0 && !text_is_printable(text));
	if (r->bad)
		text.len = 0;
	if (text.len != 0)
		memcpy(out, text.p, text.len);
	out[text.len] = '\0';
}

static struct wire_reader
reader(struct mf_text message, enum wire_kind kind)
{
	struct wire_reader r = {message, message.len > WIRE_SIZE};

	r.bad = get_small(&r, 1, 0xff) != (unsigned)kind || r.bad;
	return r;
}

/* True if the message was read to its end, and all of it was well. */
static bool
ended(const struct wire_reader *r)
{
	return !r->bad && r->rest.len == 0;
}

/* --- HELLO --- */

bool
wire_put_hello_(struct text_out *out)
{
	put_u8(out, KIND_HELLO);
	put_text(out, HELLO);
	return !out->full;
}

bool
wire_get_hello_(struct mf_text message)
{
	struct wire_reader r = reader(message, KIND_HELLO);

	return mf_text_eq(get_text(&r, WIRE_TEXT_MAX), HELLO) && ended(&r);
}

/* --- REQUEST --- */

static void
put_request_text(struct text_out *out, struct mf_text text)
{
	if (text.len > WIRE_TEXT_MAX)
		out->full = true;
	put_text(out, text);
}

bool
wire_put_request_(struct text_out *out, const struct spf_request *q)
{
	put_u8(out, KIND_REQUEST);
	put_u8(out, q->ip.v6);
	out_text(out, mf_text_at((const char *)q->ip.octets, 16));
	put_u8(out, q->identity);
	put_u8(out, q->sequential);
	put_u64(out, q->now_sec);
	put_request_text(out, q->sender);
	put_request_text(out, q->helo);
	put_request_text(out, q->receiver);
	put_request_text(out, q->delegate);
	put_request_text(out, q->default_explanation);
	put_request_text(out,
	    q->best_guess != NULL ? spf_record_text(q->best_guess)
				  : MF_TEXT(""));
	return !out->full;
}

bool
wire_get_request_(
    struct mf_text message, struct spf_request *out, struct mf_text *guess)
{
	struct wire_reader r = reader(message, KIND_REQUEST);
	struct mf_text octets;

	*out = (struct spf_request){.ip.v6 = get_bool(&r)};
	octets = get_octets(&r, sizeof(out->ip.octets));
	if (octets.len != 0)
		memcpy(out->ip.octets, octets.p, octets.len);
	out->identity = get_bool(&r) ? SPF_HELO : SPF_MAILFROM;
	out->sequential = get_bool(&r);
	out->now_sec = get_number(&r, 8);
	out->sender = get_text(&r, WIRE_TEXT_MAX);
	out->helo = get_text(&r, WIRE_TEXT_MAX);
	out->receiver = get_text(&r, WIRE_TEXT_MAX);
	out->delegate = get_text(&r, WIRE_TEXT_MAX);
	out->default_explanation = get_text(&r, WIRE_TEXT_MAX);
	*guess = get_text(&r, WIRE_TEXT_MAX);
	return ended(&r);
}

/* --- LOOKUP --- */

bool
wire_put_lookup_(struct text_out *out, enum spf_rr rr, struct mf_text name)
{
	put_u8(out, KIND_LOOKUP);
	put_u8(out, rr);
	put_text(out, name);
	return !out->full;
}

bool
wire_is_lookup_(struct mf_text message)
{
	return message.len != 0 && message.p[0] == KIND_LOOKUP;
}

bool
wire_get_lookup_(struct mf_text message, enum spf_rr *rr, struct mf_text *name)
{
	struct wire_reader r = reader(message, KIND_LOOKUP);

	*rr = (enum spf_rr)get_small(&r, 1, SPF_RR_PTR);
	*name = get_text(&r, SPF_NAME_MAX);
	if (!ended(&r) || !spf_name_ok(*name))
		return false;
	for (size_t i = 0; i < name->len; i++)
		if (name->p[i] != ascii_lower(name->p[i]) || name->p[i] == '\0')
			return false;
	return true;
}

/* --- ANSWER --- */

static void
put_txt(struct text_out *out, const struct spf_answer *a)
{
	struct mf_text text = a->only_text;
	enum wire_txt txt = TXT_OTHER;

	if (a->spf_records > 1) {
		txt = TXT_TOO_MANY;
		text = MF_TEXT("");
	} else if (a->spf_records == 1) {
		txt = a->only_text.len != 0 ? TXT_ONLY_ONE : TXT_RECORD;
		text = spf_record_text(a->record);
	}
	put_u8(out, txt);
	/* One octet too many is enough to see that it is too long. */
	put_text(out, text_head(text, SPF_RECORD_MAX + 1));
}

static void
put_names(struct text_out *out, const struct spf_answer *a)
{
	size_t count = a->count < WIRE_NAMES_MAX ? a->count : WIRE_NAMES_MAX;

	put_u8(out, (unsigned)count);
	for (size_t i = 0; i < count; i++)
		put_text(out, a->names[i]);
}

bool
wire_put_answer_(struct text_out *out, const struct spf_answer *a)
{
	put_u8(out, KIND_ANSWER);
	put_u8(out, a != NULL);
	if (a == NULL)
		return !out->full;
	put_u8(out, a->rr);
	put_u8(out, a->status);
	if (a->status == SPF_DNS_ERROR)
		put_u8(out, a->cause);
	if (a->status != SPF_DNS_FOUND)
		return !out->full;
	switch (a->rr) {
	case SPF_RR_TXT:
		put_txt(out, a);
		break;
	case SPF_RR_A:
		put_text(
		    out, mf_text_at((const char *)a->addresses, a->count * 4));
		break;
	case SPF_RR_AAAA:
		put_text(
		    out, mf_text_at((const char *)a->addresses, a->count * 16));
		break;
	case SPF_RR_MX:
	case SPF_RR_PTR:
		put_names(out, a);
		break;
	}
	return !out->full;
}

static struct spf_answer *
get_txt(struct wire_reader *r)
{
	enum wire_txt txt = (enum wire_txt)get_small(r, 1, TXT_TOO_MANY);
	/* Two records, of which the first is no SPF record. */
	struct mf_text texts[2] = {
	    MF_TEXT(""), get_text(r, SPF_RECORD_MAX + 1)};
	bool is_record = spf_is_record(texts[1]);

	if (!ended(r))
		return NULL;
	switch (txt) {
	case TXT_OTHER:
		if (is_record)
			return NULL;
		return texts[1].len != 0 ? spf_answer_txt(texts + 1, 1)
					 : spf_answer_txt(texts, 2);
	case TXT_RECORD:
		return is_record ? spf_answer_txt(texts, 2) : NULL;
	case TXT_ONLY_ONE:
		return is_record ? spf_answer_txt(texts + 1, 1) : NULL;
	case TXT_TOO_MANY:
		texts[0] = texts[1] = MF_TEXT("v=spf1");
		return spf_answer_txt(texts, 2);
	}
	return NULL;
}

static struct spf_answer *
get_addresses(struct wire_reader *r, enum spf_rr rr)
{
	size_t size = rr == SPF_RR_AAAA ? 16 : 4;
	struct mf_text octets = get_text(r, WIRE_SIZE);

	if (!ended(r) || octets.len == 0 || octets.len % size != 0)
		return NULL;
	return spf_answer_addresses(
	    rr, (const uint8_t *)octets.p, octets.len / size);
}

static struct spf_answer *
get_names(struct wire_reader *r, enum spf_rr rr)
{
	struct mf_text names[WIRE_NAMES_MAX];
	unsigned count = get_small(r, 1, WIRE_NAMES_MAX);

	for (unsigned i = 0; i < count; i++)
		names[i] = get_text(r, UINT16_MAX);
	if (!ended(r) || count == 0)
		return NULL;
	return spf_answer_names(rr, names, count);
}

static enum spf_cause
get_cause(struct wire_reader *r)
{
	return (enum spf_cause)get_small(r, 1, SPF_CAUSE_COUNT - 1);
}

static const struct spf_answer *
get_failure(struct wire_reader *r, enum spf_rr rr)
{
	enum spf_cause cause = get_cause(r);

	if (!ended(r) || cause == SPF_CAUSE_NONE)
		return NULL;
	return spf_answer_failure(rr, cause);
}

bool
wire_get_answer_(
    struct mf_text message, enum spf_rr rr, const struct spf_answer **out)
{
	struct wire_reader r = reader(message, KIND_ANSWER);
	bool known = get_bool(&r);
	enum spf_dns_status status;

	*out = NULL;
	if (r.bad || !known)
		return ended(&r);
	r.bad = get_small(&r, 1, SPF_RR_PTR) != (unsigned)rr || r.bad;
	status = (enum spf_dns_status)get_small(&r, 1, SPF_DNS_ERROR);
	if (r.bad)
		return false;
	if (status == SPF_DNS_ERROR)
		*out = get_failure(&r, rr);
	else if (status == SPF_DNS_VOID)
		*out = ended(&r) ? spf_answer_void(rr) : NULL;
	else if (rr == SPF_RR_TXT)
		*out = get_txt(&r);
	else if (rr == SPF_RR_A || rr == SPF_RR_AAAA)
		*out = get_addresses(&r, rr);
	else
		*out = get_names(&r, rr);
	return *out != NULL;
}

/* --- VERDICT --- */

bool
wire_put_verdict_(struct text_out *out, enum spf_status status,
    enum spf_opinion opinion, const struct spf_verdict *v)
{
	put_u8(out, KIND_VERDICT);
	put_u8(out, status);
	put_u8(out, opinion);
	if (status != SPF_OK || opinion != SPF_OPINION_GIVEN)
		return !out->full;
	put_u8(out, v->result);
	put_u16(out, v->terms);
	put_u16(out, v->lookups);
	put_u8(out, v->guessed);
	put_u8(out, v->delegated);
	put_u8(out, v->cause);
	put_text(out, mf_text_of(v->domain));
	put_text(out, mf_text_of(v->explanation));
	put_text(out, mf_text_of(v->problem));
	return !out->full;
}

bool
wire_get_verdict_(struct mf_text message, enum spf_status *status,
    enum spf_opinion *opinion, struct spf_verdict *out)
{
	struct wire_reader r = reader(message, KIND_VERDICT);

	*status = get_bool(&r) ? SPF_PENDING : SPF_OK;
	/* Dying and the like it can't say itself. */
	*opinion = (enum spf_opinion)get_small(&r, 1, SPF_OPINION_FAILED);
	r.bad = r.bad || *opinion == SPF_OPINION_LACKING;
	if (r.bad || *status != SPF_OK || *opinion != SPF_OPINION_GIVEN)
		return ended(&r);
	opinion_none_(out, SPF_OPINION_GIVEN, NULL);
	out->result = (enum spf_result)get_small(&r, 1, SPF_PERMERROR);
	out->terms = get_small(&r, 2, UINT16_MAX);
	out->lookups = get_small(&r, 2, UINT16_MAX);
	out->guessed = get_bool(&r);
	out->delegated = get_bool(&r);
	out->cause = get_cause(&r);
	r.bad = r.bad ||
	    (out->cause != SPF_CAUSE_NONE && out->result != SPF_TEMPERROR);
	get_string(&r, out->domain, sizeof(out->domain));
	get_string(&r, out->explanation, sizeof(out->explanation));
	get_string(&r, out->problem, sizeof(out->problem));
	return ended(&r);
}
