/* SPDX-License-Identifier: ISC */
/*
 * What isn't understood is an error: a record that is passed over makes results
 * quietly wrong.
 */
#include "tools/zone/zone_entry.h"

#include <stdlib.h>

#include "tools/zone/yamlfile.h"

#define RECORDS_MAX 256 /* of one type at one name */
#define TXT_SIZE    65536

static const char *const rr_words[ZONE_TYPES] = {
    "TXT", "A", "AAAA", "MX", "PTR"};

/* --- one name's records --- */

/* The records of one name, as the file lists them. */
struct listing {
	yaml_document_t *document;
	yaml_node_t *sequence;
	struct mf_text name;
	struct zone_problem *problem;
};

void
zone_wrong(struct zone_problem *problem, struct mf_text name,
    const yaml_node_t *node, const char *why)
{
	size_t len = name.len < SPF_NAME_MAX ? name.len : SPF_NAME_MAX;

	problem->why = why;
	problem->line = node != NULL ? node->start_mark.line + 1 : 0;
	if (len != 0)
		memcpy(problem->name, name.p, len);
	problem->name[len] = '\0';
}

/* Say what is wrong with node.  Always false, to be returned. */
static bool
wrong(const struct listing *l, const yaml_node_t *node, const char *why)
{
	zone_wrong(l->problem, l->name, node, why);
	return false;
}

/* TIMEOUT, SERVFAIL, REFUSED...: in capitals, as texts may be such words. */
static bool
is_cause(struct mf_text word, enum spf_cause *out)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] != ascii_upper(word.p[i]))
			return false;
	return spf_cause_parse(word, out);
}

/* "- TIMEOUT: true" is another way to write "- TIMEOUT". */
static bool
is_true(const yaml_node_t *value)
{
	struct mf_text t = yamlfile_text(value);

	return text_eq_fold(t, MF_TEXT("true")) ||
	    text_eq_fold(t, MF_TEXT("yes")) || mf_text_eq(t, MF_TEXT("1"));
}

/*
 * The type and value of an item "- TYPE: VALUE"; a cause has no value.  Items
 * have been checked.
 */
static struct mf_text
item_get(const struct listing *l, yaml_node_item_t item, yaml_node_t **value)
{
	yaml_node_t *node = yaml_document_get_node(l->document, item);
	enum spf_cause cause;
	struct mf_text word;

	*value = NULL;
	if (node->type != YAML_MAPPING_NODE)
		return yamlfile_text(node);
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	word = yamlfile_text(yaml_document_get_node(l->document, pair->key));
	if (!is_cause(word, &cause))
		*value = yaml_document_get_node(l->document, pair->value);
	return word;
}

static bool
has_type(const struct listing *l, const char *type)
{
	for (yaml_node_item_t *i = l->sequence->data.sequence.items.start;
	     i < l->sequence->data.sequence.items.top; i++) {
		yaml_node_t *value;

		if (mf_text_eq(item_get(l, *i, &value), mf_text_of(type)))
			return true;
	}
	return false;
}

/* Strings of a TXT record, joined. */
static struct mf_text
join(const struct listing *l, yaml_node_t *value, struct text_out *out)
{
	size_t from = out->len;

	if (value->type != YAML_SEQUENCE_NODE) {
		out_text(out, yamlfile_text(value));
	} else {
		for (yaml_node_item_t *i = value->data.sequence.items.start;
		     i < value->data.sequence.items.top; i++)
			out_text(out,
			    yamlfile_text(
				yaml_document_get_node(l->document, *i)));
	}
	return mf_text_at(out->p + from, out->len - from);
}

/* Everything that one lookup can come to, gathered in the file's order. */
struct gathered {
	struct mf_text texts[RECORDS_MAX]; /* TXT, or names */
	unsigned preference[RECORDS_MAX];
	uint8_t addresses[RECORDS_MAX * 16];
	size_t count;
	enum spf_cause cause; /* or none of it */
	struct text_out room;
	char room_text[TXT_SIZE];
};

static bool
gather_name(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	struct mf_text name = yamlfile_text(value);
	uint64_t preference = 0;

	if (rr == SPF_RR_MX) {
		if (value->type != YAML_SEQUENCE_NODE ||
		    value->data.sequence.items.top -
			    value->data.sequence.items.start !=
			2) {
			return wrong(l, value, "MX wants [PREFERENCE, NAME]");
		}
		yaml_node_item_t *items = value->data.sequence.items.start;
		if (!text_uint(yamlfile_text(yaml_document_get_node(
				   l->document, items[0])),
			65535, &preference))
			return wrong(l, value,
			    "the preference of MX is a number from 0 to "
			    "65535");
		name = yamlfile_text(
		    yaml_document_get_node(l->document, items[1]));
	}
	if (name.len == 0 && rr == SPF_RR_PTR)
		return wrong(l, value, "PTR wants a name");
	/* By preference, in the file's order among equals. */
	size_t at = g->count++;
	for (; at > 0 && g->preference[at - 1] > preference; at--) {
		g->texts[at] = g->texts[at - 1];
		g->preference[at] = g->preference[at - 1];
	}
	g->texts[at] = name;
	g->preference[at] = (unsigned)preference;
	return true;
}

