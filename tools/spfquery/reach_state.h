/* SPDX-License-Identifier: ISC */
/*
 * What the parts of reach.h share: sets of clients on their way through a
 * record, by how many terms and voids have been counted for them.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_REACH_STATE_H
#define MAILFROM_TOOLS_SPFQUERY_REACH_STATE_H

#include "tools/spfquery/reach.h"

/* Clients that may be at a place with these counts. */
struct reach_state {
	unsigned terms, voids;
	const struct reach_step *last;
	struct ipset clients; /* never empty */
};

/* One for each pair of counts. */
struct reach_states {
	struct reach_state *at;
	size_t count, room;
};

/* Work that is done before a tree counts as too large, in ranges touched. */
#define REACH_WORK_MAX    40000000
#define REACH_LOOKUPS_MAX 1000

struct reach_walk {
	struct reach *reach;
	struct mf_text checked; /* the domain whose mail it is */
	struct spf_limits limits;
	const struct spf_source *source;
	size_t work, lookups;
};

/* Where a walk is: a term of a record. */
struct reach_place {
	struct mf_text domain, term;
};

/* --- states --- */

void reach_states_clear(struct reach_states *states);

/* Add clients, whose memory becomes the states'. */
void reach_states_add(struct reach_walk *w, struct reach_states *states,
    const struct reach_state *like, struct ipset clients);

/* Add all of from, which stays or is spent. */
void reach_states_copy(struct reach_walk *w, struct reach_states *to,
    const struct reach_states *from);
void reach_states_move(
    struct reach_walk *w, struct reach_states *to, struct reach_states *from);

/* Who is in set goes over to matched. */
void reach_states_split(struct reach_walk *w, struct reach_states *live,
    const struct ipset *set, struct reach_states *matched);

/* Count a term, or its void lookup; one too many ends in permerror. */
void reach_count_term(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live);
void reach_count_void(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live);

/* --- outcomes --- */

/* The states end, and are spent. */
void reach_end(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *states, enum spf_result result, enum reach_why why);

/*
 * They may end so, and go on as well.  deep: with more terms and voids, in
 * records that aren't known.
 */
void reach_may_end(struct reach_walk *w, const struct reach_place *place,
    const struct reach_states *states, enum spf_result result,
    enum reach_why why, bool deep);

/* Anything may become of them, and they are spent. */
void reach_give_up(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *states);

/* True once there was too much work. */
bool reach_is_over(const struct reach_walk *w);

/* --- names, answers, terms --- */

/* An answer; NULL if nothing can be said about it. */
const struct spf_answer *reach_ask(
    struct reach_walk *w, enum spf_rr rr, struct mf_text name);

/* The name of spec in a record of domain, in room. */
enum spf_naming reach_naming(const struct reach_walk *w,
    const struct spf_domain_spec *spec, struct mf_text domain,
    char room[static SPF_NAME_SIZE], struct mf_text *name);

/*
 * A term, already counted, for the states in live: who matches goes over to
 * matched.
 */
void reach_match_network(struct reach_walk *w, const struct spf_term *t,
    struct reach_states *live, struct reach_states *matched);
void reach_match_a(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched);
void reach_match_exists(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched);
void reach_match_mx(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched);
void reach_match_ptr(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched);

/* A copy of a and b, joined, that lasts as long as the outcomes. */
struct mf_text reach_keep(
    struct reach *reach, struct mf_text a, struct mf_text b);

#endif
