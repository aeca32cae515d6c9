/* SPDX-License-Identifier: ISC */
/*
 * DNS messages: answers.
 */
#include <stdlib.h>

#include "libspf-dns/dnscursor.h"

/* A resource record; its data is [data, data + data_len) of the message. */
struct rr {
	struct dnsmsg_name owner;
	uint16_t type, class;
	uint32_t ttl_sec;
	size_t data, data_len;
};

struct alias {
	struct dnsmsg_name owner, target;
	uint32_t ttl_sec;
};

/* What is known of a message while it is read. */
struct message {
	const uint8_t *p;
	size_t len;
	uint16_t flags, answers, authorities;
	size_t answers_at, authorities_at;
	struct alias aliases[DNSMSG_ALIASES_MAX];
	size_t alias_count;
	struct dnsmsg_name name; /* that the records belong to */
	struct names *names;
};

static enum dnsmsg_status
failure(struct dnsmsg_result *out, enum spf_cause cause)
{
	out->cause = cause;
	return DNSMSG_FAILURE;
}

/* An answer, unless there is no memory for it. */
static enum dnsmsg_status
success(struct dnsmsg_result *out, struct spf_answer *answer)
{
	out->answer = answer;
	return answer != NULL ? DNSMSG_ANSWER
			      : failure(out, SPF_CAUSE_NO_MEMORY);
}

/* --- reading --- */

static void
get_rr(struct cursor *c, struct rr *out)
{
	get_name_(c, &out->owner);
	out->type = get_u16_(c);
	out->class = get_u16_(c);
	out->ttl_sec = get_ttl_(c);
	out->data_len = get_u16_(c);
	out->data = c->at;
	if (c->bad || out->data_len > c->len - c->at)
		c->bad = true;
	else
		c->at += out->data_len;
}

/* A cursor over the data of rr.  Names in it may point to before it. */
static struct cursor
rr_data(const struct message *m, const struct rr *rr)
{
	return (struct cursor){
	    m->p, rr->data + rr->data_len, rr->data, false, m->names};
}