static bool
gather_address(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	struct spf_ip ip;
	size_t size = rr == SPF_RR_AAAA ? 16 : 4;

	struct mf_text text = yamlfile_text(value);
	bool colon = text_find(text, ':') != text.len;

	if (!spf_ip_parse(text, &ip) || colon != (rr == SPF_RR_AAAA))
		return wrong(l, value,
		    rr == SPF_RR_AAAA ? "not an IPv6 address"
				      : "not an IPv4 address");
	/* An IPv4-mapped AAAA: no IPv6 client can have it. */
	if (ip.v6 != (rr == SPF_RR_AAAA))
		memset(ip.octets, 0, sizeof(ip.octets));
	memcpy(g->addresses + g->count++ * size, ip.octets, size);
	return true;
}

static bool
gather_value(const struct listing *l, enum spf_rr rr, yaml_node_t *value,
    struct gathered *g)
{
	if (g->count == RECORDS_MAX) {
		return wrong(l, value, "too many records of a type at a name");
	}
	switch (rr) {
	case SPF_RR_TXT: {
		struct mf_text text = join(l, value, &g->room);

		if (g->room.full)
			return wrong(l, value,
			    "more than 65535 octets of text at a name");
		/* "TXT: NONE" says that SPF records are no TXT records. */
		if (!mf_text_eq(text, MF_TEXT("NONE")))
			g->texts[g->count++] = text;
		return true;
	}
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return gather_address(l, rr, value, g);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return gather_name(l, rr, value, g);
	}
	return false;
}

/*
 * A cause stands for the types that weren't listed before it.  SPF records
 * are TXT records too where a name has none of the latter.
 */
static bool
gather(const struct listing *l, enum spf_rr rr, struct gathered *g)
{
	const char *type = rr_words[rr];

	if (rr == SPF_RR_TXT && !has_type(l, "TXT"))
		type = "SPF";
	g->count = 0;
	g->cause = SPF_CAUSE_NONE;
	g->room = text_out(g->room_text, sizeof(g->room_text));
	for (yaml_node_item_t *i = l->sequence->data.sequence.items.start;
	     i < l->sequence->data.sequence.items.top; i++) {
		yaml_node_t *value;
		struct mf_text word = item_get(l, *i, &value);

		if (value == NULL) {
			/* Generated TXT records come behind everything. */
			if (g->count != 0 && strcmp(type, "SPF") != 0)
				continue;
			is_cause(word, &g->cause);
			return true;
		}
		if (!mf_text_eq(word, mf_text_of(type)))
			continue;
		if (is_cause(yamlfile_text(value), &g->cause))
			return true;
		if (!gather_value(l, rr, value, g))
			return false;
	}
	return true;
}

static const struct spf_answer *
build_answer(enum spf_rr rr, const struct gathered *g)
{
	if (g->cause != SPF_CAUSE_NONE)
		return spf_answer_failure(rr, g->cause);
	switch (rr) {
	case SPF_RR_TXT:
		return spf_answer_txt(g->texts, g->count);
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return spf_answer_addresses(rr, g->addresses, g->count);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return spf_answer_names(rr, g->texts, g->count);
	}
	return NULL;
}

/* --- what may be there --- */

static bool
is_type(struct mf_text word)
{
	for (size_t i = 0; i < ZONE_TYPES; i++)
		if (mf_text_eq(word, mf_text_of(rr_words[i])))
			return true;
	return mf_text_eq(word, MF_TEXT("SPF")) ||
	    mf_text_eq(word, MF_TEXT("CNAME"));
}

/* A text, or for TXT and SPF texts in a list; MX has its own check. */
static bool
check_value(const struct listing *l, struct mf_text word, yaml_node_t *value)
{
	bool txt = mf_text_eq(word, MF_TEXT("TXT")) ||
	    mf_text_eq(word, MF_TEXT("SPF"));

	if (value == NULL || value->type == YAML_MAPPING_NODE)
		return wrong(l, value, "a record can't be a mapping");
	if (value->type == YAML_SCALAR_NODE || mf_text_eq(word, MF_TEXT("MX")))
		return true;
	for (yaml_node_item_t *i = value->data.sequence.items.start;
	     txt && i < value->data.sequence.items.top; i++) {
		const yaml_node_t *text =
		    yaml_document_get_node(l->document, *i);

		if (text == NULL || text->type != YAML_SCALAR_NODE)
			return wrong(
			    l, value, "the strings of a TXT record are texts");
	}
	return txt || wrong(l, value, "a list where one text belongs");
}

