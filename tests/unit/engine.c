/* SPDX-License-Identifier: ISC */
/*
 * include/mailfrom/spf_engine.h: the contract, what libspf2 is never shown, audit, and
 * helper processes that crash, hang and babble.
 *
 * The helpers are $BUILD/spf-libspf2, and one without guards that crashes,
 * $BUILD/tests/engine/spf-libspf2-crashing.
 */
#include "tests/unit/support.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "libspf-engine/guard.h"
#include "libspf-engine/helpers.h"
#include "libspf-engine/wire.h"

#define ENTRIES_MAX 64
#define RECORD_SIZE 6000

/* --- a world ----------------------------------------------------------- */

struct entry {
	enum spf_rr rr;
	const char *name;
	const struct spf_answer *answer;
	bool known;
};

struct world {
	struct entry entries[ENTRIES_MAX];
	size_t count;
	const struct spf_answer *nothing[SPF_RR_PTR + 1];
	bool all_known;
	unsigned lookups;
	/* Of the last evaluation. */
	struct entry *missing[ENTRIES_MAX];
	size_t missing_count;
	/* Sent to this process at the next lookup. */
	struct helpers *victims;
	int victim_signal;
};

static void
world_begin(struct world *w)
{
	*w = (struct world){.all_known = true};
	for (unsigned rr = 0; rr <= SPF_RR_PTR; rr++)
		w->nothing[rr] = spf_answer_void((enum spf_rr)rr);
}

static void
world_end(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		spf_answer_free(w->entries[i].answer);
	for (unsigned rr = 0; rr <= SPF_RR_PTR; rr++)
		spf_answer_free(w->nothing[rr]);
}

static void
add(struct world *w, const char *name, const struct spf_answer *answer)
{
	assert_non_null(answer);
	assert_true(w->count < ENTRIES_MAX);
	w->entries[w->count++] =
	    (struct entry){answer->rr, name, answer, false};
}

static void
add_txt(struct world *w, const char *name, const char *text)
{
	struct mf_text record = mf_text_of(text);

	add(w, name, spf_answer_txt(&record, 1));
}

static void
add_address(struct world *w, const char *name, const char *address)
{
	struct spf_ip ip;

	assert_true(spf_ip_parse(mf_text_of(address), &ip));
	add(w, name,
	    spf_answer_addresses(ip.v6 ? SPF_RR_AAAA : SPF_RR_A, ip.octets, 1));
}

static void
add_names(struct world *w, enum spf_rr rr, const char *name, const char *first,
    const char *second)
{
	struct mf_text names[2] = {mf_text_of(first), mf_text_of(second)};

	add(w, name, spf_answer_names(rr, names, second != NULL ? 2 : 1));
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct world *w = arg;

	w->lookups++;
	if (w->victim_signal != 0)
		kill(helpers_pid_(w->victims, 0), w->victim_signal);
	w->victim_signal = 0;
	assert_true(spf_name_ok(name));
	for (size_t i = 0; i < w->count; i++) {
		struct entry *e = &w->entries[i];

		if (e->rr != rr || !mf_text_eq(mf_text_of(e->name), name))
			continue;
		if (e->known || w->all_known)
			return e->answer;
		w->missing[w->missing_count++] = e;
		return NULL;
	}
	return w->nothing[rr];
}

static struct spf_source
source_of(struct world *w)
{
	return (struct spf_source){.lookup = lookup, .arg = w};
}

static struct spf_request
request_of(const char *ip, const char *sender)
{
	struct spf_request q = {.identity = SPF_MAILFROM,
	    .sender = mf_text_of(sender),
	    .helo = MF_TEXT("helo.example"),
	    .receiver = MF_TEXT("mx.example.net"),
	    .default_explanation = MF_TEXT("DEFAULT"),
	    .now_sec = NOW};

	assert_true(spf_ip_parse(mf_text_of(ip), &q.ip));
	return q;
}

/* What most tests need. */
static void
world_of_records(struct world *w)
{
	world_begin(w);
	add_txt(w, "pass.example", "v=spf1 ip4:192.0.2.0/24 -all");
	add_txt(w, "fail.example", "v=spf1 ip4:198.51.100.0/24 -all");
	add_txt(w, "soft.example", "v=spf1 ~all exp=never.example");
	add_txt(w, "exp.example", "v=spf1 -all exp=why.example");
	add_txt(w, "why.example", "%{i}-is-not-%{d}");
	add_txt(w, "broken.example", "v=spf1 ip4:300.0.0.1 -all");
	add_txt(w, "tree.example",
	    "v=spf1 a:a.example mx:m.example include:inc.example -all");
	add_address(w, "a.example", "203.0.113.1");
	add_names(w, SPF_RR_MX, "m.example", "h1.example", "h2.example");
	add_address(w, "h1.example", "203.0.113.2");
	add_address(w, "h2.example", "203.0.113.3");
	add_txt(w, "inc.example", "v=spf1 include:inc2.example ?all");
	add_txt(w, "inc2.example", "v=spf1 a:last.example -all");
	add_address(w, "last.example", "192.0.2.1");
	add_txt(w, "six.example", "v=spf1 a -all");
	add_address(w, "six.example", "2001:db8::1");
	add_txt(w, "ptr.example", "v=spf1 ptr -all");
	add_names(
	    w, SPF_RR_PTR, "1.2.0.192.in-addr.arpa", "x.ptr.example", "y");
	add_address(w, "x.ptr.example", "192.0.2.1");
	add(w, "late.example",
	    spf_answer_failure(SPF_RR_TXT, SPF_CAUSE_SERVFAIL));
	add_txt(w, "zero.example", "v=spf1 ip4:192.0.2.1/0 -all");
	add_txt(w, "macro.example", "v=spf1 exists:%{l}.%{o}.m.example -all");
	add_address(w, "me.macro.example.m.example", "127.0.0.2");
	add_txt(w, "pass.example._spf.delegate.example", "v=spf1 -all");
	add_txt(w, "none.example._spf.delegate.example", "v=spf1 +all");
	add_txt(w, "xn--bcher-kva.example", "v=spf1 +all");
	struct mf_text two[2] = {
	    MF_TEXT("v=spf1 -all"), MF_TEXT("v=spf1 +all")};
	add(w, "two.example", spf_answer_txt(two, 2));
}

