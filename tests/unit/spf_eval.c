/* SPDX-License-Identifier: ISC */
/*
 * libspf/eval.c over small zones: what RFC 7208 says and its suites don't ask,
 * and what was decided where it leaves room (the head of eval.c).
 *
 * Each row is evaluated four times: with all answers there, one by one and
 * guessing, and with none there at first, one by one and guessing.  All must
 * give the same verdict, to the last counter.
 */
#include "libspf/record_.h"
#include "tests/unit/support.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L64 "a" L63

/* --- zones -------------------------------------------------------------- */

#define ENTRIES_MAX 256
#define VALUES_MAX  64
#define LOG_SIZE    16384

struct entry {
	enum spf_rr rr;
	struct mf_text name;
	struct mf_text values[VALUES_MAX];
	size_t count;
	enum spf_cause cause; /* or none of an error */
	bool known;           /* answered already */
	bool missed;          /* looked up in this evaluation, and not known */
	const struct spf_answer *answer;
	char room[SPF_NAME_SIZE]; /* of a name that nobody has */
};

static struct {
	struct entry entries[ENTRIES_MAX];
	size_t count;
	bool all_known;
	unsigned lookups;
	struct entry *missing[ENTRIES_MAX];
	size_t missing_count;
	struct text_out log;
	char log_room[LOG_SIZE];
	char text[65536];
} zone;

static struct entry *
zone_get(enum spf_rr rr, struct mf_text name)
{
	for (size_t i = 0; i < zone.count; i++)
		if (zone.entries[i].rr == rr &&
		    mf_text_eq(zone.entries[i].name, name))
			return &zone.entries[i];
	assert_true(zone.count < ENTRIES_MAX);
	struct entry *e = &zone.entries[zone.count++];
	*e = (struct entry){.rr = rr};
	assert_true(name.len < sizeof(e->room));
	memcpy(e->room, name.p, name.len);
	e->name = mf_text_at(e->room, name.len);
	return e;
}

/* "^@" is NUL, "^M" CR, "^J" LF, in place. */
static struct mf_text
unescape(char *p, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++)
		if (p[i] == '^' && i + 1 < len)
			p[to++] = (char)(p[++i] - '@');
		else
			p[to++] = p[i];
	return mf_text_at(p, to);
}

/* "NAME TYPE VALUE"; VALUE "!CAUSE", or "!": an error.  Equal ones join. */
static void
zone_line(char *line, size_t len)
{
	static const char *const types[] = {"TXT", "A", "AAAA", "MX", "PTR"};
	struct mf_text rest = mf_text_at(line, len);
	struct mf_text name = MF_TEXT(""), type = MF_TEXT("");
	unsigned rr = 0;

	text_cut(&rest, ' ', &name);
	text_cut(&rest, ' ', &type);
	while (!mf_text_eq(type, mf_text_of(types[rr])))
		assert_true(++rr < COUNT(types));
	struct entry *e = zone_get(
	    (enum spf_rr)rr, unescape(line + (name.p - line), name.len));
	if (text_starts(rest, MF_TEXT("!"))) {
		e->cause = SPF_CAUSE_SERVFAIL;
		assert_true(rest.len == 1 ||
		    spf_cause_parse(text_from(rest, 1), &e->cause));
		return;
	}
	assert_true(e->count < VALUES_MAX);
	e->values[e->count++] = unescape(line + (rest.p - line), rest.len);
}

static struct spf_answer *
answer_addresses(const struct entry *e)
{
	uint8_t octets[VALUES_MAX * 16];
	size_t size = e->rr == SPF_RR_A ? 4 : 16;

	for (size_t i = 0; i < e->count; i++) {
		struct spf_ip ip;

		assert_true(spf_ip_parse(e->values[i], &ip));
		assert_int_equal(ip.v6, e->rr == SPF_RR_AAAA);
		memcpy(octets + i * size, ip.octets, size);
	}
	return spf_answer_addresses(e->rr, octets, e->count);
}

static void
answer(struct entry *e)
{
	if (e->cause != SPF_CAUSE_NONE)
		e->answer = spf_answer_failure(e->rr, e->cause);
	else if (e->rr == SPF_RR_TXT)
		e->answer = spf_answer_txt(e->values, e->count);
	else if (e->rr == SPF_RR_MX || e->rr == SPF_RR_PTR)
		e->answer = spf_answer_names(e->rr, e->values, e->count);
	else
		e->answer = answer_addresses(e);
	assert_non_null(e->answer);
}

static void
zone_unload(void)
{
	for (size_t i = 0; i < zone.count; i++)
		spf_answer_free(zone.entries[i].answer);
	zone.count = 0;
}

static void
zone_load(const char *text)
{
	char *at = zone.text;

	zone_unload(); /* of a row that failed */
	assert_true(strlen(text) < sizeof(zone.text));
	memcpy(zone.text, text, strlen(text) + 1);
	for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1)
		zone_line(at, (size_t)(end - at));
	assert_int_equal(*at, '\0');
}

static void
log_question(const struct entry *e, const char *between)
{
	if (zone.log.len != 0)
		out_str(&zone.log, between);
	out_str(&zone.log, spf_rr_text(e->rr));
	out_char(&zone.log, ' ');
	out_text(&zone.log, e->name);
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct entry *e;

	assert_ptr_equal(arg, &zone);
	/* What spf_source promises. */
	if (!spf_name_ok(name))
		fail_msg("a lookup of \"%.*s\"", (int)name.len, name.p);
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] != ascii_lower(name.p[i]))
			fail_msg("a lookup of \"%.*s\"", (int)name.len, name.p);
	zone.lookups++;
	e = zone_get(rr, name);
	if (e->answer == NULL)
		answer(e);
	if (zone.all_known) {
		log_question(e, ", ");
		return e->answer;
	}
	if (e->known)
		return e->answer;
	if (!e->missed) {
		e->missed = true;
		zone.missing[zone.missing_count++] = e;
	}
	return NULL;
}

/* --- rows --------------------------------------------------------------- */

struct row {
	const char *name;
	const char *zone;
	const char *want; /* see render() */
	/* In order: "TXT e.example, A a.example"; NULL: it doesn't matter. */
	const char *asked;
	/* Of prefetching: "TXT e.example / A a.example, MX b.example". */
	const char *rounds;
	const char *ip;        /* NULL: 192.0.2.1 */
	struct mf_text sender; /* {NULL, 0}: me@e.example */
	struct mf_text helo;   /* {NULL, 0}: h.example */
	enum spf_identity identity;
	const char *receiver, *best_guess, *delegate, *default_explanation;
};

/*
 * "RESULT [MECHANISM] AT TERMS/VOIDS/DEPTH" and, if there are, " guessed",
 * " delegated", " (DOMAIN)" unless it is e.example, ": PROBLEM",
 * " <EXPLANATION>".
 */
/* A failed lookup, and nothing else, has a cause, which the problem names. */
static void
expect_cause(const struct spf_verdict *v)
{
	const char *failed = strstr(v->problem, " failed: ");

	expect_str(v->problem, "cause", spf_cause_text(v->cause),
	    failed != NULL ? failed + strlen(" failed: ") : "");
	if (failed != NULL)
		assert_int_equal(v->result, SPF_TEMPERROR);
}

static const char *
render(const struct spf_verdict *v)
{
	static char room[2048];
	struct text_out out = text_out(room, sizeof(room) - 1);
	unsigned numbers[] = {v->terms, v->voids, v->depth};

	expect_cause(v);
	out_str(&out, spf_result_text(v->result));
	out_str(&out, " [");
	out_str(&out, v->mechanism);
	out_str(&out, "] ");
	out_str(&out, v->at);
	for (size_t i = 0; i < COUNT(numbers); i++) {
		out_char(&out, i == 0 ? ' ' : '/');
		out_uint(&out, numbers[i]);
	}
	out_str(&out, v->guessed ? " guessed" : "");
	out_str(&out, v->delegated ? " delegated" : "");
	if (strcmp(v->domain, "e.example") != 0) {
		out_str(&out, " (");
		out_str(&out, v->domain);
		out_char(&out, ')');
	}
	if (v->problem[0] != '\0') {
		out_str(&out, ": ");
		out_str(&out, v->problem);
	}
	if (v->explanation[0] != '\0') {
		out_str(&out, " <");
		out_str(&out, v->explanation);
		out_char(&out, '>');
	}
	assert_false(out.full);
	room[out.len] = '\0';
	return room;
}

static enum spf_status
evaluate(const struct spf_request *q, struct spf_verdict *v)
{
	const struct spf_source source = {.lookup = lookup, .arg = &zone};
	enum spf_status status;

	zone.lookups = 0;
	zone.missing_count = 0;
	status = spf_evaluate(q, &source, v);
	for (size_t i = 0; i < zone.missing_count; i++)
		zone.missing[i]->missed = false;
	return status;
}

static const char *
logged(void)
{
	assert_false(zone.log.full);
	zone.log_room[zone.log.len] = '\0';
	return zone.log_room;
}

