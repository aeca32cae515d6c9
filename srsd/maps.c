/* SPDX-License-Identifier: ISC */
#include "srsd/maps.h"

#include "srsd/shapes.h"

static const struct map {
	struct mf_text name;
	enum map_kind kind;
	bool for_sendmail;
} maps[MAPS] = {
    {MF_TEXT("make_srs"), MAP_FORWARD, true},
    {MF_TEXT("reverse_srs"), MAP_REVERSE, true},
    {MF_TEXT("srs_forward"), MAP_FORWARD, false},
    {MF_TEXT("srs_reverse"), MAP_REVERSE, false},
    {MF_TEXT("forward"), MAP_FORWARD, false},
    {MF_TEXT("reverse"), MAP_REVERSE, false},
    {MF_TEXT("probe"), MAP_PROBE, false},
};

static const struct map *
find_map(struct mf_text name)
{
	for (size_t i = 0; i < MAPS; i++)
		if (mf_text_eq(name, maps[i].name))
			return &maps[i];
	return NULL;
}

struct mf_text
map_name(unsigned map)
{
	return maps[map].name;
}

/* --- reading --- */

static void
read_sendmail(struct mf_text key, struct map_lookup *out)
{
	out->given = key;
	if (out->kind == MAP_FORWARD) {
		struct make_srs_key parts = shapes_make_srs_key(key);

		out->host = parts.host;
		out->no_next_hop = parts.no_next_hop;
		out->given = parts.address;
	}
	shapes_to_plain(out->given, &out->address);
}

static void
read_postfix(struct mf_text key, struct map_lookup *out)
{
	/* Postfix looks the null sender up as "". */
	bool is_null = out->kind == MAP_FORWARD &&
	    (mf_text_eq(key, MF_TEXT("\"\"")) ||
		mf_text_eq(key, MF_TEXT("<>")));

	if (!is_null)
		out_text(&out->address, key);
}

void
map_read(const struct map_request *request, struct map_lookup *out)
{
	struct mf_text key = request->key, name = request->map;
	const struct map *map;

	out->forwarding_domain = request->map;
	if (!text_cut(&out->forwarding_domain, '@', &name))
		out->forwarding_domain.len = 0;
	out->host = MF_TEXT("");
	out->no_next_hop = false;
	out->gate_cause = SPF_CAUSE_NONE;
	out->address = text_out(out->address_room, sizeof(out->address_room));
	map = find_map(name);
	out->map = map != NULL ? (unsigned)(map - maps) : MAPS;
	if (map == NULL)
		out->kind = MAP_UNKNOWN;
	else if (key.len != 0 && memchr(key.p, '\0', key.len) != NULL)
		out->kind = MAP_BAD_KEY;
	else
		out->kind = map->kind;
	out->for_sendmail = map != NULL && map->for_sendmail;
	if (!map_decides(out))
		return;
	if (out->for_sendmail)
		read_sendmail(key, out);
	else
		read_postfix(key, out);
}

/* --- deciding --- */

bool
map_decides(const struct map_lookup *lookup)
{
	return lookup->kind == MAP_FORWARD || lookup->kind == MAP_REVERSE;
}

static void
decide_forward(const struct rewriter *r, struct map_lookup *lookup,
    struct message_ids *ids, uint64_t now_sec)
{
	struct policy_sender sender = {.address = out_view(&lookup->address),
	    .recipient_host = lookup->host,
	    .no_next_hop = lookup->no_next_hop,
	    .forwarding_domain = lookup->forwarding_domain,
	    .now_sec = now_sec};
	enum policy_reason plan = policy_plan(r, &sender);

	if (plan == POLICY_SES_SIGNED)
		sender.message_id = message_id_next(ids, r->ses_server);
	policy_carry_out(r, &sender, plan, &lookup->result);
}

static enum policy_scope
scope_of(const struct map_lookup *lookup)
{
	return lookup->for_sendmail ? POLICY_ANY_DOMAIN : POLICY_SRS_DOMAINS;
}

void
map_decide(const struct rewriter *r, struct map_lookup *lookup,
    struct message_ids *ids, uint64_t now_sec)
{
	if (lookup->kind == MAP_FORWARD)
		decide_forward(r, lookup, ids, now_sec);
	else if (lookup->kind == MAP_REVERSE)
		policy_reverse(r, out_view(&lookup->address), scope_of(lookup),
		    now_sec, &lookup->result);
}