/* --- names ------------------------------------------------------------- */

static void
names(void **state)
{
	enum spf_engine engine = SPF_ENGINE_NATIVE;

	(void)state;
	for (unsigned i = 0; i <= SPF_ENGINE_AUDIT; i++) {
		const char *name = spf_engine_text((enum spf_engine)i);

		assert_true(spf_engine_parse(mf_text_of(name), &engine));
		assert_int_equal(engine, i);
	}
	assert_false(spf_engine_parse(MF_TEXT("Native"), &engine));
	assert_false(spf_engine_parse(MF_TEXT(""), &engine));
	assert_int_equal(engine, SPF_ENGINE_AUDIT);
	for (unsigned i = 0; i < SPF_OPINIONS; i++)
		assert_string_not_equal(
		    spf_opinion_text((enum spf_opinion)i), "?");
}

/* --- verdicts ---------------------------------------------------------- */

struct expected {
	const char *ip, *sender;
	enum spf_result result;
	const char *explanation;
};

/* What libspf2 says; where it is wrong, we say so. */
static const struct expected verdicts[] = {
    {"192.0.2.1", "me@pass.example", SPF_PASS, ""},
    {"::ffff:192.0.2.1", "me@pass.example", SPF_PASS, ""},
    {"192.0.2.1", "me@fail.example", SPF_FAIL, "DEFAULT"},
    {"192.0.2.1", "me@soft.example", SPF_SOFTFAIL, ""},
    {"192.0.2.1", "me@exp.example", SPF_FAIL, "192.0.2.1-is-not-exp.example"},
    {"192.0.2.1", "me@broken.example", SPF_PERMERROR, ""},
    {"192.0.2.1", "me@none.example", SPF_NONE, ""},
    {"192.0.2.1", "me@a..example", SPF_NONE, ""},
    {"192.0.2.1", "me@late.example", SPF_TEMPERROR, ""},
    {"192.0.2.1", "me@two.example", SPF_PERMERROR, ""},
    {"192.0.2.1", "me@tree.example", SPF_PASS, ""},
    {"198.51.100.7", "me@tree.example", SPF_FAIL, "DEFAULT"},
    {"203.0.113.3", "me@tree.example", SPF_PASS, ""},
    {"2001:db8::1", "me@six.example", SPF_PASS, ""},
    {"2001:db8::2", "me@six.example", SPF_FAIL, "DEFAULT"},
    {"192.0.2.1", "me@ptr.example", SPF_PASS, ""},
    {"192.0.2.1", "me@macro.example", SPF_PASS, ""},
    {"192.0.2.1", "you@macro.example", SPF_FAIL, "DEFAULT"},
    {"192.0.2.1",
	"me@b\xc3\xbc"
	"cher.example",
	SPF_PASS, ""},
    {"127.0.0.1", "me@fail.example", SPF_PASS, ""},     /* wrong */
    {"10.0.0.1", "me@zero.example", SPF_PERMERROR, ""}, /* wrong */
};

static void
same_as(const struct expected *want, const struct spf_verdict *v,
    enum spf_opinion opinion)
{
	if (opinion != SPF_OPINION_GIVEN || v->result != want->result ||
	    strcmp(v->explanation, want->explanation) != 0)
		fail_msg("%s %s: %s, %s \"%s\" (%s)", want->ip, want->sender,
		    spf_opinion_text(opinion), spf_result_text(v->result),
		    v->explanation, v->problem);
	bool error = v->result == SPF_PERMERROR || v->result == SPF_TEMPERROR;
	assert_true(error || v->problem[0] == '\0');
}

static void
all_known(void **state)
{
	struct world w;

	(void)state;
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		struct spf_request q =
		    request_of(verdicts[i].ip, verdicts[i].sender);
		struct spf_source source = source_of(&w);
		struct spf_verdict v;
		enum spf_opinion opinion;

		assert_int_equal(
		    spf_libspf2_evaluate(&q, &source, &v, &opinion), SPF_OK);
		same_as(&verdicts[i], &v, opinion);
	}
	world_end(&w);
}

/* Answers come one by one, or all that were asked for; never is one asked for
 * twice. */
static void
drive(struct world *w, const struct expected *want, bool sequential)
{
	struct spf_request q = request_of(want->ip, want->sender);
	struct spf_source source = source_of(w);
	struct spf_verdict v;
	enum spf_opinion opinion;
	enum spf_status status;

	w->all_known = false;
	for (size_t i = 0; i < w->count; i++)
		w->entries[i].known = false;
	q.sequential = sequential;
	for (unsigned rounds = 0;; rounds++) {
		w->missing_count = 0;
		status = spf_libspf2_evaluate(&q, &source, &v, &opinion);
		assert_int_equal(
		    status, w->missing_count == 0 ? SPF_OK : SPF_PENDING);
		if (status == SPF_OK)
			break;
		assert_true(!sequential || w->missing_count == 1);
		assert_true(rounds < ENTRIES_MAX);
		for (size_t i = 0; i < w->missing_count; i++)
			w->missing[i]->known = true;
	}
	same_as(want, &v, opinion);
	w->all_known = true;
}

static void
pending(void **state)
{
	struct world w;

	(void)state;
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		drive(&w, &verdicts[i], true);
		drive(&w, &verdicts[i], false);
	}
	world_end(&w);
}

static enum spf_result
result_of(struct world *w, const struct spf_request *q, struct spf_verdict *v)
{
	struct spf_source source = source_of(w);
	enum spf_opinion opinion;

	assert_int_equal(spf_libspf2_evaluate(q, &source, v, &opinion), SPF_OK);
	assert_int_equal(opinion, SPF_OPINION_GIVEN);
	return v->result;
}