static void
run_all_known(const struct row *row, struct spf_request *q)
{
	struct spf_verdict v;

	zone.all_known = true;
	zone.log = text_out(zone.log_room, sizeof(zone.log_room) - 1);
	q->sequential = true;
	expect_int(row->name, "status", evaluate(q, &v), SPF_OK);
	expect_str(row->name, "one by one", render(&v), row->want);
	expect_int(row->name, "lookups", v.lookups, zone.lookups);
	if (row->asked != NULL)
		expect_str(row->name, "asked", logged(), row->asked);
	q->sequential = false;
	expect_int(row->name, "status", evaluate(q, &v), SPF_OK);
	expect_str(row->name, "guessing", render(&v), row->want);
	expect_int(row->name, "lookups", v.lookups, zone.lookups);
}

/* With nothing known at first. */
static void
run_rounds(const struct row *row, struct spf_request *q, bool sequential)
{
	struct spf_verdict v;

	zone.all_known = false;
	zone.log = text_out(zone.log_room, sizeof(zone.log_room) - 1);
	for (size_t i = 0; i < zone.count; i++)
		zone.entries[i].known = false;
	q->sequential = sequential;
	while (evaluate(q, &v) == SPF_PENDING) {
		expect_int(row->name, "questions of a round",
		    zone.missing_count > 0, true);
		if (sequential)
			expect_int(row->name, "questions, one by one",
			    (long long)zone.missing_count, 1);
		for (size_t i = 0; i < zone.missing_count; i++) {
			zone.missing[i]->known = true;
			log_question(zone.missing[i], i == 0 ? " / " : ", ");
		}
	}
	expect_str(row->name, sequential ? "step by step" : "by rounds",
	    render(&v), row->want);
	if (!sequential && row->rounds != NULL)
		expect_str(row->name, "rounds", logged(), row->rounds);
}

static void
expect_row(const struct row *row)
{
	struct spf_request q = {.identity = row->identity,
	    .sender =
		row->sender.p != NULL ? row->sender : MF_TEXT("me@e.example"),
	    .helo = row->helo.p != NULL ? row->helo : MF_TEXT("h.example"),
	    .receiver = mf_text_of(row->receiver),
	    .delegate = mf_text_of(row->delegate),
	    .default_explanation = mf_text_of(row->default_explanation),
	    .now_sec = NOW};
	struct spf_record *guess = NULL;

	assert_true(spf_ip_parse(
	    mf_text_of(row->ip != NULL ? row->ip : "192.0.2.1"), &q.ip));
	if (row->best_guess != NULL) {
		guess = spf_record_compile(mf_text_of(row->best_guess));
		assert_non_null(guess);
		q.best_guess = guess;
	}
	zone_load(row->zone);
	run_all_known(row, &q);
	run_rounds(row, &q, true);
	run_rounds(row, &q, false);
	zone_unload();
	spf_record_free(guess);
}

#define EXPECT_ROWS(rows)                                \
	do {                                             \
		(void)state;                             \
		for (size_t i = 0; i < COUNT(rows); i++) \
			expect_row(&(rows)[i]);          \
	} while (0)

#define E "e.example TXT v=spf1 "

/* --- void lookups (4.6.4) ----------------------------------------------- */

static void
voids(void **state)
{
	static const struct row rows[] = {
	    {.name = "a, mx, exists: 2 are allowed",
		.zone = E "a:a.example mx:b.example -all\n",
		.want = "fail [-all] e.example 2/2/0",
		.asked = "TXT e.example, A a.example, MX b.example"},
	    {.name = "and a match may follow",
		.zone = E "a:a.example exists:b.example a:c.example -all\n"
			  "c.example A 192.0.2.1\n",
		.want = "pass [a:c.example] e.example 3/2/0"},
	    {.name = "a third isn't",
		.zone = E "a:a.example mx:b.example exists:c.example all\n",
		.want =
		    "permerror []  3/3/0: \"exists:c.example\" in the "
		    "record of e.example: more than 2 void lookups, the last for c.example"},
	    {.name = "the same name counts again",
		.zone = E "a:a.example a:a.example a:a.example all\n",
		.want =
		    "permerror []  3/3/0: \"a:a.example\" in the record "
		    "of e.example: more than 2 void lookups, the last for a.example"},
	    {.name = "those of includes count",
		.zone = E "include:i.example include:j.example all\n"
			  "i.example TXT v=spf1 a:a.example mx:b.example\n"
			  "j.example TXT v=spf1 exists:c.example\n",
		.want =
		    "permerror []  5/3/1: \"exists:c.example\" in the "
		    "record of j.example: more than 2 void lookups, the last for c.example"},
	    {.name = "those of a redirect count",
		.zone = E "a:a.example redirect=r.example\n"
			  "r.example TXT v=spf1 a a:b.example all\n",
		.want =
		    "permerror []  4/3/1: \"a:b.example\" in the record "
		    "of r.example: more than 2 void lookups, the last for b.example"},
	    {.name = "MX hosts don't",
		.zone = E "mx -all\n"
			  "e.example MX a.example\n"
			  "e.example MX b.example\n"
			  "e.example MX c.example\n"
			  "e.example MX d.example\n",
		.want = "fail [-all] e.example 1/0/0",
		.asked = "TXT e.example, MX e.example, A a.example, "
			 "A b.example, A c.example, A d.example"},
	    {.name = "ptr does, if the client has no name",
		.zone = E "ptr ptr:p.example -all\n",
		.want = "fail [-all] e.example 2/2/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa, "
			 "PTR 1.2.0.192.in-addr.arpa"},
	    {.name = "and names what was empty",
		.zone = E "ptr ptr ptr:p.example -all\n",
		.want =
		    "permerror []  3/3/0: \"ptr:p.example\" in the record "
		    "of e.example: more than 2 void lookups, the last for 1.2.0.192.in-addr.arpa"},
	    {.name = "PTR names don't",
		.zone = E "ptr -all\n"
			  "1.2.0.192.in-addr.arpa PTR a.e.example\n"
			  "1.2.0.192.in-addr.arpa PTR b.e.example\n"
			  "1.2.0.192.in-addr.arpa PTR c.e.example\n",
		.want = "fail [-all] e.example 1/0/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa, "
			 "A a.e.example, A b.e.example, A c.e.example"},
	    {.name = "%{p} doesn't",
		.zone = E "exists:%{p}.a exists:%{p}.b -all\n",
		.want = "fail [-all] e.example 2/2/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa, "
			 "A unknown.a, PTR 1.2.0.192.in-addr.arpa, "
			 "A unknown.b"},
	    {.name = "names that can't exist are neither void nor asked for",
		.zone = E "a:a..example mx:b..example exists:" L64 ".example "
			  "ptr:.example a:c..example -all\n",
		.want = "fail [-all] e.example 5/0/0",
		.asked = "TXT e.example"},
	    {.name = "nor those that macros make",
		.zone = E "a:%{l}.a mx:%{l}.b exists:%{l}.c a:%{l}.d -all\n",
		.sender = MF_TEXT("a..b@e.example"),
		.want = "fail [-all] e.example 4/0/0",
		.asked = "TXT e.example"},
	    {.name = "errors aren't void",
		.zone = E "ptr ptr ptr ptr -all\n"
			  "1.2.0.192.in-addr.arpa PTR !\n",
		.want = "fail [-all] e.example 4/0/0"},
	    {.name = "the domain's own TXT isn't a term",
		.zone = "",
		.want = "none []  0/0/0",
		.asked = "TXT e.example"},
	    {.name = "nor is exp",
		.zone = E "a:a.example a:b.example exp=x.example -all\n",
		.want = "fail [-all] e.example 2/2/0"},
	    {.name = "an include of nothing is one, and an error",
		.zone = E "include:i.example -all\n",
		.want = "permerror []  1/1/0: \"include:i.example\" in the "
			"record of e.example: no SPF record found for "
			"i.example"},
	    {.name = "other TXT records aren't nothing",
		.zone = E "include:i.example -all\n"
			  "i.example TXT hello\n",
		.want = "permerror []  1/0/0: \"include:i.example\" in the "
			"record of e.example: no SPF record found for "
			"i.example"},
	    {.name = "a redirect to nothing",
		.zone = E "redirect=r.example\n",
		.want = "permerror []  1/1/0: \"redirect=r.example\" in the "
			"record of e.example: no SPF record found for "
			"r.example"},
	    {.name = "a redirect to nothing, as the third",
		.zone = E "a:a.example a:b.example redirect=r.example\n",
		.want =
		    "permerror []  3/3/0: \"redirect=r.example\" in the "
		    "record of e.example: more than 2 void lookups, the last for r.example"},
	    {.name = "AAAA of hosts that have A alone",
		.zone = E "a:a.example a:b.example -all\n"
			  "a.example A 192.0.2.1\n"
			  "b.example A 192.0.2.1\n",
		.ip = "2001:db8::1",
		.want = "fail [-all] e.example 2/2/0",
		.asked = "TXT e.example, AAAA a.example, AAAA b.example"},
	    {.name = "exists asks for A, whatever the client",
		.zone = E "exists:a.example -all\n"
			  "a.example A 127.0.0.2\n",
		.ip = "2001:db8::1",
		.want = "pass [exists:a.example] e.example 1/0/0"},
	};

	EXPECT_ROWS(rows);
}

/* --- errors of the DNS -------------------------------------------------- */