bool
map_needs_store(const struct map_lookup *lookup)
{
	return map_decides(lookup) && policy_needs_store(lookup->result.reason);
}

void
map_hear_store(const struct rewriter *r, struct map_lookup *lookup,
    const struct store_answer *answer, uint64_t now_sec)
{
	static const struct store_answer down = {.status = STORE_DOWN};
	enum policy_row_state state = POLICY_ROW_UNKNOWN;

	if (answer == NULL)
		answer = &down;
	if (lookup->kind == MAP_FORWARD) {
		policy_stored(r, answer->status == STORE_OK, &lookup->result);
		return;
	}
	if (answer->status != STORE_DOWN)
		state = answer->status == STORE_OK ? POLICY_ROW_FOUND
						   : POLICY_ROW_ABSENT;
	policy_looked_up(r, state, mf_text_at(answer->value, answer->value_len),
	    scope_of(lookup), now_sec, &lookup->result);
}

bool
map_asks_gate(const struct map_lookup *lookup)
{
	return lookup->kind == MAP_FORWARD &&
	    (lookup->result.reason == POLICY_FORWARDED ||
		lookup->result.reason == POLICY_TO_STORE);
}

/* --- answering --- */

static void
say(struct map_answer *out, enum map_status status, struct mf_text data)
{
	out->status = status;
	out->data = data;
}

static void
say_later(const struct policy_result *result, struct map_answer *out)
{
	say(out, MAP_TEMP, mf_text_of(policy_reason_text(result->reason)));
}

/*
 * sendmail takes NOTFOUND, PERM and an empty answer for an address: whatever
 * happens, what it gets is OK and an address, if need be the one that it gave;
 * or TEMP, where another try may find what is missing now.
 */
static void
say_sendmail(const struct map_lookup *lookup, struct map_answer *out)
{
	const struct policy_result *result = &lookup->result;
	struct text_out data = text_out(out->data_room, sizeof(out->data_room));

	if (policy_defers(result->reason)) {
		say_later(result, out);
		return;
	}
	if (policy_changed(result->reason)) {
		shapes_from_plain(
		    mf_text_at(result->address.text, result->address.len),
		    &data);
	} else if (lookup->kind == MAP_REVERSE &&
	    text_starts(lookup->given, MF_TEXT("|"))) {
		/* A pipe in aliases(5) must not turn into an address. */
		out_char(&data, '"');
		out_text(&data, lookup->given);
		out_char(&data, '"');
	} else
		shapes_unchanged(lookup->given, &data);
	say(out, MAP_OK, out_view(&data));
}

static void
say_postfix(const struct policy_result *result, struct map_answer *out)
{
	if (policy_changed(result->reason))
		say(out, MAP_OK,
		    mf_text_at(result->address.text, result->address.len));
	else if (policy_defers(result->reason))
		say_later(result, out);
	else
		say(out, MAP_NOTFOUND,
		    mf_text_of(policy_reason_text(result->reason)));
}

/* The status stays what it is: mail needs no log. */
void
map_add_log(struct map_answer *probe, const struct log_health *log)
{
	struct text_out out =
	    text_out(probe->data_room, sizeof(probe->data_room));

	if (!log->stalled && log->dropped == 0)
		return;
	out_text(&out, probe->data);
	if (log->stalled)
		out_text(&out, MF_TEXT(", log reader stalled"));
	if (log->dropped != 0) {
		out_text(&out, MF_TEXT(", "));
		out_uint(&out, log->dropped);
		out_text(&out, MF_TEXT(" log lines dropped"));
	}
	probe->data = out_view(&out);
}

void
map_answer(const struct map_lookup *lookup, struct map_answer *out)
{
	switch (lookup->kind) {
	case MAP_FORWARD:
	case MAP_REVERSE:
		if (lookup->for_sendmail)
			say_sendmail(lookup, out);
		else
			say_postfix(&lookup->result, out);
		break;
	case MAP_PROBE:
		say(out, MAP_OK, MF_TEXT("srsd " MAILFROM_VERSION " is up"));
		break;
	case MAP_UNKNOWN:
		say(out, MAP_PERM,
		    MF_TEXT("no such map; there are make_srs, reverse_srs, "
			    "srs_forward, srs_reverse, forward, reverse and "
			    "probe"));
		break;
	case MAP_BAD_KEY:
		say(out, MAP_PERM, MF_TEXT("the key holds a NUL octet"));
		break;
	}
}