static void
options(void **state)
{
	struct spf_record *guess = spf_record_compile(MF_TEXT("v=spf1 +all"));
	struct spf_record *broken = spf_record_compile(MF_TEXT("v=spf1 foo"));
	struct spf_request q = request_of("192.0.2.1", "me@none.example");
	struct spf_verdict v;
	struct world w;

	(void)state;
	world_of_records(&w);
	q.best_guess = guess;
	assert_int_equal(result_of(&w, &q, &v), SPF_PASS);
	assert_true(v.guessed && !v.delegated);
	q.delegate = MF_TEXT("Delegate.example");
	assert_int_equal(result_of(&w, &q, &v), SPF_PASS);
	assert_true(v.delegated && !v.guessed);
	q.sender = MF_TEXT("me@pass.example");
	assert_int_equal(result_of(&w, &q, &v), SPF_PASS);
	assert_false(v.delegated || v.guessed);
	assert_string_equal(v.domain, "pass.example");
	/* A guess with an error is none: the domain hasn't published it. */
	q = request_of("192.0.2.1", "me@none.example");
	q.best_guess = broken;
	assert_int_equal(result_of(&w, &q, &v), SPF_NONE);
	assert_false(v.guessed);
	assert_string_equal(v.problem, "");
	/* Identities. */
	q = request_of("198.51.100.1", "");
	q.helo = MF_TEXT("fail.example");
	assert_int_equal(result_of(&w, &q, &v), SPF_PASS);
	q.sender = MF_TEXT("me@pass.example");
	q.identity = SPF_HELO;
	assert_int_equal(result_of(&w, &q, &v), SPF_PASS);
	assert_string_equal(v.domain, "fail.example");
	spf_record_free(broken);
	spf_record_free(guess);
	world_end(&w);
}

/* exp= of a softfail, and within an include, costs nothing. */
static void
explanations_wait(void **state)
{
	struct spf_request q = request_of("192.0.2.1", "me@soft.example");
	struct spf_verdict v;
	struct world w;

	(void)state;
	world_of_records(&w);
	assert_int_equal(result_of(&w, &q, &v), SPF_SOFTFAIL);
	assert_int_equal(w.lookups, 1);
	assert_int_equal(v.lookups, 1);
	world_end(&w);
}

/* --- guards ------------------------------------------------------------ */

/* Repeats of pieces: "A*3,%{d}*2" is AAA%{d}%{d}. */
static const char *
pieces(char out[static RECORD_SIZE], const char *start, const char *first,
    unsigned first_count, const char *second, unsigned second_count,
    const char *third, unsigned third_count)
{
	struct text_out o = text_out(out, RECORD_SIZE - 1);

	out_str(&o, start);
	while (first_count-- > 0)
		out_str(&o, first);
	while (second_count-- > 0)
		out_str(&o, second);
	while (third_count-- > 0)
		out_str(&o, third);
	assert_false(o.full);
	out[o.len] = '\0';
	return out;
}

static const struct {
	const char *start, *first;
	unsigned first_count;
	const char *second;
	unsigned second_count;
	const char *third;
	unsigned third_count;
	bool record_ok, text_ok;
} guarded[] = {
    {"v=spf1 -all", "", 0, "", 0, "", 0, true, true},
    {"v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all", "", 0, "", 0, "", 0, true,
	true},
    {"v=spf1 include:", "a", 230, ".example", 1, "", 0, true, true},
    {"v=spf1", " ip4:192.0.2.0/24", 60, " -all", 1, "", 0, true, false},
    /* Literals over 255. */
    {"v=spf1 a:", "A", 260, "", 0, "", 0, false, false},
    /* CVE-2023-42118: 508 of 511 octets, then a literal of any length. */
    {"v=spf1 exists:", "%{d}", 127, "A", 3900, "", 0, false, false},
    {"", "%{d}", 127, "A", 60, "", 0, false, false},
    {"", "%{d}", 119, "A", 60, "", 0, false, false},
    {"", "B%{d}", 42, "%{d}", 1, "A", 60, false, false},
    {"", "BBBBBBBB%{d}", 31, "%{d}", 3, "A", 60, false, false},
    {"",
	"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB%{d}",
	4, "%{d}", 19, "A", 60, false, false},
    {"", "B {d}", 42, " {d}", 1, "A", 60, true, false},
    /* More than it is shown. */
    {"v=spf1", " ip4:192.0.2.0/24", 300, "", 0, "", 0, false, false},
};

static void
guards(void **state)
{
	char room[RECORD_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(guarded); i++) {
		struct mf_text text = mf_text_of(pieces(room, guarded[i].start,
		    guarded[i].first, guarded[i].first_count, guarded[i].second,
		    guarded[i].second_count, guarded[i].third,
		    guarded[i].third_count));

		if (guard_record_ok_(text) != guarded[i].record_ok)
			fail_msg("record %zu: %.200s", i, room);
		if (guard_text_ok_(text) != guarded[i].text_ok)
			fail_msg("text %zu: %.200s", i, room);
	}
	assert_false(guard_record_ok_(mf_text_at("v=spf1 \0 -all", 13)));
	assert_false(guard_text_ok_(mf_text_at("\0", 1)));
}

/* A record that would crash libspf2, and an explanation that would. */
static void
world_of_hostile(struct world *w, char room[static 2 * RECORD_SIZE])
{
	world_of_records(w);
	add_txt(w, "crash.example",
	    pieces(room, "v=spf1 exists:", "%{d}", 127, "A", 3900, "", 0));
	add_txt(w, "crash-inc.example", "v=spf1 include:crash.example -all");
	add_txt(w, "crash-exp.example", "v=spf1 -all exp=boom.example");
	add_txt(w, "boom.example",
	    pieces(room + RECORD_SIZE, "", "%{d}", 127, "A", 1000, "", 0));
}

static void
no_opinion(void **state)
{
	static char room[2 * RECORD_SIZE];
	static const char *const hostile[] = {
	    "me@crash.example", "me@crash-inc.example", "m\0e@pass.example"};
	struct world w;
	struct spf_source source = source_of(&w);
	struct spf_request q;
	struct spf_verdict v;
	enum spf_opinion opinion;

	(void)state;
	world_of_hostile(&w, room);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		q = request_of("192.0.2.1", hostile[i]);
		if (i == 2)
			q.sender.len = 16;
		assert_int_equal(
		    spf_libspf2_evaluate(&q, &source, &v, &opinion), SPF_OK);
		assert_int_equal(opinion, SPF_OPINION_REFUSED);
		assert_int_equal(v.result, SPF_TEMPERROR);
		assert_string_equal(v.problem, spf_opinion_text(opinion));
	}
	/* That it fails is certain without the explanation. */
	q = request_of("192.0.2.1", "me@crash-exp.example");
	assert_int_equal(
	    spf_libspf2_evaluate(&q, &source, &v, &opinion), SPF_OK);
	assert_int_equal(opinion, SPF_OPINION_GIVEN);
	assert_int_equal(v.result, SPF_FAIL);
	assert_string_equal(v.explanation, "DEFAULT");
	/* A guess is refused like a record. */
	struct spf_record *guess = spf_record_compile(mf_text_of(room));
	q = request_of("192.0.2.1", "me@none.example");
	q.best_guess = guess;
	assert_int_equal(spf_libspf2_evaluate(&q, &source, &v, NULL), SPF_OK);
	assert_int_equal(v.result, SPF_TEMPERROR);
	spf_record_free(guess);
	world_end(&w);
}