static void
dns_errors(void **state)
{
	static const struct row rows[] = {
	    {.name = "4.4: of the domain",
		.zone = "e.example TXT !\n",
		.want = "temperror []  0/0/0: DNS lookup of TXT "
			"e.example failed: SERVFAIL"},
	    {.name = "5.3: a",
		.zone = E "a:a.example all\na.example A !\n",
		.want = "temperror []  1/0/0: \"a:a.example\" in the "
			"record of e.example: DNS lookup of A a.example "
			"failed: SERVFAIL"},
	    {.name = "5: behind a match they don't matter",
		.zone = E "ip4:192.0.2.1 a:a.example all\na.example A !\n",
		.want = "pass [ip4:192.0.2.1] e.example 0/0/0",
		.asked = "TXT e.example"},
	    {.name = "5.4: mx",
		.zone = E "mx all\ne.example MX !timeout\n",
		.want = "temperror []  1/0/0: \"mx\" in the record of "
			"e.example: DNS lookup of MX e.example failed: "
			"timeout"},
	    {.name = "5.4: a host, before one that would match",
		.zone = E "mx -all\n"
			  "e.example MX a.example\n"
			  "e.example MX b.example\n"
			  "a.example A !\n"
			  "b.example A 192.0.2.1\n",
		.want = "temperror []  1/0/0: \"mx\" in the record of "
			"e.example: DNS lookup of A a.example failed: "
			"SERVFAIL",
		.asked = "TXT e.example, MX e.example, A a.example"},
	    {.name = "5.4: a host, behind one that does",
		.zone = E "mx -all\n"
			  "e.example MX b.example\n"
			  "e.example MX a.example\n"
			  "a.example A !\n"
			  "b.example A 192.0.2.1\n",
		.want = "pass [mx] e.example 1/0/0",
		.asked = "TXT e.example, MX e.example, A b.example"},
	    {.name = "5.4: a host, and none matches",
		.zone = E "mx -all\n"
			  "e.example MX b.example\n"
			  "e.example MX a.example\n"
			  "a.example A !\n",
		.want = "temperror []  1/0/0: \"mx\" in the record of "
			"e.example: DNS lookup of A a.example failed: "
			"SERVFAIL"},
	    {.name = "a host's name is no text for a log",
		.zone = E "mx -all\n"
			  "e.example MX a^J^@.example\n"
			  "a^J^@.example A !\n",
		.want = "temperror []  1/0/0: \"mx\" in the record of "
			"e.example: DNS lookup of A a?\?.example failed: "
			"SERVFAIL"},
	    {.name = "5.7: exists",
		.zone = E
		"exists:%{l}.example all\nme.example A !connection refused\n",
		.want = "temperror []  1/0/0: \"exists:%{l}.example\" in "
			"the record of e.example: DNS lookup of A "
			"me.example failed: connection refused"},
	    {.name = "5.2: include",
		.zone = E "include:i.example all\ni.example TXT !RCODE 12\n",
		.want = "temperror []  1/0/0: \"include:i.example\" in "
			"the record of e.example: DNS lookup of TXT "
			"i.example failed: RCODE 12"},
	    {.name = "5.2: within an include",
		.zone = E "include:i.example all\n"
			  "i.example TXT v=spf1 a all\n"
			  "i.example A !\n",
		.want = "temperror []  2/0/1: \"a\" in the record of "
			"i.example: DNS lookup of A i.example failed: "
			"SERVFAIL"},
	    {.name = "6.1: redirect",
		.zone =
		    E "redirect=r.example\nr.example TXT !malformed answer\n",
		.want = "temperror []  1/0/0: \"redirect=r.example\" in "
			"the record of e.example: DNS lookup of TXT "
			"r.example failed: malformed answer"},
	    {.name = "5.5: PTR is no match",
		.zone = E "ptr -all\n1.2.0.192.in-addr.arpa PTR !\n",
		.want = "fail [-all] e.example 1/0/0"},
	    {.name = "5.5: of a name skips it",
		.zone = E "ptr -all\n"
			  "1.2.0.192.in-addr.arpa PTR a.e.example\n"
			  "1.2.0.192.in-addr.arpa PTR b.e.example\n"
			  "a.e.example A !\n"
			  "b.e.example A 192.0.2.1\n",
		.want = "pass [ptr] e.example 1/0/0"},
	    {.name = "7.3: %{p} is unknown then",
		.zone = E "exists:%{p}.x -all\n"
			  "1.2.0.192.in-addr.arpa PTR !\n"
			  "unknown.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "7.3: of a name skips it for %{p}",
		.zone = E "exists:%{p}.x -all\n"
			  "1.2.0.192.in-addr.arpa PTR e.example\n"
			  "1.2.0.192.in-addr.arpa PTR b.e.example\n"
			  "e.example A !\n"
			  "b.e.example A 192.0.2.1\n"
			  "b.e.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	};

	EXPECT_ROWS(rows);
}

/* --- MX and PTR --------------------------------------------------------- */

#define MX(n) "e.example MX m" #n ".example\n"
#define MX_10 MX(0) MX(1) MX(2) MX(3) MX(4) MX(5) MX(6) MX(7) MX(8) MX(9)

static void
mx(void **state)
{
	static const struct row rows[] = {
	    {.name = "4.6.4: 10 names",
		.zone = E "mx -all\n" MX_10 "m9.example A 192.0.2.1\n",
		.want = "pass [mx] e.example 1/0/0"},
	    {.name = "4.6.4: 11, whatever they have",
		.zone = E "mx -all\n" MX_10 MX(10) "m0.example A 192.0.2.1\n",
		.want = "permerror []  1/0/0: \"mx\" in the record of "
			"e.example: more than 10 MX records for e.example",
		.asked = "TXT e.example, MX e.example"},
	    {.name = "4.6.4: 10 of each",
		.zone =
		    E "mx mx:f.example -all\n" MX_10 "f.example MX f.example\n",
		.want = "fail [-all] e.example 2/0/0"},
	    {.name = "RFC 7505: a null MX",
		.zone = E "mx -all\ne.example MX .\n",
		.want = "fail [-all] e.example 1/0/0",
		.asked = "TXT e.example, MX e.example"},
	    {.name = "hosts that can't exist",
		.zone = E "mx -all\n"
			  "e.example MX a..example\n"
			  "e.example MX " L64 ".example\n"
			  "e.example MX B.Example.\n"
			  "b.example A 192.0.2.1\n",
		.want = "pass [mx] e.example 1/0/0",
		.asked = "TXT e.example, MX e.example, A b.example"},
	    {.name = "5.4: no A without MX",
		.zone = E "mx -all\ne.example A 192.0.2.1\n",
		.want = "fail [-all] e.example 1/1/0",
		.asked = "TXT e.example, MX e.example"},
	    {.name = "IPv6",
		.zone = E "mx//64 -all\n"
			  "e.example MX a.example\n"
			  "a.example AAAA 2001:db8::2\n",
		.ip = "2001:db8::1",
		.want = "pass [mx//64] e.example 1/0/0",
		.asked = "TXT e.example, MX e.example, AAAA a.example"},
	};

	EXPECT_ROWS(rows);
}

#define PTR    "1.2.0.192.in-addr.arpa PTR "
#define P(n)   PTR "p" #n ".e.example\n"
#define PTR_10 P(0) P(1) P(2) P(3) P(4) P(5) P(6) P(7) P(8) P(9)

static void
ptr(void **state)
{
	static const struct row rows[] = {
	    {.name = "4.6.4: the 10th name",
		.zone = E "ptr -all\n" PTR_10 "p9.e.example A 192.0.2.1\n",
		.want = "pass [ptr] e.example 1/0/0"},
	    {.name = "4.6.4: an 11th is passed over, and no error",
		.zone =
		    E "ptr -all\n" PTR_10 P(10) "p10.e.example A 192.0.2.1\n",
		.want = "fail [-all] e.example 1/0/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa, "
			 "A p0.e.example, A p1.e.example, A p2.e.example, "
			 "A p3.e.example, A p4.e.example, A p5.e.example, "
			 "A p6.e.example, A p7.e.example, A p8.e.example, "
			 "A p9.e.example"},
	    {.name = "4.6.4: %{p} too",
		.zone = E "exists:%{p}.x -all\n" PTR_10 P(
		    10) "p10.e.example A 192.0.2.1\nunknown.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "5.5: names elsewhere aren't asked for",
		.zone = E "ptr -all\n" PTR "xe.example\n" PTR
			  "e.example.org\n" PTR "example\n" PTR "A.E.Example.\n"
			  "a.e.example A 192.0.2.1\n",
		.want = "pass [ptr] e.example 1/0/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa, "
			 "A a.e.example"},
	    {.name = "5.5: the domain itself",
		.zone = E "ptr:P.Example. -all\n" PTR "p.example\n"
			  "p.example A 192.0.2.9\n"
			  "p.example A 192.0.2.1\n",
		.want = "pass [ptr:P.Example.] e.example 1/0/0"},
	    {.name = "5.5: another address",
		.zone = E "ptr -all\n" PTR "e.example\n"
			  "e.example A 192.0.2.2\n",
		.want = "fail [-all] e.example 1/0/0"},
	    {.name = "5.5: prefix lengths have no part in it",
		.zone = E "a:a.example/0 ptr -all\n" PTR "e.example\n"
			  "e.example A 192.0.2.2\n",
		.want = "fail [-all] e.example 2/1/0"},
	    {.name = "names that can't exist",
		.zone = E "ptr -all\n" PTR ".e.example\n" PTR
			  "a..e.example\n" PTR L64 ".e.example\n",
		.want = "fail [-all] e.example 1/0/0",
		.asked = "TXT e.example, PTR 1.2.0.192.in-addr.arpa"},
	    {.name = "IPv6",
		.zone = E "ptr -all\n"
			  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8."
			  "b.d.0.1.0.0.2.ip6.arpa PTR a.e.example\n"
			  "a.e.example AAAA 2001:db8::1\n",
		.ip = "2001:DB8::1",
		.want = "pass [ptr] e.example 1/0/0"},
	    {.name = "5.5: below the record's domain, not the sender's",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 ptr\n" PTR "a.i.example\n"
			  "a.i.example A 192.0.2.1\n",
		.want = "pass [include:i.example] e.example 2/0/1"},
	};

	EXPECT_ROWS(rows);
}

/* 7.3: which of the client's names %{p} stands for. */
static void
validated_names(void **state)
{
#define P_ZONE E "exists:%{p}.x -all\n"
	static const struct row rows[] = {
	    {.name = "the domain itself, wherever it stands",
		.zone = P_ZONE PTR "a.e.example\n" PTR "b.example\n" PTR
				   "E.Example\n"
				   "a.e.example A 192.0.2.1\n"
				   "b.example A 192.0.2.1\n"
				   "e.example A 192.0.2.1\n"
				   "e.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "else one below it",
		.zone = P_ZONE PTR "b.example\n" PTR "a.e.example\n"
				   "a.e.example A 192.0.2.1\n"
				   "b.example A 192.0.2.1\n"
				   "a.e.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "else the first",
		.zone = P_ZONE PTR "b.example\n" PTR "c.example\n"
				   "b.example A 192.0.2.1\n"
				   "c.example A 192.0.2.1\n"
				   "b.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "none but a validated one",
		.zone = P_ZONE PTR "e.example\n" PTR "c.example\n"
				   "e.example A 192.0.2.2\n"
				   "c.example A 192.0.2.1\n"
				   "c.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{p}.x] e.example 1/0/0"},
	    {.name = "the domain is that of the record",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 exists:%{p}.x\n" PTR
			  "e.example\n" PTR "i.example\n"
			  "e.example A 192.0.2.1\n"
			  "i.example A 192.0.2.1\n"
			  "i.example.x A 127.0.0.2\n",
		.want = "pass [include:i.example] e.example 2/0/1"},
	    {.name = "a NUL doesn't end a name: no part of it may pass for it",
		.zone = P_ZONE PTR "good.example^@.bad.example\n"
				   "good.example.x A 127.0.0.2\n",
		.want = "fail [-all] e.example 1/1/0"},
	};

	EXPECT_ROWS(rows);
}

/*
 * The same with an address behind the name that has the NUL, as its owner can
 * arrange: "good.example" must not come out of it.
 */
static const struct spf_answer *
nul_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct spf_answer **answers = arg;

	if (rr == SPF_RR_TXT)
		return answers[0];
	if (rr == SPF_RR_PTR)
		return answers[1];
	if (memchr(name.p, '\0', name.len) != NULL)
		return answers[2];
	if (text_starts(name, MF_TEXT("good.example")))
		fail_msg("asked for %.*s", (int)name.len, name.p);
	return answers[3];
}

static void
nul_in_validated_name(void **state)
{
	const uint8_t client[] = {192, 0, 2, 1};
	const struct mf_text record = MF_TEXT("v=spf1 exists:%{p}.x -all");
	const struct mf_text name = MF_TEXT("good.example\0.bad.example");
	struct spf_answer *answers[] = {spf_answer_txt(&record, 1),
	    spf_answer_names(SPF_RR_PTR, &name, 1),
	    spf_answer_addresses(SPF_RR_A, client, 1),
	    spf_answer_void(SPF_RR_A)};
	const struct spf_source source = {.lookup = nul_lookup, .arg = answers};
	struct spf_request q = {.sender = MF_TEXT("me@e.example"),
	    .helo = MF_TEXT("h.example"),
	    .default_explanation = MF_TEXT("not %{p}")};
	struct spf_verdict v;

	(void)state;
	assert_true(spf_ip_parse(MF_TEXT("192.0.2.1"), &q.ip));
	assert_int_equal(spf_evaluate(&q, &source, &v), SPF_OK);
	expect_str("NUL", "result", spf_result_text(v.result), "fail");
	assert_string_not_equal(v.explanation, "not good.example");
	for (size_t i = 0; i < COUNT(answers); i++)
		spf_answer_free(answers[i]);
}

/* --- terms, depth ------------------------------------------------------- */

#define TA "a.example A 192.0.2.9\na.example MX a.example\n"
#define N5 "a:a.example a:a.example mx:a.example a:a.example mx:a.example "

static void
terms(void **state)
{
	static const struct row rows[] = {
	    {.name = "4.6.4: 10",
		.zone = E N5 N5 "-all\n" TA,
		.want = "fail [-all] e.example 10/0/0"},
	    {.name = "4.6.4: 11",
		.zone = E N5 N5 "exists:b.example all\n" TA,
		.want = "permerror []  11/0/0: \"exists:b.example\" in the "
			"record of e.example: more than 10 terms that need "
			"DNS lookups"},
	    {.name = "4.6.4: ptr is one, even after errors",
		.zone = E N5 N5 "ptr all\n" TA,
		.want = "permerror []  11/0/0: \"ptr\" in the record of "
			"e.example: more than 10 terms that need DNS lookups"},
	    {.name = "4.6.4: names that can't exist too",
		.zone = E N5 N5 "a:b..example all\n" TA,
		.want = "permerror []  11/0/0: \"a:b..example\" in the record "
			"of e.example: more than 10 terms that need DNS "
			"lookups"},
	    {.name = "4.6.4: redirect is one",
		.zone = E N5 N5 "redirect=r.example\n" TA,
		.want = "permerror []  11/0/0: \"redirect=r.example\" in the "
			"record of e.example: more than 10 terms that need "
			"DNS lookups"},
	    {.name = "4.6.4: a redirect that isn't used isn't",
		.zone = E N5 N5 "-all redirect=r.example\n" TA,
		.want = "fail [-all] e.example 10/0/0"},
	    {.name = "4.6.4: includes and what is in them",
		.zone = E "include:i.example " N5 "all\n"
			  "i.example TXT v=spf1 " N5 "-all\n" TA,
		.want = "permerror []  11/0/1: \"mx:a.example\" in the record "
			"of e.example: more than 10 terms that need DNS "
			"lookups"},
	    {.name = "4.6.4: those behind a match don't count",
		.zone = E "include:i.example " N5 "all\n"
			  "i.example TXT v=spf1 a:a.example/0 " N5 "-all\n" TA,
		.want = "pass [include:i.example] e.example 2/0/1"},
	    {.name = "4.6.4: all, ip4, ip6, exp and others aren't",
		.zone = E "ip4:192.0.2.9 ip6:::1 moo=a.example " N5 N5
			  "exp=x.example -all\n"
			  "x.example TXT text\n" TA,
		.want = "fail [-all] e.example 10/0/0 <text>"},
	    {.name = "4.6.4: an include of oneself",
		.zone = E "include:e.example -all\n",
		.want = "permerror []  11/0/10: \"include:e.example\" in the "
			"record of e.example: more than 10 terms that need "
			"DNS lookups"},
	    {.name = "4.6.4: a redirect to oneself",
		.zone = E "redirect=e.example\n",
		.want = "permerror []  11/0/10: \"redirect=e.example\" in the "
			"record of e.example: more than 10 terms that need "
			"DNS lookups"},
	    {.name = "depth 10",
		.zone = E "include:1.example -all\n"
			  "1.example TXT v=spf1 include:2.example\n"
			  "2.example TXT v=spf1 redirect=3.example\n"
			  "3.example TXT v=spf1 include:4.example\n"
			  "4.example TXT v=spf1 include:5.example\n"
			  "5.example TXT v=spf1 include:6.example\n"
			  "6.example TXT v=spf1 include:7.example\n"
			  "7.example TXT v=spf1 include:8.example\n"
			  "8.example TXT v=spf1 redirect=9.example\n"
			  "9.example TXT v=spf1 include:10.example\n"
			  "10.example TXT v=spf1 ip4:192.0.2.1\n",
		.want = "pass [include:1.example] e.example 10/0/10"},
	    {.name = "depth is the deepest, not the last",
		.zone = E "include:i.example include:j.example ?all\n"
			  "i.example TXT v=spf1 include:k.example\n"
			  "j.example TXT v=spf1\n"
			  "k.example TXT v=spf1 -all\n",
		.want = "neutral [?all] e.example 3/0/2"},
	};

	EXPECT_ROWS(rows);
}

/* --- what decided, and where -------------------------------------------- */

static void
decisions(void **state)
{
	static const struct row rows[] = {
	    {.name = "as it is written",
		.zone = E "+IP4:192.0.2.1 -all\n",
		.want = "pass [+IP4:192.0.2.1] e.example 0/0/0"},
	    {.name = "4.7: nothing matches",
		.zone = E "\n",
		.want = "neutral [] e.example 0/0/0"},
	    {.name = "4.6.2: qualifiers",
		.zone = E "~ip4:192.0.2.0/24 -all\n",
		.want = "softfail [~ip4:192.0.2.0/24] e.example 0/0/0"},
	    {.name = "4.6.2: qualifiers",
		.zone = E "?ip4:192.0.2.0/24 -all\n",
		.want = "neutral [?ip4:192.0.2.0/24] e.example 0/0/0"},
	    {.name = "the first that matches",
		.zone = E "a ip4:192.0.2.1 all\n",
		.want = "pass [ip4:192.0.2.1] e.example 1/1/0"},
	    {.name = "6.1: in the record that redirect leads to",
		.zone = E "redirect=r.example\n"
			  "r.example TXT v=spf1 redirect=s.example\n"
			  "s.example TXT v=spf1 ip4:192.0.2.1 -all\n",
		.want = "pass [ip4:192.0.2.1] s.example 2/0/2"},
	    {.name = "4.7: nothing matches there",
		.zone = E "redirect=r.example\n"
			  "r.example TXT v=spf1 ip4:192.0.2.9\n",
		.want = "neutral [] r.example 1/0/1"},
	    {.name = "6.1: redirect matters if nothing matches",
		.zone = E "redirect=r.example ip4:192.0.2.1\n",
		.want = "pass [ip4:192.0.2.1] e.example 0/0/0",
		.asked = "TXT e.example"},
	    {.name = "5.2: the include itself",
		.zone = E "-include:i.example all\n"
			  "i.example TXT v=spf1 ip4:192.0.2.1\n",
		.want = "fail [-include:i.example] e.example 1/0/1"},
	    {.name = "5.2: only a pass within it",
		.zone = E "include:f.example include:s.example "
			  "include:n.example include:d.example -all\n"
			  "f.example TXT v=spf1 -all\n"
			  "s.example TXT v=spf1 ~all\n"
			  "n.example TXT v=spf1 ?all\n"
			  "d.example TXT v=spf1\n",
		.want = "fail [-all] e.example 4/0/1"},
	    {.name = "5.2: its redirect is followed",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 redirect=r.example\n"
			  "r.example TXT v=spf1 all\n",
		.want = "pass [include:i.example] e.example 2/0/2"},
	    {.name = "5.2: %{d} and the bare a are of the included domain",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 a exists:%{d}.%{o}.x\n"
			  "i.example A 192.0.2.9\n"
			  "i.example.e.example.x A 127.0.0.2\n",
		.want = "pass [include:i.example] e.example 3/0/1",
		.asked = "TXT e.example, TXT i.example, A i.example, "
			 "A i.example.e.example.x"},
	    {.name = "%{d} is back behind it",
		.zone = E "include:i.example exists:%{d}.x -all\n"
			  "i.example TXT v=spf1 exists:%{d}.x -all\n"
			  "e.example.x A 127.0.0.2\n",
		.want = "pass [exists:%{d}.x] e.example 3/1/1"},
	};

	EXPECT_ROWS(rows);
}

static void
problems(void **state)
{
	static const struct row rows[] = {
	    {.name = "4.6: before anything is looked up",
		.zone = E "a all foo\n",
		.want = "permerror []  0/0/0: in the record of e.example: "
			"\"foo\": unknown mechanism",
		.asked = "TXT e.example"},
	    {.name = "4.6: in an include, though something else matches",
		.zone = E "include:i.example all\n"
			  "i.example TXT v=spf1 all ipv4:192.0.2.1\n",
		.want =
		    "permerror []  1/0/1: in the record of i.example: "
		    "\"ipv4:192.0.2.1\": unknown mechanism; did you mean \"ip4\"?"},
	    {.name = "4.5: two records",
		.zone = E "all\ne.example TXT V=SPF1 all\n",
		.want = "permerror []  0/0/0: in the record of e.example: "
			"more than one SPF record"},
	    {.name = "4.5: two alike",
		.zone = E "all\n" E "all\n",
		.want = "permerror []  0/0/0: in the record of e.example: "
			"more than one SPF record"},
	    {.name = "4.5: two of an include",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 all\n"
			  "i.example TXT v=spf1\n",
		.want = "permerror []  1/0/1: in the record of i.example: "
			"more than one SPF record"},
	    {.name = "4.5: others don't matter",
		.zone = "e.example TXT v=spf10 all\n"
			"e.example TXT \n" E "-all\n"
			"e.example TXT spf2.0/pra all\n",
		.want = "fail [-all] e.example 0/0/0"},
	    {.name = "4.5: none of several",
		.zone = "e.example TXT v=spf10 all\n"
			"e.example TXT google-site-verification=x\n",
		.want = "none []  0/0/0"},
	    {.name = "5.2: an include of what can't exist",
		.zone = E "include:i..example all\n",
		.want = "permerror []  1/0/0: \"include:i..example\" in the "
			"record of e.example: invalid domain name: "
			"i..example",
		.asked = "TXT e.example"},
	    {.name = "5.2: by a macro",
		.zone = E "include:%{l}.example all\n",
		.sender = MF_TEXT("a..b@e.example"),
		.want = "permerror []  1/0/0: \"include:%{l}.example\" in the "
			"record of e.example: invalid domain name: "
			"%{l}.example"},
	    {.name = "6.1: a redirect to what can't exist",
		.zone = E "redirect=r..example\n",
		.want = "permerror []  1/0/0: \"redirect=r..example\" in the "
			"record of e.example: invalid domain name: "
			"r..example"},
	    {.name = "what an include decided isn't told of an error",
		.zone = E "include:i.example a:a.example all\n"
			  "i.example TXT v=spf1 redirect=r.example\n"
			  "r.example TXT v=spf1 -all\n"
			  "a.example A !\n",
		.want = "temperror []  3/0/2: \"a:a.example\" in the "
			"record of e.example: DNS lookup of A a.example "
			"failed: SERVFAIL"},
	    {.name = "the first problem is told",
		.zone = E "include:i.example all\n"
			  "i.example TXT v=spf1 include:j.example all\n",
		.want = "permerror []  2/1/1: \"include:j.example\" in the "
			"record of i.example: no SPF record found for "
			"j.example"},
	};

	EXPECT_ROWS(rows);
}

/* The longest names and terms fit, whole or cut. */
static void
long_problems(void **state)
{
	static char zone_text[4096], want[2048];
	char name[SPF_NAME_SIZE];
	struct row row = {.name = "long", .zone = zone_text, .want = want};

	(void)state;
	snprintf(name, sizeof(name), "%s.%s.%s.%.57s.xyz", L63, L63, L63, L63);
	assert_int_equal(strlen(name), SPF_NAME_MAX);
	snprintf(zone_text, sizeof(zone_text),
	    E "redirect=%s\n%s TXT v=spf1 a:%s\n%s A !\n", name, name, name,
	    name);
	snprintf(want, sizeof(want),
	    "temperror []  2/0/1: \"a:%.118s\" in the record of %s: "
	    "DNS lookup of A %.52s failed: SERVFAIL",
	    name, name, name);
	zone_load(zone_text);
	zone.all_known = true;
	zone.log = text_out(zone.log_room, sizeof(zone.log_room) - 1);

	struct spf_request q = {.sender = MF_TEXT("me@e.example")};
	struct spf_verdict v;
	assert_true(spf_ip_parse(MF_TEXT("192.0.2.1"), &q.ip));
	assert_int_equal(evaluate(&q, &v), SPF_OK);
	zone_unload();
	expect_int(row.name, "result", v.result, SPF_TEMPERROR);
	expect_str(row.name, "verdict", render(&v), want);
	assert_int_equal(strlen(v.problem), SPF_TEXT_MAX);
}

/* --- explanations (6.2) ------------------------------------------------- */

static void
explanations(void **state)
{
	static const struct row rows[] = {
	    {.name = "expanded",
		.zone = E "exp=x.%{d} -all\n"
			  "x.e.example TXT %{i} may not %{s} (%{r}, %{t})\n",
		.receiver = "mx.example",
		.want = "fail [-all] e.example 0/0/0 <192.0.2.1 may not "
			"me@e.example (mx.example, 1700000000)>",
		.asked = "TXT e.example, TXT x.e.example"},
	    {.name = "7.3: a receiver without a name",
		.zone = E "exp=x.example -all\nx.example TXT %{r}\n",
		.want = "fail [-all] e.example 0/0/0 <unknown>"},
	    {.name = "for fail alone: softfail",
		.zone = E "exp=x.example ~all\nx.example TXT text\n",
		.default_explanation = "default",
		.want = "softfail [~all] e.example 0/0/0",
		.asked = "TXT e.example"},
	    {.name = "for fail alone: permerror",
		.zone = E "exp=x.example foo\nx.example TXT text\n",
		.default_explanation = "default",
		.want = "permerror []  0/0/0: in the record of e.example: "
			"\"foo\": unknown mechanism"},
	    {.name = "of a mechanism's fail",
		.zone = E "-ip4:192.0.2.1 exp=x.example\nx.example TXT t\n",
		.want = "fail [-ip4:192.0.2.1] e.example 0/0/0 <t>"},
	    {.name = "an include's isn't used",
		.zone = E "include:i.example -all\n"
			  "i.example TXT v=spf1 exp=x.example -all\n"
			  "x.example TXT wrong\n",
		.want = "fail [-all] e.example 1/0/1",
		.asked = "TXT e.example, TXT i.example"},
	    {.name = "but that of the domain",
		.zone = E "-include:i.example exp=x.%{d}\n"
			  "i.example TXT v=spf1 exp=w.example all\n"
			  "w.example TXT wrong\n"
			  "x.e.example TXT %{d}\n",
		.want = "fail [-include:i.example] e.example 1/0/1 "
			"<e.example>"},
	    {.name = "a redirect's is",
		.zone = E "exp=w.example redirect=r.example\n"
			  "r.example TXT v=spf1 exp=x.%{d} -all\n"
			  "w.example TXT wrong\n"
			  "x.r.example TXT %{d} of %{o}\n",
		.want = "fail [-all] r.example 1/0/1 <r.example of "
			"e.example>",
		.asked = "TXT e.example, TXT r.example, TXT x.r.example"},
	    {.name = "and the one before it isn't",
		.zone = E "exp=w.example redirect=r.example\n"
			  "r.example TXT v=spf1 -all\n"
			  "w.example TXT wrong\n",
		.want = "fail [-all] r.example 1/0/1",
		.asked = "TXT e.example, TXT r.example"},
	    {.name = "nothing there",
		.zone = E "exp=x.example -all\n",
		.default_explanation = "default for %{o}",
		.want = "fail [-all] e.example 0/0/0 <default for e.example>"},
	    {.name = "an error",
		.zone = E "exp=x.example -all\nx.example TXT !\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "an error, and no default",
		.zone = E "exp=x.example -all\nx.example TXT !\n",
		.want = "fail [-all] e.example 0/0/0"},
	    {.name = "two records",
		.zone = E "exp=x.example -all\n"
			  "x.example TXT a\nx.example TXT b\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "empty",
		.zone = E "exp=x.example -all\nx.example TXT \n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "a macro that isn't one",
		.zone = E "exp=x.example -all\nx.example TXT 100% wrong\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "no US-ASCII",
		.zone = E "exp=x.example -all\nx.example TXT caf\xc3\xa9\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "a line end",
		.zone = E "exp=x.example -all\nx.example TXT a^M^Jb\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>"},
	    {.name = "a name that can't exist",
		.zone = E "exp=x..example -all\n",
		.default_explanation = "default",
		.want = "fail [-all] e.example 0/0/0 <default>",
		.asked = "TXT e.example"},
	    {.name = "the domain has none",
		.zone = E "-all\n",
		.default_explanation = "%{c} %{s}",
		.want = "fail [-all] e.example 0/0/0 <192.0.2.1 "
			"me@e.example>"},
	    {.name = "a default that is wrong",
		.zone = E "-all\n",
		.default_explanation = "100%",
		.want = "fail [-all] e.example 0/0/0"},
	    {.name = "%{p} in the name and in the text",
		.zone = E "exp=%{p}.x -all\n"
			  "a.example.x TXT you are %{p}\n" PTR "a.example\n"
			  "a.example A 192.0.2.1\n",
		.want = "fail [-all] e.example 0/0/0 <you are a.example>"},
	    {.name = "%{p} without a name",
		.zone = E "-all\n",
		.default_explanation = "you are %{p}",
		.want = "fail [-all] e.example 0/0/0 <you are unknown>"},
	    {.name = "hostile values",
		.zone = E "-all\n",
		.sender = MF_TEXT("a\0\r\nb\x7f\xc3\xa9@e.example"),
		.helo = MF_TEXT("h\r\nX-Evil: 1"),
		.default_explanation = "%{l} %{h}",
		.want = "fail [-all] e.example 0/0/0 <a?\?\?b?\?\? h?\?X-Evil: "
			"1>"},
	};

	EXPECT_ROWS(rows);
}

/* --- identities --------------------------------------------------------- */

#define EXISTS_S "e.example TXT v=spf1 exists:%{s}.%{h} -all\n"

static void
identities(void **state)
{
	static const struct row rows[] = {
	    {.name = "2.4: MAIL FROM",
		.zone = EXISTS_S "me@e.example.h.example A 127.0.0.2\n",
		.want = "pass [exists:%{s}.%{h}] e.example 1/0/0"},
	    {.name = "4.3: no local part",
		.zone = EXISTS_S "postmaster@e.example.h.example A 127.0.0.2\n",
		.sender = MF_TEXT("@e.example"),
		.want = "pass [exists:%{s}.%{h}] e.example 1/0/0"},
	    {.name = "4.3: a domain alone",
		.zone = EXISTS_S "postmaster@e.example.h.example A 127.0.0.2\n",
		.sender = MF_TEXT("E.Example."),
		.want = "pass [exists:%{s}.%{h}] e.example 1/0/0"},
	    {.name = "2.4: the null sender is postmaster of the HELO name",
		.zone = EXISTS_S "postmaster@e.example.e.example A 127.0.0.2\n",
		.sender = MF_TEXT(""),
		.helo = MF_TEXT("E.Example"),
		.want = "pass [exists:%{s}.%{h}] e.example 1/0/0"},
	    {.name = "2.3: HELO",
		.zone = EXISTS_S "postmaster@e.example.e.example A 127.0.0.2\n",
		.identity = SPF_HELO,
		.sender = MF_TEXT("me@other.example"),
		.helo = MF_TEXT("e.example"),
		.want = "pass [exists:%{s}.%{h}] e.example 1/0/0",
		.asked = "TXT e.example, A postmaster@e.example.e.example"},
	    {.name = "the last \"@\" counts",
		.zone = E "exists:%{l}.x -all\na@b.x A 127.0.0.2\n",
		.sender = MF_TEXT("a@b@e.example"),
		.want = "pass [exists:%{l}.x] e.example 1/0/0"},
	    {.name = "case is folded",
		.zone = E "exists:%{l}.x -all\nme.x A 127.0.0.2\n",
		.sender = MF_TEXT("ME@E.EXAMPLE"),
		.want = "pass [exists:%{l}.x] e.example 1/0/0"},
	    {.name = "RFC 8616 4: a UTF-8 local part makes no name",
		.zone = E "exists:%{L}.x -all\n"
			  "%c3%a9.x A 127.0.0.2\n",
		.sender = MF_TEXT("\xc3\xa9@e.example"),
		.want = "fail [-all] e.example 1/0/0"},
	    {.name = "RFC 8616 4: nor one to include",
		.zone = E "include:%{s}.x ~all\n",
		.sender = MF_TEXT("\xc3\xa9@e.example"),
		.want = "softfail [~all] e.example 1/0/0"},
	    {.name = "RFC 8616 4: nor one to be redirected to",
		.zone = E "redirect=%{l}.x\n",
		.sender = MF_TEXT("\xc3\xa9@e.example"),
		.want = "neutral [] e.example 0/0/0"},
	    {.name = "RFC 8616 4: other names are made",
		.zone = E "exists:%{o}.x -all\n"
			  "e.example.x A 127.0.0.2\n",
		.sender = MF_TEXT("\xc3\xa9@e.example"),
		.want = "pass [exists:%{o}.x] e.example 1/0/0"},
	    {.name = "U-labels are A-labels",
		.zone = "xn--bcher-kva.example TXT v=spf1 exists:%{o}.x -all\n"
			"xn--bcher-kva.example.x A 127.0.0.2\n",
		.sender = MF_TEXT("me@B\xc3\xbc"
				  "cher.Example"),
		.want = "pass [exists:%{o}.x] xn--bcher-kva.example 1/0/0 "
			"(xn--bcher-kva.example)"},
	    {.name = "5: an IPv4-mapped client",
		.zone = E "ip6:::ffff:192.0.2.1 ip4:192.0.2.1 -all\n",
		.ip = "::FFFF:192.0.2.1",
		.want = "pass [ip4:192.0.2.1] e.example 0/0/0"},
	    {.name = "5: an IPv6 client and ip4:0.0.0.0/0",
		.zone = E "ip4:0.0.0.0/0 -all\n",
		.ip = "2001:db8::1",
		.want = "fail [-all] e.example 0/0/0"},
	    {.name = "5: an IPv4 client and ip6:::/0",
		.zone = E "ip6:::/0 -all\n",
		.want = "fail [-all] e.example 0/0/0"},
	    {.name = "a local part with a NUL",
		.zone = E "exists:%{l}.x exists:%{h}.x -all\n",
		.sender = MF_TEXT("a\0b@e.example"),
		.helo = MF_TEXT("h\r\n.example"),
		.want = "fail [-all] e.example 2/0/0",
		.asked = "TXT e.example"},
	};

	EXPECT_ROWS(rows);
}

/* 4.3: no multi-label name, so no record. */
static void
no_domains(void **state)
{
	static const struct {
		struct mf_text sender, helo;
		const char *domain;
	} rows[] = {
	    {MF_TEXT(""), MF_TEXT(""), ""},
	    {MF_TEXT("me@"), MF_TEXT("e.example"), ""},
	    {MF_TEXT("@"), MF_TEXT("e.example"), ""},
	    {MF_TEXT("me@localhost"), MF_TEXT("e.example"), "localhost"},
	    {MF_TEXT("localhost"), MF_TEXT("e.example"), "localhost"},
	    {MF_TEXT(""), MF_TEXT("LocalHost"), "LocalHost"},
	    {MF_TEXT("me@[192.0.2.1]"), MF_TEXT(""), "[192.0.2.1]"},
	    {MF_TEXT(""), MF_TEXT("[192.0.2.1]"), "[192.0.2.1]"},
	    {MF_TEXT(""), MF_TEXT("[IPv6:2001:db8::1]"), "[IPv6:2001:db8::1]"},
	    {MF_TEXT("me@a..example"), MF_TEXT(""), "a..example"},
	    {MF_TEXT("me@.example"), MF_TEXT(""), ".example"},
	    {MF_TEXT("me@a.example.."), MF_TEXT(""), "a.example.."},
	    {MF_TEXT("me@" L64 ".example"), MF_TEXT(""), L64 ".example"},
	    {MF_TEXT("me@a\0b.example"), MF_TEXT(""), "a?b.example"},
	    {MF_TEXT("me@a.example\r\nX: y"), MF_TEXT(""), "a.example?\?X: y"},
	    {MF_TEXT(""), MF_TEXT("h\n.example"), "h?.example"},
	    {MF_TEXT(""), MF_TEXT("h\x7f.example"), "h?.example"},
	    {MF_TEXT("me@b\xfc"
		     "cher.example"),
		MF_TEXT(""),
		"b\xfc"
		"cher.example"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char want[400];
		struct row row = {.name = rows[i].sender.p,
		    .zone = "",
		    .asked = "",
		    .sender = rows[i].sender,
		    .helo = rows[i].helo,
		    .best_guess = "v=spf1 all",
		    .delegate = "d.example",
		    .want = want};

		if (row.sender.len == 0)
			row.name = rows[i].helo.p;
		snprintf(
		    want, sizeof(want), "none []  0/0/0 (%s)", rows[i].domain);
		expect_row(&row);
		row.identity = SPF_HELO;
		if (row.sender.len == 0)
			expect_row(&row);
	}
}

/* --- options ------------------------------------------------------------ */

static void
options(void **state)
{
	static const struct row rows[] = {
	    {.name = "best guess",
		.zone = "e.example A 192.0.2.9\n",
		.best_guess = "v=spf1 a/24 mx/24 ptr",
		.want = "pass [a/24] e.example 1/0/0 guessed",
		.asked = "TXT e.example, A e.example"},
	    {.name = "best guess, wrong",
		.zone = "",
		.best_guess = "v=spf1 a/24 -all exp=x.example",
		.want = "fail [-all] e.example 1/1/0 guessed"},
	    {.name = "best guess with an error",
		.zone = "",
		.best_guess = "v=spf1 foo",
		.want = "none []  0/0/0"},
	    {.name = "best guess, too many void lookups for a name like this",
		.zone = "",
		.best_guess = "v=spf1 a/24 mx/24 ptr",
		.want = "none []  0/0/0"},
	    {.name = "best guess, as many as there may be",
		.zone = "e.example A 198.51.100.1\n",
		.best_guess = "v=spf1 a/24 mx/24 ptr",
		.want = "neutral [] e.example 3/2/0 guessed"},
	    {.name = "no guess where there is a record",
		.zone = E "\n",
		.best_guess = "v=spf1 all",
		.want = "neutral [] e.example 0/0/0"},
	    {.name = "no guess where there are two",
		.zone = E "\n" E "\n",
		.best_guess = "v=spf1 all",
		.want = "permerror []  0/0/0: in the record of e.example: "
			"more than one SPF record"},
	    {.name = "no guess when the DNS fails",
		.zone = "e.example TXT !\n",
		.best_guess = "v=spf1 all",
		.want = "temperror []  0/0/0: DNS lookup of TXT "
			"e.example failed: SERVFAIL"},
	    {.name = "no guess for includes",
		.zone = E "include:i.example -all\n",
		.best_guess = "v=spf1 all",
		.want = "permerror []  1/1/0: \"include:i.example\" in the "
			"record of e.example: no SPF record found for "
			"i.example"},
	    {.name = "delegate: the record is the domain's",
		.zone = "e.example._spf.d.example TXT v=spf1 exists:%{d}.x\n"
			"e.example.x A 127.0.0.2\n",
		.delegate = "d.example",
		.best_guess = "v=spf1 -all",
		.want = "pass [exists:%{d}.x] e.example 1/0/0 delegated",
		.asked = "TXT e.example, TXT e.example._spf.d.example, "
			 "A e.example.x"},
	    {.name = "delegate: however it is written",
		.zone = "e.example._spf.d.example TXT v=spf1 all\n",
		.delegate = "D.Example.",
		.want = "pass [all] e.example 0/0/0 delegated"},
	    {.name = "delegate: none there either",
		.zone = "",
		.delegate = "d.example",
		.want = "none []  0/0/0",
		.asked = "TXT e.example, TXT e.example._spf.d.example"},
	    {.name = "delegate: none there, a guess",
		.zone = "e.example._spf.d.example TXT hello\n",
		.delegate = "d.example",
		.best_guess = "v=spf1 ?all",
		.want = "neutral [?all] e.example 0/0/0 guessed"},
	    {.name = "delegate: not where there is a record",
		.zone = E "-all\n"
			  "e.example._spf.d.example TXT v=spf1 all\n",
		.delegate = "d.example",
		.want = "fail [-all] e.example 0/0/0",
		.asked = "TXT e.example"},
	    {.name = "delegate: an error",
		.zone = "e.example._spf.d.example TXT !\n",
		.delegate = "d.example",
		.best_guess = "v=spf1 all",
		.want = "temperror []  0/0/0: DNS lookup of TXT "
			"e.example._spf.d.example failed: SERVFAIL"},
	    {.name = "delegate: a name that gets too long",
		.zone = "",
		.sender =
		    MF_TEXT("me@" L63 "." L63 "." L63 "."
			    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
			    "example"),
		.delegate = "d.example",
		.want = "none []  0/0/0 (" L63 "." L63 "." L63 "."
			"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
			"example)"},
	    {.name = "delegate: for HELO",
		.zone = "e.example._spf.d.example TXT v=spf1 -all\n",
		.identity = SPF_HELO,
		.helo = MF_TEXT("e.example"),
		.delegate = "d.example",
		.want = "fail [-all] e.example 0/0/0 delegated"},
	};

	EXPECT_ROWS(rows);
}

/* --- prefix lengths ----------------------------------------------------- */

static bool
passes(const char *record, struct spf_ip ip)
{
	struct spf_record *r = spf_record_compile(mf_text_of(record));
	struct spf_answer *nothing = spf_answer_void(SPF_RR_TXT);
	struct spf_answer *address =
	    spf_answer_addresses(ip.v6 ? SPF_RR_AAAA : SPF_RR_A,
		(const uint8_t *)"\xaa\x55\xaa\x55\xaa\x55\xaa\x55"
				 "\xaa\x55\xaa\x55\xaa\x55\xaa\x55",
		1);
	struct spf_request q = {
	    .ip = ip, .sender = MF_TEXT("me@e.example"), .best_guess = r};
	struct spf_verdict v;

	zone_unload();
	assert_true(r != NULL && nothing != NULL && address != NULL);
	zone.entries[0] = (struct entry){
	    .rr = SPF_RR_TXT, .name = MF_TEXT("e.example"), .answer = nothing};
	zone.entries[1] = (struct entry){.rr = ip.v6 ? SPF_RR_AAAA : SPF_RR_A,
	    .name = MF_TEXT("e.example"),
	    .answer = address};
	zone.count = 2;
	zone.all_known = true;
	assert_int_equal(evaluate(&q, &v), SPF_OK);
	assert_true(v.result == SPF_PASS || v.result == SPF_NEUTRAL);
	zone_unload();
	spf_record_free(r);
	return v.result == SPF_PASS;
}

/* Each length: the bit before its end matters, the one behind it doesn't. */
static void
prefix_lengths(void **state)
{
	static const struct {
		bool v6;
		const char *term;
	} rows[] = {
	    {false, "ip4:170.85.170.85"},
	    {false, "a"},
	    {true, "ip6:aa55:aa55:aa55:aa55:aa55:aa55:aa55:aa55"},
	    {true, "a/"},
	    {true, "a/1/"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned bits = rows[i].v6 ? 128 : 32;

		for (unsigned n = 0; n <= bits; n++) {
			struct spf_ip ip = {.v6 = rows[i].v6};
			char record[100];

			snprintf(record, sizeof(record), "v=spf1 %s/%u",
			    rows[i].term, n);
			for (size_t o = 0; o < bits / 8; o++)
				ip.octets[o] = o % 2 == 0 ? 0xaa : 0x55;
			expect_int(record, "equal", passes(record, ip), true);
			if (n < bits) {
				ip.octets[n / 8] ^= (uint8_t)(0x80 >> n % 8);
				expect_int(record, "the bit behind it",
				    passes(record, ip), true);
				ip.octets[n / 8] ^= (uint8_t)(0x80 >> n % 8);
			}
			if (n > 0) {
				ip.octets[(n - 1) / 8] ^=
				    (uint8_t)(0x80 >> (n - 1) % 8);
				expect_int(record, "its last bit",
				    passes(record, ip), false);
			}
		}
	}
}

/* --- what is guessed at ------------------------------------------------- */

static void
rounds(void **state)
{
	static const struct row rows[] = {
	    {.name = "a match without a lookup: nothing is guessed",
		.zone = E "ip4:192.0.2.1 include:dead.example -all\n",
		.want = "pass [ip4:192.0.2.1] e.example 0/0/0",
		.rounds = "TXT e.example"},
	    {.name = "all terms of a record at once",
		.zone = E "a mx include:i.example exists:x.example -all\n"
			  "e.example A 192.0.2.9\n"
			  "e.example MX m.example\n"
			  "m.example A 192.0.2.8\n"
			  "i.example TXT v=spf1 a:j.example -all\n"
			  "j.example A 192.0.2.7\n"
			  "x.example A 127.0.0.2\n",
		.want = "pass [exists:x.example] e.example 5/0/1",
		.rounds = "TXT e.example / A e.example, MX e.example, "
			  "TXT i.example, A x.example / A m.example, "
			  "A j.example"},
	    {.name = "up to a match behind them",
		.zone = E "a ip4:192.0.2.1 mx\n"
			  "e.example A 192.0.2.9\n",
		.want = "pass [ip4:192.0.2.1] e.example 1/0/0",
		.rounds = "TXT e.example / A e.example"},
	    {.name = "redirect too",
		.zone = E "a:a.example redirect=r.example\n"
			  "a.example A 192.0.2.9\n"
			  "r.example TXT v=spf1 -all\n",
		.want = "fail [-all] r.example 2/0/1",
		.rounds = "TXT e.example / A a.example, TXT r.example"},
	    {.name = "neither ptr nor names from macros",
		.zone = E "a exists:%{l}.x ptr mx -all\n"
			  "e.example A 192.0.2.9\n"
			  "e.example MX .\n"
			  "me.x A 127.0.0.2\n",
		.want = "pass [exists:%{l}.x] e.example 2/0/0",
		.rounds = "TXT e.example / A e.example, MX e.example / "
			  "A me.x"},
	    {.name = "one term more than is allowed",
		.zone = E "a:a.example a:b.example a:c.example a:d.example "
			  "a:e.example a:f.example a:g.example a:h.example "
			  "a:i.example a:j.example a:k.example -all\n"
			  "a.example A 192.0.2.1\n",
		.want = "pass [a:a.example] e.example 1/0/0",
		.rounds = "TXT e.example / A a.example, A b.example, "
			  "A c.example, A d.example, A e.example, "
			  "A f.example, A g.example, A h.example, "
			  "A i.example, A j.example"},
	    {.name = "exp only once it is certain",
		.zone = E "a:a.example exp=x.example -all\n"
			  "a.example A 192.0.2.9\n"
			  "x.example TXT text\n",
		.want = "fail [-all] e.example 1/0/0 <text>",
		.rounds = "TXT e.example / A a.example / TXT x.example"},
	    {.name = "MX hosts at once",
		.zone = E "mx -all\n"
			  "e.example MX a.example\n"
			  "e.example MX b.example\n"
			  "e.example MX c.example\n"
			  "b.example A 192.0.2.1\n",
		.want = "pass [mx] e.example 1/0/0",
		.rounds = "TXT e.example / MX e.example / A a.example, "
			  "A b.example, A c.example"},
	    {.name = "PTR names at once",
		.zone = E "ptr -all\n" PTR "a.e.example\n" PTR "b.e.example\n"
			  "b.e.example A 192.0.2.1\n",
		.want = "pass [ptr] e.example 1/0/0",
		.rounds = "TXT e.example / PTR 1.2.0.192.in-addr.arpa / "
			  "A a.e.example, A b.e.example"},
	};

	EXPECT_ROWS(rows);
}

/* --- tracing ------------------------------------------------------------ */

static void
hear_event(void *arg, const struct spf_event *e)
{
	static const char *const kinds[] = {
	    [SPF_EVENT_CHECK] = "check",
	    [SPF_EVENT_RECORD] = "record",
	    [SPF_EVENT_TERM] = "term",
	    [SPF_EVENT_MACRO] = "macro",
	    [SPF_EVENT_LOOKUP] = "lookup",
	    [SPF_EVENT_MATCH] = "match",
	    [SPF_EVENT_PROBLEM] = "problem",
	    [SPF_EVENT_RESULT] = "result",
	};
	struct text_out *out = arg;

	out_uint(out, e->depth + 1); /* the outermost lookup: 0 */
	out_char(out, ' ');
	out_str(out, kinds[e->kind]);
	if (e->kind == SPF_EVENT_LOOKUP) {
		out_char(out, ' ');
		out_str(out, spf_rr_text(e->rr));
	}
	if (e->name.len != 0) {
		out_char(out, ' ');
		out_text(out, e->name);
	}
	if (e->text.len != 0) {
		out_str(out, " \"");
		out_text(out, e->text);
		out_char(out, '"');
	}
	if (e->kind == SPF_EVENT_MATCH)
		out_str(out, e->matched ? " yes" : " no");
	if (e->kind == SPF_EVENT_RESULT) {
		out_char(out, ' ');
		out_str(out, spf_result_text(e->result));
	}
	if (e->kind == SPF_EVENT_MATCH) {
		out_char(out, ' ');
		out_uint(out, e->terms);
		out_char(out, '/');
		out_uint(out, e->voids);
	}
	out_char(out, '\n');
}

static void
events(void **state)
{
	static char heard[4096];
	struct text_out out = text_out(heard, sizeof(heard) - 1);
	const struct spf_trace trace = {hear_event, &out};
	struct spf_request q = {.sender = MF_TEXT("me@e.example"),
	    .helo = MF_TEXT("h.example"),
	    .trace = &trace};
	struct spf_verdict v;

	(void)state;
	assert_true(spf_ip_parse(MF_TEXT("192.0.2.1"), &q.ip));
	zone_load(E "include:i.example exists:%{l}.x -all exp=y.example\n"
		    "i.example TXT v=spf1 ip4:192.0.2.9 a redirect=r.example\n"
		    "r.example TXT v=spf1 ~all\n"
		    "y.example TXT no %{d}\n");
	zone.all_known = true;
	zone.log = text_out(zone.log_room, sizeof(zone.log_room) - 1);
	assert_int_equal(evaluate(&q, &v), SPF_OK);
	zone_unload();
	assert_false(out.full);
	heard[out.len] = '\0';
	expect_str("trace", "events", heard,
	    "0 lookup TXT e.example\n"
	    "1 check e.example\n"
	    "1 record e.example \"v=spf1 include:i.example exists:%{l}.x "
	    "-all exp=y.example\"\n"
	    "1 term \"include:i.example\"\n"
	    "1 lookup TXT i.example\n"
	    "2 check i.example\n"
	    "2 record i.example \"v=spf1 ip4:192.0.2.9 a "
	    "redirect=r.example\"\n"
	    "2 term \"ip4:192.0.2.9\"\n"
	    "2 match \"ip4:192.0.2.9\" no 1/0\n"
	    "2 term \"a\"\n"
	    "2 lookup A i.example\n"
	    "2 match \"a\" no 2/1\n"
	    "2 term \"redirect=r.example\"\n"
	    "2 lookup TXT r.example\n"
	    "3 check r.example\n"
	    "3 record r.example \"v=spf1 ~all\"\n"
	    "3 term \"~all\"\n"
	    "3 match \"~all\" yes 3/1\n"
	    "3 result r.example softfail\n"
	    "2 result i.example softfail\n"
	    "1 match \"include:i.example\" no 3/1\n"
	    "1 term \"exists:%{l}.x\"\n"
	    "1 macro me.x \"%{l}.x\"\n"
	    "1 lookup A me.x\n"
	    "1 match \"exists:%{l}.x\" no 4/2\n"
	    "1 term \"-all\"\n"
	    "1 match \"-all\" yes 4/2\n"
	    "1 result e.example fail\n"
	    "1 lookup TXT y.example\n");
}

/* RFC 7208 4.1: without <ip> there is nothing to check, or to ask for. */
static void
address_unknown(void **state)
{
	static const struct {
		const char *sender, *want;
	} rows[] = {
	    {"me@e.example", "temperror []  0/0/0: client address unknown"},
	    {"me@gone.example",
		"temperror []  0/0/0 (gone.example): client address unknown"},
	    {"me@localhost", "none []  0/0/0 (localhost)"},
	};
	struct spf_source nobody = {.lookup = NULL};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf_request q = {.ip_unknown = true,
		    .sender = mf_text_of(rows[i].sender),
		    .helo = MF_TEXT("h.example")};
		struct spf_verdict v;

		assert_int_equal(spf_evaluate(&q, &nobody, &v), SPF_OK);
		expect_str(rows[i].sender, "verdict", render(&v), rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(voids),
	    cmocka_unit_test(address_unknown),
	    cmocka_unit_test(dns_errors),
	    cmocka_unit_test(mx),
	    cmocka_unit_test(ptr),
	    cmocka_unit_test(validated_names),
	    cmocka_unit_test(nul_in_validated_name),
	    cmocka_unit_test(terms),
	    cmocka_unit_test(decisions),
	    cmocka_unit_test(problems),
	    cmocka_unit_test(long_problems),
	    cmocka_unit_test(explanations),
	    cmocka_unit_test(identities),
	    cmocka_unit_test(no_domains),
	    cmocka_unit_test(options),
	    cmocka_unit_test(prefix_lengths),
	    cmocka_unit_test(rounds),
	    cmocka_unit_test(events),
	};

	return cmocka_run_group_tests_name("spf_eval", tests, NULL, NULL);
}