static bool
check_pair(const struct listing *l, yaml_node_t *node)
{
	yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	enum spf_cause cause;

	if (node->data.mapping.pairs.top - pair != 1)
		return wrong(l, node,
		    "neither TYPE: VALUE nor TIMEOUT, SERVFAIL, REFUSED...");
	struct mf_text word =
	    yamlfile_text(yaml_document_get_node(l->document, pair->key));
	yaml_node_t *value = yaml_document_get_node(l->document, pair->value);
	if (is_cause(word, &cause))
		return is_true(value) ||
		    wrong(l, node, "a failure has no value but true");
	if (!is_type(word))
		return wrong(l, node,
		    "unknown record type; known are TXT, SPF, A, AAAA, MX, "
		    "PTR and CNAME");
	return check_value(l, word, value);
}

static bool
check_item(const struct listing *l, yaml_node_t *node)
{
	enum spf_cause cause;

	if (node != NULL && node->type == YAML_MAPPING_NODE)
		return check_pair(l, node);
	return (node != NULL && is_cause(yamlfile_text(node), &cause)) ||
	    wrong(l, node,
		"neither TYPE: VALUE nor TIMEOUT, SERVFAIL, REFUSED...");
}

static bool
check_items(const struct listing *l)
{
	yaml_node_item_t *start = l->sequence->data.sequence.items.start;
	yaml_node_item_t *end = l->sequence->data.sequence.items.top;
	yaml_node_t *value;

	for (yaml_node_item_t *i = start; i < end; i++)
		if (!check_item(l, yaml_document_get_node(l->document, *i)))
			return false;
	for (yaml_node_item_t *i = start; i < end && end - start > 1; i++)
		if (mf_text_eq(item_get(l, *i, &value), MF_TEXT("CNAME")))
			return wrong(l, yaml_document_get_node(l->document, *i),
			    "a name with a CNAME has no other records "
			    "(RFC 1034 3.6.2)");
	return true;
}

/* --- the entry --- */

/* As it is asked for: lower case, no dot at its end, in A-labels. */
static bool
keep_name(struct mf_text name, struct mf_text *out)
{
	char ascii[SPF_NAME_SIZE];
	size_t len;
	char *copy;

	if (!text_is_ascii(name) && spf_name_to_ascii(name, ascii, &len) &&
	    len != 0)
		name = mf_text_at(ascii, len);
	if (name.len != 0 && name.p[name.len - 1] == '.')
		name.len--;
	copy = malloc(name.len + 1);
	if (copy == NULL)
		return false;
	if (name.len != 0)
		memcpy(copy, name.p, name.len);
	ascii_lower_all(copy, name.len);
	*out = mf_text_at(copy, name.len);
	return true;
}

static bool
load_cname(const struct listing *l, struct zone_entry *entry)
{
	yaml_node_item_t *item = l->sequence->data.sequence.items.start;
	yaml_node_t *value;

	if (item == l->sequence->data.sequence.items.top ||
	    !mf_text_eq(item_get(l, *item, &value), MF_TEXT("CNAME")))
		return true;
	/* An empty one, the root, has no records; nor has this entry. */
	return keep_name(yamlfile_text(value), &entry->cname);
}

static bool
load_answers(const struct listing *l, struct zone_entry *entry)
{
	struct gathered *g = malloc(sizeof(*g));
	bool ok = g != NULL;

	for (unsigned rr = 0; ok && rr < ZONE_TYPES; rr++) {
		ok = gather(l, (enum spf_rr)rr, g);
		if (!ok)
			break;
		entry->answers[rr] = build_answer((enum spf_rr)rr, g);
		ok = entry->answers[rr] != NULL;
	}
	free(g);
	return ok;
}

bool
zone_entry_load(struct zone_entry *entry, yaml_document_t *document,
    const yaml_node_t *key, yaml_node_t *records, struct zone_problem *problem)
{
	const struct listing l = {
	    document, records, yamlfile_text(key), problem};

	*entry = (struct zone_entry){.line = key->start_mark.line + 1};
	if (key->type != YAML_SCALAR_NODE || l.name.len == 0)
		return wrong(&l, key, "not a name");
	if (records == NULL || records->type != YAML_SEQUENCE_NODE)
		return wrong(
		    &l, records, "the records of a name must be a list");
	return check_items(&l) && keep_name(l.name, &entry->name) &&
	    load_answers(&l, entry) && load_cname(&l, entry);
}

void
zone_entry_clear(struct zone_entry *entry)
{
	free((void *)(uintptr_t)entry->name.p);
	free((void *)(uintptr_t)entry->cname.p);
	for (unsigned rr = 0; rr < ZONE_TYPES; rr++)
		spf_answer_free(entry->answers[rr]);
	*entry = (struct zone_entry){0};
}