/* Nine includes in each record, five deep: 66,430 lookups if it may. */
static void
lookups_bounded(void **state)
{
	static char rooms[6][400], from[6][40];
	struct spf_request q = request_of("192.0.2.1", "me@t.example");
	struct world w;
	struct spf_source source = source_of(&w);
	struct spf_verdict v;
	enum spf_opinion opinion;

	(void)state;
	world_begin(&w);
	for (unsigned level = 0; level < 6; level++) {
		struct text_out o =
		    text_out(rooms[level], sizeof(rooms[0]) - 1);

		snprintf(from[level], sizeof(from[0]), "%.*st.example",
		    (int)(2 * level), "x.x.x.x.x.x.");
		out_str(&o, "v=spf1");
		for (unsigned i = 0; i < 9 && level < 5; i++) {
			out_str(&o, " include:x.");
			out_str(&o, from[level]);
		}
		out_str(&o, " ?all");
		assert_false(o.full);
		add_txt(&w, from[level], rooms[level]);
	}
	assert_int_equal(
	    spf_libspf2_evaluate(&q, &source, &v, &opinion), SPF_OK);
	assert_int_equal(opinion, SPF_OPINION_LOOKUPS);
	assert_int_equal(v.result, SPF_TEMPERROR);
	assert_int_equal(w.lookups, SPF_LIBSPF2_LOOKUPS_MAX);
	world_end(&w);
}

/* --- audit ------------------------------------------------------------- */

struct heard_audit {
	unsigned count;
	enum spf_audit_outcome outcome;
	enum spf_opinion opinion;
	enum spf_result native, libspf2;
};

static void
hear_audit(void *arg, const struct spf_audit *audit)
{
	struct heard_audit *heard_audit = arg;

	heard_audit->count++;
	heard_audit->outcome = audit->outcome;
	heard_audit->opinion = audit->opinion;
	heard_audit->native = audit->native->result;
	heard_audit->libspf2 = audit->libspf2->result;
	assert_non_null(audit->request);
	assert_string_not_equal(spf_audit_text(audit->outcome), "?");
}

static const struct {
	const char *ip, *sender;
	enum spf_audit_outcome outcome;
	enum spf_opinion opinion;
	enum spf_result native, libspf2;
} audits[] = {
    {"192.0.2.1", "me@pass.example", SPF_AUDIT_AGREED, SPF_OPINION_GIVEN,
	SPF_PASS, SPF_PASS},
    {"192.0.2.1", "me@exp.example", SPF_AUDIT_AGREED, SPF_OPINION_GIVEN,
	SPF_FAIL, SPF_FAIL},
    {"10.0.0.1", "me@zero.example", SPF_AUDIT_RESULT, SPF_OPINION_GIVEN,
	SPF_PASS, SPF_PERMERROR},
    {"192.0.2.1", "me@blank.example", SPF_AUDIT_EXPLANATION, SPF_OPINION_GIVEN,
	SPF_FAIL, SPF_FAIL},
    {"192.0.2.1", "me@crash.example", SPF_AUDIT_SILENT, SPF_OPINION_REFUSED,
	SPF_PERMERROR, SPF_TEMPERROR},
    /* Native sees the syntax error, libspf2 goes on to an a. */
    {"192.0.2.1", "me@lax.example", SPF_AUDIT_SILENT, SPF_OPINION_LACKING,
	SPF_PERMERROR, SPF_TEMPERROR},
};

static void
audit_reports(void **state)
{
	static char room[2 * RECORD_SIZE];
	struct heard_audit heard_audit = {0};
	struct spf_engine_params params = {.engine = SPF_ENGINE_AUDIT,
	    .in_process = spf_libspf2_evaluate,
	    .audited = hear_audit,
	    .arg = &heard_audit};
	struct spf_engine_stats stats;
	struct spf_engine_ctx *ctx;
	struct world w;
	struct spf_source source = source_of(&w);

	(void)state;
	world_of_hostile(&w, room);
	add_txt(&w, "blank.example", "v=spf1 -all exp=words.example");
	add_txt(&w, "words.example", "with blanks");
	add_txt(&w, "lax.example", "v=spf1 a:1.2.3.4 -all");
	assert_int_equal(spf_engine_new(&params, &ctx), SPF_ENGINE_OK);
	for (size_t i = 0; i < COUNT(audits); i++) {
		struct spf_request q =
		    request_of(audits[i].ip, audits[i].sender);
		struct spf_verdict v;
		enum spf_opinion opinion;

		assert_int_equal(
		    spf_engine_evaluate(ctx, &q, &source, &v, &opinion),
		    SPF_OK);
		assert_int_equal(heard_audit.count, i + 1);
		assert_int_equal(heard_audit.outcome, audits[i].outcome);
		assert_int_equal(heard_audit.opinion, audits[i].opinion);
		assert_int_equal(opinion, audits[i].opinion);
		assert_int_equal(heard_audit.native, audits[i].native);
		assert_int_equal(heard_audit.libspf2, audits[i].libspf2);
		assert_int_equal(v.result, audits[i].native);
	}
	spf_engine_stats(ctx, &stats);
	assert_int_equal(stats.differences, 1);
	assert_int_equal(stats.opinions[SPF_OPINION_GIVEN], 4);
	/* Native pending: nobody is told. */
	struct spf_request q = request_of("192.0.2.1", "me@pass.example");
	struct spf_verdict v;
	w.all_known = false;
	assert_int_equal(
	    spf_engine_evaluate(ctx, &q, &source, &v, NULL), SPF_PENDING);
	assert_int_equal(heard_audit.count, COUNT(audits));
	spf_engine_free(ctx);
	world_end(&w);
}

