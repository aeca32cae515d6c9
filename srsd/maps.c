/* SPDX-License-Identifier: ISC */
#include "srsd/maps.h"

#include "srsd/shapes.h"

typedef void map_function(const struct rewriter *r,
    const struct map_request *request, struct mf_text forwarding_domain,
    struct map_answer *out);

struct map {
	const char *name;
	map_function *answer;
};

const char *
map_status_text(enum map_status status)
{
	switch (status) {
	case MAP_OK:
		return "OK";
	case MAP_NOTFOUND:
		return "NOTFOUND";
	case MAP_TEMP:
		return "TEMP";
	case MAP_PERM:
		return "PERM";
	}
	return "TEMP";
}

static void
say(struct map_answer *out, enum map_status status, struct mf_text data)
{
	out->status = status;
	out_text(&out->data, data);
}

static struct mf_text
result_address(const struct map_answer *out)
{
	return mf_text_at(out->result.address.text, out->result.address.len);
}

static void
decide_forward(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	struct policy_sender sender = {.address = out_view(&out->address),
	    .recipient_host = out->host,
	    .no_next_hop = out->no_next_hop,
	    .forwarding_domain = forwarding_domain,
	    .message_id = request->message_id,
	    .now_sec = request->now_sec,
	    .spf_passes = request->spf_passes};

	out->decided = true;
	policy_forward(r, &sender, &out->result);
}

static void
decide_reverse(const struct rewriter *r, const struct map_request *request,
    enum policy_scope scope, struct map_answer *out)
{
	out->decided = true;
	out->reverse = true;
	policy_reverse(
	    r, out_view(&out->address), scope, request->now_sec, &out->result);
}

/* --- sendmail --- */

/*
 * sendmail takes NOTFOUND, PERM and an empty answer for an address: whatever
 * happens, what it gets is OK and the address that it gave.
 */
static void
say_sendmail(struct map_answer *out, struct mf_text given)
{
	out->status = MAP_OK;
	if (policy_changed(out->result.reason))
		shapes_from_plain(result_address(out), &out->data);
	else
		shapes_unchanged(given, &out->data);
}

static void
make_srs(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	struct make_srs_key key = shapes_make_srs_key(request->key);

	out->host = key.host;
	out->no_next_hop = key.no_next_hop;
	shapes_to_plain(key.address, &out->address);
	decide_forward(r, request, forwarding_domain, out);
	say_sendmail(out, key.address);
}

static void
reverse_srs(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	(void)forwarding_domain;
	shapes_to_plain(request->key, &out->address);
	decide_reverse(r, request, POLICY_ANY_DOMAIN, out);
	/* A pipe in aliases(5), which must not turn into an address. */
	if (!policy_changed(out->result.reason) &&
	    text_starts(request->key, MF_TEXT("|"))) {
		out->status = MAP_OK;
		out_char(&out->data, '"');
		out_text(&out->data, request->key);
		out_char(&out->data, '"');
		return;
	}
	say_sendmail(out, request->key);
}

/* --- Postfix --- */

static void
say_postfix(struct map_answer *out)
{
	if (policy_changed(out->result.reason))
		say(out, MAP_OK, result_address(out));
	else
		say(out, MAP_NOTFOUND, MF_TEXT(""));
}

static void
forward(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	/* Postfix looks the null sender up as "". */
	if (!mf_text_eq(request->key, MF_TEXT("\"\"")) &&
	    !mf_text_eq(request->key, MF_TEXT("<>")))
		out_text(&out->address, request->key);
	decide_forward(r, request, forwarding_domain, out);
	say_postfix(out);
}

static void
reverse(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	(void)forwarding_domain;
	out_text(&out->address, request->key);
	decide_reverse(r, request, POLICY_SRS_DOMAINS, out);
	say_postfix(out);
}

/* --- both --- */

static void
probe(const struct rewriter *r, const struct map_request *request,
    struct mf_text forwarding_domain, struct map_answer *out)
{
	(void)r;
	(void)request;
	(void)forwarding_domain;
	say(out, MAP_OK, MF_TEXT("srsd " MAILFROM_VERSION " is up"));
}

static const struct map maps[] = {
    {"make_srs", make_srs},
    {"reverse_srs", reverse_srs},
    {"srs_forward", forward},
    {"srs_reverse", reverse},
    {"forward", forward},
    {"reverse", reverse},
    {"probe", probe},
};

static const struct map *
find_map(struct mf_text name)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (mf_text_eq(name, mf_text_of(maps[i].name)))
			return &maps[i];
	return NULL;
}

static void
answer_begin(struct map_answer *out)
{
	out->data = text_out(out->data_room, sizeof(out->data_room));
	out->address = text_out(out->address_room, sizeof(out->address_room));
	out->decided = false;
	out->reverse = false;
	out->host = MF_TEXT("");
	out->no_next_hop = false;
}

void
map_answer(const struct rewriter *r, const struct map_request *request,
    struct map_answer *out)
{
	struct mf_text forwarding_domain = request->map;
	struct mf_text name = request->map;
	const struct map *map;

	answer_begin(out);
	if (!text_cut(&forwarding_domain, '@', &name))
		forwarding_domain.len = 0;
	map = find_map(name);
	if (map == NULL)
		say(out, MAP_PERM,
		    MF_TEXT("no such map; there are make_srs, reverse_srs, "
			    "srs_forward, srs_reverse, forward, reverse and "
			    "probe"));
	else if (request->key.len != 0 &&
	    memchr(request->key.p, '\0', request->key.len) != NULL)
		say(out, MAP_PERM, MF_TEXT("the key holds a NUL octet"));
	else
		map->answer(r, request, forwarding_domain, out);
}

void
map_answer_text(const struct rewriter *r, struct mf_text text,
    struct map_request *request, struct map_answer *out)
{
	request->key = text;
	if (text_cut(&request->key, ' ', &request->map)) {
		map_answer(r, request, out);
		return;
	}
	answer_begin(out);
	say(out, MAP_PERM, MF_TEXT("not a request: no space behind the map"));
}

bool
map_asks_gate(const struct map_answer *answer)
{
	return answer->decided && !answer->reverse &&
	    answer->result.reason == POLICY_FORWARDED;
}