static bool
name_eq(const struct dnsmsg_name *a, const struct dnsmsg_name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* Is name zone, or below it? */
static bool
name_is_in(const struct dnsmsg_name *name, const struct dnsmsg_name *zone)
{
	size_t at = 0;

	while (name->len - at > zone->len)
		at += (size_t)name->wire[at] + 1;
	return name->len - at == zone->len &&
	    memcmp(name->wire + at, zone->wire, zone->len) == 0;
}

/* --- the parts of an answer --- */

/* Header and question.  False: not an answer to it. */
static bool
read_question(struct message *m, enum spf_rr rr, const struct dnsmsg_name *name)
{
	struct cursor c = {
	    m->p, m->len, 2, m->len < DNSMSG_HEADER_SIZE, m->names};
	struct dnsmsg_name asked;

	m->flags = get_u16_(&c);
	uint16_t questions = get_u16_(&c);
	m->answers = get_u16_(&c);
	m->authorities = get_u16_(&c);
	get_u16_(&c); /* additional records */
	if (c.bad || (m->flags & FLAG_RESPONSE) == 0 ||
	    (m->flags & FLAGS_OPCODE) != 0 || questions != 1)
		return false;
	get_name_(&c, &asked);
	uint16_t type = get_u16_(&c);
	uint16_t class = get_u16_(&c);
	m->answers_at = c.at;
	return !c.bad && type == dnsmsg_type_(rr) && class == CLASS_IN &&
	    name_eq(&asked, name);
}

/* Note all aliases, and check that the records are whole. */
static enum dnsmsg_status
read_aliases(struct message *m, struct dnsmsg_result *out)
{
	struct cursor c = {m->p, m->len, m->answers_at, false, m->names};
	struct rr rr;

	for (unsigned i = 0; i < m->answers; i++) {
		get_rr(&c, &rr);
		if (c.bad)
			return failure(out, SPF_CAUSE_MALFORMED);
		if (rr.type != TYPE_CNAME || rr.class != CLASS_IN)
			continue;
		if (m->alias_count == DNSMSG_ALIASES_MAX)
			return failure(out, SPF_CAUSE_ALIASES);
		struct alias *alias = &m->aliases[m->alias_count++];
		struct cursor data = rr_data(m, &rr);

		get_name_(&data, &alias->target);
		if (data.bad || data.at != data.len)
			return failure(out, SPF_CAUSE_MALFORMED);
		alias->owner = rr.owner;
		alias->ttl_sec = rr.ttl_sec;
	}
	m->authorities_at = c.at;
	return DNSMSG_ANSWER;
}

static const struct alias *
alias_of(const struct message *m)
{
	for (size_t i = 0; i < m->alias_count; i++)
		if (name_eq(&m->aliases[i].owner, &m->name))
			return &m->aliases[i];
	return NULL;
}

/* Follow the aliases from name on, in whatever order they are. */
static enum dnsmsg_status
follow_aliases(struct message *m, const struct dnsmsg_name *name,
    struct dnsmsg_result *out)
{
	const struct alias *alias;

	m->name = *name;
	while ((alias = alias_of(m)) != NULL) {
		if (out->aliases++ == m->alias_count)
			return failure(out, SPF_CAUSE_ALIASES); /* a loop */
		if (alias->ttl_sec < out->ttl_sec)
			out->ttl_sec = alias->ttl_sec;
		m->name = alias->target;
	}
	out->target = m->name;
	return DNSMSG_ANSWER;
}

/* --- no records --- */

/* What the authority section says about an answer without records. */
struct authority {
	bool soa, ns;
	uint32_t ttl_sec;
};

static bool
read_authority(const struct message *m, struct authority *out)
{
	struct cursor c = {m->p, m->len, m->authorities_at, false, m->names};
	struct dnsmsg_name skipped;
	struct rr rr;

	*out = (struct authority){.ttl_sec = 0};
	for (unsigned i = 0; i < m->authorities; i++) {
		get_rr(&c, &rr);
		if (c.bad)
			return false;
		if (rr.class != CLASS_IN)
			continue;
		out->ns |= rr.type == TYPE_NS;
		if (rr.type != TYPE_SOA || !name_is_in(&m->name, &rr.owner))
			continue;
		struct cursor data = rr_data(m, &rr);

		get_name_(&data, &skipped); /* of the primary server */
		get_name_(&data, &skipped); /* of who is responsible */
		for (int n = 0; n < 4; n++)
			get_u32_(&data);
		uint32_t minimum = get_ttl_(&data);
		if (data.bad || data.at != data.len)
			return false;
		out->soa = true;
		out->ttl_sec = rr.ttl_sec < minimum ? rr.ttl_sec : minimum;
	}
	return true;
}

static enum dnsmsg_status
read_nothing(const struct message *m, enum spf_rr rr, struct dnsmsg_result *out)
{
	bool nxdomain = (m->flags & FLAGS_RCODE) == RCODE_NXDOMAIN;
	struct authority authority;

	if (!read_authority(m, &authority))
		return failure(out, SPF_CAUSE_MALFORMED);
	if (!nxdomain && !authority.soa) {
		/* The target lies elsewhere, and the server doesn't recurse. */
		if (out->aliases != 0)
			return DNSMSG_ALIAS;
		/* A referral (RFC 2308 2.2.1): a server that isn't the right
		 * one, and won't ask it. */
		if (authority.ns &&
		    (m->flags &
			(FLAG_AUTHORITATIVE | FLAG_RECURSION_AVAILABLE)) == 0)
			return failure(out, SPF_CAUSE_REFERRAL);
	}
	if (authority.ttl_sec < out->ttl_sec)
		out->ttl_sec = authority.ttl_sec;
	out->nxdomain = nxdomain;
	return success(out, spf_answer_void(rr));
}

/* --- records --- */

/* The records of an answer, in memory that is let go once it is made. */
struct dns_records {
	struct mf_text *texts;
	uint16_t *preferences;
	char *room; /* for the octets of texts */
	size_t count, room_len;
};

static bool
is_wanted(const struct message *m, enum spf_rr type, const struct rr *rr)
{
	return rr->type == dnsmsg_type_(type) && rr->class == CLASS_IN &&
	    name_eq(&rr->owner, &m->name);
}

/* Append the octets t to the last text. */
static void
append(struct dns_records *r, const uint8_t *p, size_t len)
{
	struct mf_text *last = &r->texts[r->count - 1];

	if (len != 0)
		memcpy(r->room + r->room_len, p, len);
	r->room_len += len;
	last->len += len;
}

/* The strings of a TXT record, joined (RFC 7208 3.3). */
static bool
read_txt(struct cursor c, struct dns_records *r)
{
	while (c.at < c.len) {
		size_t len = c.p[c.at++];

		if (len > c.len - c.at)
			return false;
		append(r, c.p + c.at, len);
		c.at += len;
	}
	return true;
}

static bool
read_address(struct cursor c, size_t size, struct dns_records *r)
{
	if (c.len - c.at != size)
		return false;
	append(r, c.p + c.at, size);
	return true;
}

static bool
read_name(struct cursor c, bool mx, struct dns_records *r)
{
	struct dnsmsg_name name;
	char text[SPF_NAME_SIZE];

	r->preferences[r->count - 1] = mx ? get_u16_(&c) : 0;
	get_name_(&c, &name);
	if (c.bad || c.at != c.len)
		return false;
	append(r, (const uint8_t *)text, dnsmsg_name_text_(&name, text));
	return true;
}

static bool
read_record(const struct message *m, enum spf_rr type, const struct rr *rr,
    struct dns_records *r)
{
	struct cursor c = rr_data(m, rr);

	r->texts[r->count++] = mf_text_at(r->room + r->room_len, 0);
	switch (type) {
	case SPF_RR_TXT:
		return read_txt(c, r);
	case SPF_RR_A:
		return read_address(c, 4, r);
	case SPF_RR_AAAA:
		return read_address(c, 16, r);
	case SPF_RR_MX:
		return read_name(c, true, r);
	case SPF_RR_PTR:
		return read_name(c, false, r);
	}
	return false;
}

/* How many records there are, and the octets of their data; the least TTL. */
static size_t
measure(const struct message *m, enum spf_rr type, size_t *octets,
    struct dnsmsg_result *out)
{
	struct cursor c = {m->p, m->len, m->answers_at, false, m->names};
	size_t count = 0;
	struct rr rr;

	*octets = 0;
	for (unsigned i = 0; i < m->answers; i++) {
		get_rr(&c, &rr);
		if (c.bad || !is_wanted(m, type, &rr))
			continue;
		count++;
		*octets += rr.data_len;
		if (rr.ttl_sec < out->ttl_sec)
			out->ttl_sec = rr.ttl_sec;
	}
	return count;
}

/* Sort by preference; insertion keeps equal ones in their order. */
static void
sort_mx(struct dns_records *r)
{
	for (size_t i = 1; i < r->count; i++) {
		struct mf_text text = r->texts[i];
		uint16_t preference = r->preferences[i];
		size_t at = i;

		for (; at > 0 && r->preferences[at - 1] > preference; at--) {
			r->preferences[at] = r->preferences[at - 1];
			r->texts[at] = r->texts[at - 1];
		}
		r->preferences[at] = preference;
		r->texts[at] = text;
	}
}

static struct spf_answer *
make_answer(enum spf_rr type, struct dns_records *r)
{
	switch (type) {
	case SPF_RR_TXT:
		return spf_answer_txt(r->texts, r->count);
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return spf_answer_addresses(
		    type, (const uint8_t *)r->room, r->count);
	case SPF_RR_MX:
		sort_mx(r);
		return spf_answer_names(type, r->texts, r->count);
	case SPF_RR_PTR:
		return spf_answer_names(type, r->texts, r->count);
	}
	return NULL;
}

static enum dnsmsg_status
read_records(const struct message *m, enum spf_rr type, size_t count,
    size_t octets, struct dnsmsg_result *out)
{
	struct cursor c = {m->p, m->len, m->answers_at, false, m->names};
	bool names = type == SPF_RR_MX || type == SPF_RR_PTR;
	struct dns_records r = {.texts = NULL};
	enum dnsmsg_status status;
	struct rr rr;
	char *memory;

	if (names && count > DNSMSG_NAMES_KEPT)
		count = DNSMSG_NAMES_KEPT;
	if (names)
		octets = count * SPF_NAME_MAX;
	memory = malloc(
	    count * (sizeof(*r.texts) + sizeof(*r.preferences)) + octets);
	if (memory == NULL)
		return failure(out, SPF_CAUSE_NO_MEMORY);
	r.texts = (struct mf_text *)memory;
	r.preferences = (uint16_t *)(r.texts + count);
	r.room = (char *)(r.preferences + count);

	while (r.count < count) {
		get_rr(&c, &rr);
		if (c.bad ||
		    (is_wanted(m, type, &rr) &&
			!read_record(m, type, &rr, &r))) {
			free(memory);
			return failure(out, SPF_CAUSE_MALFORMED);
		}
	}
	status = success(out, make_answer(type, &r));
	free(memory);
	return status;
}

/* --- the whole --- */

static enum dnsmsg_status
read_message(struct message *m, enum spf_rr rr, const struct dnsmsg_name *name,
    struct dnsmsg_result *out)
{
	enum dnsmsg_status status;
	size_t count, data_len;

	if (!read_question(m, rr, name))
		return failure(out, SPF_CAUSE_MALFORMED);
	m->names->question = name;
	unsigned rcode = m->flags & FLAGS_RCODE;
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return failure(out, (enum spf_cause)rcode);
	if ((m->flags & FLAG_TRUNCATED) != 0)
		return failure(out, SPF_CAUSE_TRUNCATED);
	status = read_aliases(m, out);
	if (status == DNSMSG_ANSWER)
		status = follow_aliases(m, name, out);
	if (status != DNSMSG_ANSWER)
		return status;
	count = measure(m, rr, &data_len, out);
	if (m->names->steps > DNSMSG_STEPS_MAX)
		return failure(out, SPF_CAUSE_MALFORMED);
	if (count == 0 || rcode == RCODE_NXDOMAIN)
		return read_nothing(m, rr, out);
	return read_records(m, rr, count, data_len, out);
}

enum dnsmsg_status
dnsmsg_parse_(const uint8_t *octets, size_t len, enum spf_rr rr,
    const struct dnsmsg_name *name, struct dnsmsg_result *out)
{
	struct names names = {.steps = 0};
	struct message m = {.p = octets, .len = len, .names = &names};
	enum dnsmsg_status status;

	*out = (struct dnsmsg_result){.ttl_sec = UINT32_MAX};
	status = read_message(&m, rr, name, out);
	out->steps = names.steps;
	return status;
}