static void
native_engine(void **state)
{
	struct spf_engine_params params = SPF_ENGINE_PARAMS_DEFAULT;
	struct spf_engine_ctx *ctx;
	struct spf_request q = request_of("10.0.0.1", "me@zero.example");
	struct world w;
	struct spf_source source = source_of(&w);
	struct spf_verdict v;
	enum spf_opinion opinion = SPF_OPINION_FAILED;

	(void)state;
	world_of_records(&w);
	assert_int_equal(spf_engine_new(&params, &ctx), SPF_ENGINE_OK);
	assert_int_equal(
	    spf_engine_evaluate(ctx, &q, &source, &v, &opinion), SPF_OK);
	assert_int_equal(opinion, SPF_OPINION_GIVEN);
	assert_int_equal(v.result, SPF_PASS);
	spf_engine_free(ctx);
	world_end(&w);
}

/* libspf2 isn't asked about an address that nobody knows. */
static void
address_unknown(void **state)
{
	static const enum spf_engine engines[] = {
	    SPF_ENGINE_NATIVE, SPF_ENGINE_LIBSPF2, SPF_ENGINE_AUDIT};
	struct spf_request q = {
	    .ip_unknown = true, .sender = MF_TEXT("me@pass.example")};
	struct heard_audit heard_audit = {0};
	struct world w;
	struct spf_source source = source_of(&w);

	(void)state;
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(engines); i++) {
		struct spf_engine_params params = {.engine = engines[i],
		    .in_process = spf_libspf2_evaluate,
		    .audited = hear_audit,
		    .arg = &heard_audit};
		struct spf_engine_ctx *ctx;
		struct spf_verdict v;

		assert_int_equal(spf_engine_new(&params, &ctx), SPF_ENGINE_OK);
		assert_int_equal(
		    spf_engine_evaluate(ctx, &q, &source, &v, NULL), SPF_OK);
		assert_int_equal(v.result, SPF_TEMPERROR);
		spf_engine_free(ctx);
	}
	assert_int_equal(heard_audit.count, 0);
	world_end(&w);
}

/* --- helpers ----------------------------------------------------------- */

static const char *
program(const char *name)
{
	static char path[4096];
	char relative[1000];
	const char *build = getenv("BUILD");

	snprintf(relative, sizeof(relative), "%s/%s",
	    build != NULL ? build : "build", name);
	if (realpath(relative, path) == NULL)
		fail_msg("no %s", relative);
	return path;
}

#define HELPER   program("spf-libspf2")
#define CRASHING program("tests/engine/spf-libspf2-crashing")

/* A check in a helper. */
static enum spf_opinion
ask(struct helpers *helpers, struct world *w, const char *sender,
    struct spf_verdict *v)
{
	struct spf_request q = request_of("192.0.2.1", sender);
	struct spf_source source = source_of(w);
	enum spf_opinion opinion = SPF_OPINIONS;

	assert_int_equal(
	    helpers_evaluate_(helpers, &q, &source, v, &opinion), SPF_OK);
	if (opinion != SPF_OPINION_GIVEN)
		assert_int_equal(v->result, SPF_TEMPERROR);
	return opinion;
}

static void
passes(struct helpers *helpers, struct world *w)
{
	struct spf_verdict v;

	assert_int_equal(
	    ask(helpers, w, "me@pass.example", &v), SPF_OPINION_GIVEN);
	assert_int_equal(v.result, SPF_PASS);
}

static struct helpers *
start(const char *path, unsigned count, unsigned timeout_ms)
{
	struct helpers *helpers;

	assert_int_equal(
	    helpers_new_(path, count, timeout_ms, &helpers), SPF_ENGINE_OK);
	return helpers;
}

static void
helper_says_the_same(void **state)
{
	struct helpers *helpers = start(HELPER, 1, 5000);
	struct world w;
	struct spf_source source = source_of(&w);

	(void)state;
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		struct spf_request q =
		    request_of(verdicts[i].ip, verdicts[i].sender);
		struct spf_verdict v;
		enum spf_opinion opinion;

		w.all_known = true;
		assert_int_equal(
		    helpers_evaluate_(helpers, &q, &source, &v, &opinion),
		    SPF_OK);
		same_as(&verdicts[i], &v, opinion);
		/* And is pending where the same is missing. */
		for (size_t k = 0; k < w.count; k++)
			w.entries[k].known = false;
		w.all_known = false;
		w.missing_count = 0;
		enum spf_status there =
		    helpers_evaluate_(helpers, &q, &source, &v, &opinion);
		size_t missing = w.missing_count;
		w.missing_count = 0;
		assert_int_equal(
		    there, spf_libspf2_evaluate(&q, &source, &v, &opinion));
		assert_int_equal(missing, w.missing_count);
	}
	world_end(&w);
	helpers_free_(helpers);
}

static void
helper_guess(void **state)
{
	struct helpers *helpers = start(HELPER, 1, 5000);
	struct spf_record *guess = spf_record_compile(MF_TEXT("v=spf1 +all"));
	struct spf_request q = request_of("192.0.2.1", "me@none.example");
	struct world w;
	struct spf_source source = source_of(&w);
	struct spf_verdict v;

	(void)state;
	world_of_records(&w);
	q.best_guess = guess;
	assert_int_equal(
	    helpers_evaluate_(helpers, &q, &source, &v, NULL), SPF_OK);
	assert_int_equal(v.result, SPF_PASS);
	assert_true(v.guessed);
	assert_string_equal(v.domain, "none.example");
	spf_record_free(guess);
	world_end(&w);
	helpers_free_(helpers);
}

static void
helper_killed(void **state)
{
	struct helpers *helpers = start(HELPER, 1, 5000);
	struct world w;
	struct spf_verdict v;
	uint64_t starts;
	int status;

	(void)state;
	world_of_records(&w);
	w.victims = helpers;
	passes(helpers, &w);
	w.victim_signal = SIGKILL;
	assert_int_equal(
	    ask(helpers, &w, "me@tree.example", &v), SPF_OPINION_DIED);
	passes(helpers, &w);
	/* While nobody asked it anything: nobody notices. */
	kill(helpers_pid_(helpers, 0), SIGKILL);
	waitpid(helpers_pid_(helpers, 0), &status, 0);
	passes(helpers, &w);
	helpers_stats_(helpers, &starts, &status);
	assert_int_equal(starts, 3);
	/* It hangs. */
	helpers_free_(helpers);
	helpers = start(HELPER, 1, 200);
	w.victims = helpers;
	w.victim_signal = SIGSTOP;
	assert_int_equal(
	    ask(helpers, &w, "me@tree.example", &v), SPF_OPINION_LATE);
	passes(helpers, &w);
	helpers_stats_(helpers, &starts, &status);
	assert_true(WIFSIGNALED(status));
	world_end(&w);
	helpers_free_(helpers);
}

/* Ten starts in a row, and no more. */
static void
helper_starts_bounded(void **state)
{
	struct helpers *helpers = start(HELPER, 1, 5000);
	struct world w;
	struct spf_verdict v;
	uint64_t starts;
	int status;

	(void)state;
	world_of_records(&w);
	w.victims = helpers;
	for (unsigned i = 0; i < 10; i++) {
		w.victim_signal = SIGKILL;
		assert_int_equal(
		    ask(helpers, &w, "me@tree.example", &v), SPF_OPINION_DIED);
	}
	w.victim_signal = 0;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask(helpers, &w, "me@pass.example", &v),
		    SPF_OPINION_UNAVAILABLE);
	helpers_stats_(helpers, &starts, &status);
	assert_int_equal(starts, 10);
	world_end(&w);
	helpers_free_(helpers);
}

/* What the guard is for, and what is left where it didn't stand. */
static void
helper_crashes(void **state)
{
	static char room[2 * RECORD_SIZE];
	static const char *const hostile[] = {
	    "me@crash.example", "me@crash-inc.example", "me@crash-exp.example"};
	struct helpers *guarded_helpers = start(HELPER, 1, 5000);
	struct helpers *helpers = start(CRASHING, 1, 5000);
	struct world w;
	struct spf_verdict v;
	uint64_t starts;
	int status;

	(void)state;
	world_of_hostile(&w, room);
	for (size_t i = 0; i < COUNT(hostile); i++) {
		assert_int_equal(
		    ask(helpers, &w, hostile[i], &v), SPF_OPINION_DIED);
		passes(helpers, &w);
		assert_int_equal(ask(guarded_helpers, &w, hostile[i], &v),
		    i < 2 ? SPF_OPINION_REFUSED : SPF_OPINION_GIVEN);
		passes(guarded_helpers, &w);
	}
	helpers_stats_(helpers, &starts, &status);
	assert_int_equal(starts, 1 + COUNT(hostile));
	helpers_stats_(guarded_helpers, &starts, &status);
	assert_int_equal(starts, 1);
	world_end(&w);
	helpers_free_(helpers);
	helpers_free_(guarded_helpers);
}

/* Programs that are no helpers. */
static void
helper_wrong(void **state)
{
	struct helpers *helpers;
	struct world w;
	struct spf_verdict v;

	(void)state;
	assert_int_equal(helpers_new_("/nonexistent/helper", 1, 500, &helpers),
	    SPF_ENGINE_NO_HELPER);
	/* Where posix_spawn() can't tell, there is just no hello. */
	assert_true(errno == ENOENT || errno == 0);
	assert_null(helpers);
	assert_int_equal(
	    helpers_new_(NULL, 1, 500, &helpers), SPF_ENGINE_NO_HELPER);
	assert_int_equal(
	    helpers_new_("/bin/true", 1, 500, &helpers), SPF_ENGINE_NO_HELPER);
	assert_int_equal(errno, 0);
	assert_int_equal(
	    helpers_new_(scratch_write("silent",
			     MF_TEXT("#!/bin/sh\nexec /bin/sleep 30\n"), 0700),
		1, 100, &helpers),
	    SPF_ENGINE_NO_HELPER);
	/* They say hello, and then nonsense. */
	static const char *const nonsense[] = {"V", "L\\000\\000\\001-x",
	    "L\\000\\000\\003A.b", "H\\000\\001x", "A\\000",
	    "V\\000\\000\\011\\000\\000\\000\\000\\000\\000"};
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(nonsense); i++) {
		char script[500];

		snprintf(script, sizeof(script),
		    "#!/bin/sh\nprintf 'H\\000\\015spf-libspf2 2' >&0\n"
		    "printf '%s' >&0\nexec /bin/sleep 30\n",
		    nonsense[i]);
		helpers =
		    start(scratch_write("babbles", mf_text_of(script), 0700), 1,
			2000);
		enum spf_opinion opinion =
		    ask(helpers, &w, "me@pass.example", &v);
		if (i != 1)
			assert_int_equal(opinion, SPF_OPINION_GARBLED);
		else /* "-x" may be asked for; then it says no more */
			assert_int_not_equal(opinion, SPF_OPINION_GIVEN);
		helpers_free_(helpers);
	}
	world_end(&w);
}

struct crew {
	struct helpers *helpers;
	struct world *world;
	unsigned wrong, late;
};

static const struct spf_answer *
lookup_quietly(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct world *w = arg;

	for (size_t i = 0; i < w->count; i++)
		if (w->entries[i].rr == rr &&
		    mf_text_eq(mf_text_of(w->entries[i].name), name))
			return w->entries[i].answer;
	return w->nothing[rr];
}

static void *
work(void *arg)
{
	struct crew *crew = arg;
	struct spf_source source = {
	    .lookup = lookup_quietly, .arg = crew->world};

	for (size_t i = 0; i < 10 * COUNT(verdicts); i++) {
		const struct expected *want = &verdicts[i % COUNT(verdicts)];
		struct spf_request q = {.sender = mf_text_of(want->sender),
		    .helo = MF_TEXT("helo.example")};
		struct spf_verdict v;
		enum spf_opinion opinion;

		spf_ip_parse(mf_text_of(want->ip), &q.ip);
		helpers_evaluate_(crew->helpers, &q, &source, &v, &opinion);
		crew->late += opinion == SPF_OPINION_LATE;
		crew->wrong += opinion == SPF_OPINION_GIVEN
		    ? v.result != want->result
		    : opinion != SPF_OPINION_LATE;
	}
	return NULL;
}

static void
helper_threads(void **state)
{
	struct helpers *helpers = start(HELPER, 3, 10000);
	struct crew crew[8];
	pthread_t threads[8];
	struct world w;
	uint64_t starts;
	int status;

	(void)state;
	world_of_records(&w);
	for (size_t i = 0; i < COUNT(threads); i++) {
		crew[i] = (struct crew){helpers, &w, 0, 0};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &crew[i]), 0);
	}
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < COUNT(threads); i++) {
		assert_int_equal(crew[i].wrong, 0);
		assert_int_equal(crew[i].late, 0);
	}
	helpers_stats_(helpers, &starts, &status);
	assert_in_range(starts, 1, 3);
	world_end(&w);
	helpers_free_(helpers);
}

static unsigned
open_files(const char *process)
{
	char path[64];
	unsigned count = 0;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%s/fd", process);
	DIR *dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Nothing is left behind here, and nothing gets there. */
static void
helper_files(void **state)
{
	unsigned before = open_files("self");
	int leak = open("/dev/null", O_RDONLY); /* without CLOEXEC */
	struct helpers *helpers = start(HELPER, 2, 5000);
	struct world w;
	char process[24];

	(void)state;
	world_of_records(&w);
	passes(helpers, &w);
	snprintf(process, sizeof(process), "%d", (int)helpers_pid_(helpers, 0));
	unsigned there = open_files(process);
	if (there != 0) /* it can be seen */
		assert_int_equal(there, 3);
	helpers_free_(helpers);
	close(leak);
	assert_int_equal(open_files("self"), before);
	world_end(&w);
}

/* --- messages ---------------------------------------------------------- */

static void
request_travels(void **state)
{
	static char room[WIRE_SIZE], large[WIRE_TEXT_MAX + 1];
	struct text_out out = text_out(room, sizeof(room));
	struct spf_request q = request_of("2001:db8::7", "me@pass.example");
	struct spf_record *guess = spf_record_compile(MF_TEXT("v=spf1 a"));
	struct spf_request got;
	struct mf_text text;

	(void)state;
	q.identity = SPF_HELO;
	q.sequential = true;
	q.delegate = MF_TEXT("delegate.example");
	q.best_guess = guess;
	assert_true(wire_put_request_(&out, &q));
	assert_true(wire_get_request_(out_view(&out), &got, &text));
	assert_memory_equal(&got.ip, &q.ip, sizeof(q.ip));
	assert_int_equal(got.identity, SPF_HELO);
	assert_true(got.sequential);
	assert_int_equal(got.now_sec, NOW);
	assert_true(mf_text_eq(got.sender, q.sender));
	assert_true(mf_text_eq(got.helo, q.helo));
	assert_true(mf_text_eq(got.receiver, q.receiver));
	assert_true(mf_text_eq(got.delegate, q.delegate));
	assert_true(mf_text_eq(got.default_explanation, q.default_explanation));
	assert_true(mf_text_eq(text, MF_TEXT("v=spf1 a")));
	q.sender = mf_text_at(large, sizeof(large));
	out = text_out(room, sizeof(room));
	assert_false(wire_put_request_(&out, &q));
	spf_record_free(guess);
}

static void
same_answer(const struct spf_answer *a, const struct spf_answer *b)
{
	assert_int_equal(a->rr, b->rr);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->spf_records, b->spf_records);
	assert_true(mf_text_eq(a->only_text, b->only_text));
	if (a->record != NULL)
		assert_true(mf_text_eq(
		    spf_record_text(a->record), spf_record_text(b->record)));
	assert_int_equal(b->count,
	    a->names != NULL && a->count > WIRE_NAMES_MAX ? WIRE_NAMES_MAX
							  : a->count);
	for (size_t i = 0; i < b->count && a->names != NULL; i++)
		assert_true(mf_text_eq(a->names[i], b->names[i]));
	if (a->addresses != NULL)
		assert_memory_equal(a->addresses, b->addresses,
		    a->count * (a->rr == SPF_RR_AAAA ? 16 : 4));
}

static void
answer_travels(const struct spf_answer *a)
{
	static char room[WIRE_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	const struct spf_answer *got;

	assert_non_null(a);
	assert_true(wire_put_answer_(&out, a));
	assert_true(wire_get_answer_(out_view(&out), a->rr, &got));
	same_answer(a, got);
	spf_answer_free(got);
	assert_false(wire_get_answer_(
	    out_view(&out), a->rr == SPF_RR_A ? SPF_RR_AAAA : SPF_RR_A, &got));
	for (size_t len = 0; len < out.len; len++)
		assert_false(wire_get_answer_(
		    text_head(out_view(&out), len), a->rr, &got));
	spf_answer_free(a);
}

static void
answers_travel(void **state)
{
	static uint8_t octets[16 * 4000];
	static char large[SPF_RECORD_MAX + 10] = "v=spf1 ";
	struct mf_text texts[20] = {MF_TEXT("v=spf1 -all"), MF_TEXT("other")};
	char room[16];
	struct text_out out = text_out(room, sizeof(room));
	const struct spf_answer *got;

	(void)state;
	answer_travels(spf_answer_txt(texts, 1));
	answer_travels(spf_answer_txt(texts, 2));
	answer_travels(spf_answer_txt(texts + 1, 1));
	texts[0] = texts[1];
	answer_travels(spf_answer_txt(texts, 2));
	texts[0] = texts[1] = MF_TEXT("v=spf1");
	answer_travels(spf_answer_txt(texts, 2));
	memset(large + 7, 'a', sizeof(large) - 7);
	texts[0] = mf_text_at(large, sizeof(large));
	answer_travels(spf_answer_txt(texts, 1));
	answer_travels(spf_answer_addresses(SPF_RR_A, octets, 3));
	answer_travels(spf_answer_addresses(SPF_RR_AAAA, octets, 2340));
	for (size_t i = 0; i < COUNT(texts); i++)
		texts[i] = i % 2 != 0 ? MF_TEXT("x.example") : MF_TEXT("");
	answer_travels(spf_answer_names(SPF_RR_MX, texts, 3));
	answer_travels(spf_answer_names(SPF_RR_PTR, texts, COUNT(texts)));
	answer_travels(spf_answer_void(SPF_RR_TXT));
	for (unsigned i = 1; i < SPF_CAUSE_COUNT; i++)
		answer_travels(
		    spf_answer_failure(SPF_RR_MX, (enum spf_cause)i));
	assert_true(wire_put_answer_(&out,
	    &(struct spf_answer){.rr = SPF_RR_MX, .status = SPF_DNS_ERROR}));
	assert_false(wire_get_answer_(out_view(&out), SPF_RR_MX, &got));
	out = text_out(room, sizeof(room));
	assert_true(wire_put_answer_(&out, NULL));
	assert_true(wire_get_answer_(out_view(&out), SPF_RR_A, &got));
	assert_null(got);
	/* More than a DNS message can hold. */
	static char message[WIRE_SIZE];
	struct spf_answer *a = spf_answer_addresses(SPF_RR_AAAA, octets, 4000);
	out = text_out(message, sizeof(message));
	assert_false(wire_put_answer_(&out, a));
	spf_answer_free(a);
}

static void
verdict_travels(void **state)
{
	struct spf_verdict v = {.result = SPF_FAIL,
	    .domain = "d.example",
	    .explanation = "because",
	    .problem = "none",
	    .terms = 3,
	    .lookups = 7,
	    .guessed = true};
	struct spf_verdict got;
	char room[2000];
	struct text_out out = text_out(room, sizeof(room));
	enum spf_status status;
	enum spf_opinion opinion;

	(void)state;
	assert_true(wire_put_verdict_(&out, SPF_OK, SPF_OPINION_GIVEN, &v));
	assert_true(wire_get_verdict_(out_view(&out), &status, &opinion, &got));
	assert_int_equal(status, SPF_OK);
	assert_int_equal(opinion, SPF_OPINION_GIVEN);
	assert_int_equal(got.result, SPF_FAIL);
	assert_string_equal(got.domain, v.domain);
	assert_string_equal(got.explanation, v.explanation);
	assert_string_equal(got.problem, v.problem);
	assert_int_equal(got.terms, 3);
	assert_int_equal(got.lookups, 7);
	assert_true(got.guessed && !got.delegated);
	assert_int_equal(got.cause, SPF_CAUSE_NONE);
	for (size_t len = 0; len < out.len; len++)
		assert_false(wire_get_verdict_(
		    text_head(out_view(&out), len), &status, &opinion, &got));
	/* A cause is that of a temperror. */
	v.cause = SPF_CAUSE_REFUSED;
	out = text_out(room, sizeof(room));
	assert_true(wire_put_verdict_(&out, SPF_OK, SPF_OPINION_GIVEN, &v));
	assert_false(
	    wire_get_verdict_(out_view(&out), &status, &opinion, &got));
	v.result = SPF_TEMPERROR;
	out = text_out(room, sizeof(room));
	assert_true(wire_put_verdict_(&out, SPF_OK, SPF_OPINION_GIVEN, &v));
	assert_true(wire_get_verdict_(out_view(&out), &status, &opinion, &got));
	assert_int_equal(got.cause, SPF_CAUSE_REFUSED);
	/* A line of a log or a header must not be forged. */
	v.explanation[3] = '\n';
	out = text_out(room, sizeof(room));
	assert_true(wire_put_verdict_(&out, SPF_OK, SPF_OPINION_GIVEN, &v));
	assert_false(
	    wire_get_verdict_(out_view(&out), &status, &opinion, &got));
	/* That it has died is for others to say. */
	out = text_out(room, sizeof(room));
	assert_true(wire_put_verdict_(&out, SPF_OK, SPF_OPINION_DIED, &v));
	assert_false(
	    wire_get_verdict_(out_view(&out), &status, &opinion, &got));
}

/* Whatever comes is read as one thing or as nothing. */
static void
garbage(void **state)
{
	static const char kinds[] = "HRLAV";
	uint64_t draw = 1;
	char octets[300];

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		size_t len = 1 + random_next(&draw) % sizeof(octets);
		struct mf_text message = mf_text_at(octets, len);
		struct spf_request q;
		struct spf_verdict v;
		const struct spf_answer *a;
		enum spf_status status;
		enum spf_opinion opinion;
		enum spf_rr rr;
		struct mf_text text;

		for (size_t k = 0; k < len; k++) {
			uint64_t n = random_next(&draw) >> 24;

			octets[k] = (char)(n % 3 == 0 ? n >> 8 : n >> 8 & 3);
		}
		octets[0] = kinds[i % 5];
		wire_get_hello_(message);
		wire_get_request_(message, &q, &text);
		if (wire_get_lookup_(message, &rr, &text))
			assert_true(spf_name_ok(text));
		for (unsigned k = 0; k <= SPF_RR_PTR; k++)
			if (wire_get_answer_(message, (enum spf_rr)k, &a))
				spf_answer_free(a);
		if (wire_get_verdict_(message, &status, &opinion, &v) &&
		    status == SPF_OK && opinion == SPF_OPINION_GIVEN)
			assert_true(text_is_printable(mf_text_of(v.problem)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(all_known),
	    cmocka_unit_test(pending),
	    cmocka_unit_test(options),
	    cmocka_unit_test(explanations_wait),
	    cmocka_unit_test(guards),
	    cmocka_unit_test(no_opinion),
	    cmocka_unit_test(lookups_bounded),
	    cmocka_unit_test(audit_reports),
	    cmocka_unit_test(native_engine),
	    cmocka_unit_test(address_unknown),
	    cmocka_unit_test(helper_says_the_same),
	    cmocka_unit_test(helper_guess),
	    cmocka_unit_test(helper_killed),
	    cmocka_unit_test(helper_starts_bounded),
	    cmocka_unit_test(helper_crashes),
	    cmocka_unit_test(helper_wrong),
	    cmocka_unit_test(helper_threads),
	    cmocka_unit_test(helper_files),
	    cmocka_unit_test(request_travels),
	    cmocka_unit_test(answers_travel),
	    cmocka_unit_test(verdict_travels),
	    cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests_name(
	    "engine", tests, scratch_setup, scratch_teardown);
}
