/* SPDX-License-Identifier: ISC */
/*
 * libspf/macro.c and name.c: RFC 7208 7, and what can be asked for (4.3, 4.8).
 */
#include "libspf/record_.h"
#include "tests/unit/support.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L64 "a" L63

/* Those of 7.4: strong-bad@email.example.com, 192.0.2.3 or 2001:db8::cb01. */
static struct macro_values_
values_of_7_4(const char *ip)
{
	struct macro_values_ v = {.local = MF_TEXT("strong-bad"),
	    .sender_domain = MF_TEXT("email.example.com"),
	    .domain = MF_TEXT("email.example.com"),
	    .validated = MF_TEXT("mx.example.org"),
	    .helo = MF_TEXT("mail.example.net"),
	    .receiver = MF_TEXT("mx1.example.edu"),
	    .now_sec = NOW};

	assert_true(spf_ip_parse(mf_text_of(ip), &v.ip));
	return v;
}

static void
expect_domain(
    struct mf_text spec, const struct macro_values_ *v, const char *want)
{
	char room[SPF_NAME_SIZE];
	size_t len = 0;

	memset(room, 'X', sizeof(room));
	if (!macro_expand_domain_(spec, v, room, &len)) {
		if (want != NULL)
			fail_msg("%.*s: no name, want %s", (int)spec.len,
			    spec.p, want);
		return;
	}
	assert_int_equal(room[len], '\0');
	if (want == NULL) {
		fail_msg(
		    "%.*s: want none, have %s", (int)spec.len, spec.p, room);
		return;
	}
	expect_str(spec.p, "name", room, want);
	expect_int(spec.p, "length", (long long)len, (long long)strlen(want));
}

/* --- syntax ------------------------------------------------------------- */

#define NO_BRACE  "\"%\" must be followed by \"{\", \"%\", \"_\" or \"-\""
#define NOT_OPEN  "unterminated or invalid macro"
#define NO_LETTER "unknown macro letter"
#define TEXT_ONLY "the macros c, r and t are for explanations only"
#define NO_PARTS  "a macro can't keep 0 parts"

static void
lengths(void **state)
{
	static const struct {
		struct mf_text t;
		size_t want;
		const char *why; /* in a domain */
	} rows[] = {
	    {MF_TEXT("%%"), 2, NULL},
	    {MF_TEXT("%_x"), 2, NULL},
	    {MF_TEXT("%-}"), 2, NULL},
	    {MF_TEXT("%{d}"), 4, NULL},
	    {MF_TEXT("%{D}x}"), 4, NULL},
	    {MF_TEXT("%{d1}"), 5, NULL},
	    {MF_TEXT("%{d010R.-+,/_=.}"), 16, NULL},
	    {MF_TEXT("%{dr}"), 5, NULL},
	    {MF_TEXT("%{c}"), 4, TEXT_ONLY},
	    {MF_TEXT("%{C}"), 4, TEXT_ONLY},
	    {MF_TEXT("%{r}"), 4, TEXT_ONLY},
	    {MF_TEXT("%{rr}"), 5, TEXT_ONLY},
	    {MF_TEXT("%{t}"), 4, TEXT_ONLY},
	    {MF_TEXT("%"), 0, NO_BRACE},
	    {MF_TEXT("%{"), 0, NO_BRACE},
	    {MF_TEXT("%{d"), 0, NO_BRACE},
	    {MF_TEXT("%x{d}"), 0, NO_BRACE},
	    {MF_TEXT("% {d}"), 0, NO_BRACE},
	    {MF_TEXT("%\0{d}"), 0, NO_BRACE},
	    {MF_TEXT("%{}}"), 0, NO_LETTER},
	    {MF_TEXT("%{a}"), 0, NO_LETTER},
	    {MF_TEXT("%{\xe4}"), 0, NO_LETTER},
	    {MF_TEXT("%{d0}"), 0, NO_PARTS},
	    {MF_TEXT("%{d000}"), 0, NO_PARTS},
	    {MF_TEXT("%{d-1}"), 0, NOT_OPEN},
	    {MF_TEXT("%{dr1}"), 0, NOT_OPEN},
	    {MF_TEXT("%{drr}"), 0, NOT_OPEN},
	    {MF_TEXT("%{d;}"), 0, NOT_OPEN},
	    {MF_TEXT("%{d\0}"), 0, NOT_OPEN},
	    {MF_TEXT("%{d12345"), 0, NOT_OPEN},
	    {MF_TEXT("%{d...."), 0, NOT_OPEN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text t = rows[i].t;
		const char *why = NULL;
		bool text_only = rows[i].want != 0 && rows[i].why != NULL;

		expect_int(t.p, "in a domain",
		    (long long)macro_length_(t, MACRO_IN_DOMAIN_, &why),
		    text_only ? 0 : (long long)rows[i].want);
		if (rows[i].why != NULL)
			expect_str(t.p, "why", why, rows[i].why);
		else
			assert_null(why);
		expect_int(t.p, "in a text",
		    (long long)macro_length_(t, MACRO_IN_TEXT_, &why),
		    (long long)rows[i].want);
	}
	/* The letters, all of them. */
	for (unsigned c = 0; c < 256; c++) {
		char t[] = {'%', '{', (char)c, '}'};
		const char *why;
		bool any = c != 0 && strchr("slodiphvSLODIPHV", (int)c) != NULL;
		bool text = c != 0 && strchr("crtCRT", (int)c) != NULL;

		expect_int("letter", "in a domain",
		    macro_length_(mf_text_at(t, 4), MACRO_IN_DOMAIN_, &why) !=
			0,
		    any);
		expect_int("letter", "in a text",
		    macro_length_(mf_text_at(t, 4), MACRO_IN_TEXT_, &why) != 0,
		    any || text);
	}
}

static void
texts_ok(void **state)
{
	static const struct {
		struct mf_text t;
		bool ok;
	} rows[] = {
	    {MF_TEXT(""), true},
	    {MF_TEXT("See http://%{d}/why?s=%{S}&c=%{C}&t=%{t}, 100%% of it."),
		true},
	    {MF_TEXT(" ~"), true}, {MF_TEXT("100%"), false},
	    {MF_TEXT("%{x}"), false}, {MF_TEXT("a\tb"), false},
	    {MF_TEXT("a\nb"), false}, {MF_TEXT("a\0b"), false},
	    {MF_TEXT("\x7f"), false},
	    {MF_TEXT("caf\xc3\xa9"), false}, /* 6.2: US-ASCII */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_int(
		    rows[i].t.p, "ok", macro_text_ok_(rows[i].t), rows[i].ok);
}

static void
needs_validated(void **state)
{
	static const struct {
		const char *t;
		bool needs;
	} rows[] = {
	    {"%{p}", true},
	    {"%{P2r}", true},
	    {"a.%{d}.%{p}", true},
	    {"%%%{p}", true},
	    {"%%{p}", false},
	    {"%%%%{p}", false},
	    {"%_%{p}", true},
	    {"%{d}p", false},
	    {"{p}", false},
	    {"%{", false},
	    {"%", false},
	    {"", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_int(rows[i].t, "needs p",
		    macro_needs_validated_(mf_text_of(rows[i].t)),
		    rows[i].needs);
}

/* --- names -------------------------------------------------------------- */

static void
examples(void **state)
{
	static const struct {
		const char *ip, *spec, *want;
	} rows[] = {
	    /* RFC 7208 7.4, in its order. */
	    {"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
	    {"192.0.2.3", "%{o}", "email.example.com"},
	    {"192.0.2.3", "%{d}", "email.example.com"},
	    {"192.0.2.3", "%{d4}", "email.example.com"},
	    {"192.0.2.3", "%{d3}", "email.example.com"},
	    {"192.0.2.3", "%{d2}", "example.com"},
	    {"192.0.2.3", "%{d1}", "com"},
	    {"192.0.2.3", "%{dr}", "com.example.email"},
	    {"192.0.2.3", "%{d2r}", "example.email"},
	    {"192.0.2.3", "%{l}", "strong-bad"},
	    {"192.0.2.3", "%{l-}", "strong.bad"},
	    {"192.0.2.3", "%{lr}", "strong-bad"},
	    {"192.0.2.3", "%{lr-}", "bad.strong"},
	    {"192.0.2.3", "%{l1r-}", "strong"},
	    {"192.0.2.3", "%{ir}.%{v}._spf.%{d2}",
		"3.2.0.192.in-addr._spf.example.com"},
	    {"192.0.2.3", "%{lr-}.lp._spf.%{d2}",
		"bad.strong.lp._spf.example.com"},
	    {"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		"bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
	    {"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		"3.2.0.192.in-addr.strong.lp._spf.example.com"},
	    {"192.0.2.3", "%{d2}.trusted-domains.example.net",
		"example.com.trusted-domains.example.net"},
	    {"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
		"1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0."
		"0.2.ip6._spf.example.com"},
	    /* The other letters. */
	    {"192.0.2.3", "%{i}.%{h}", "192.0.2.3.mail.example.net"},
	    {"192.0.2.3", "%{p}", "mx.example.org"},
	    {"2001:db8::cb01", "%{i}.example",
		"2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b."
		"0.1.example"},
	    {"::ffff:192.0.2.3", "%{ir}.%{v}.arpa", "3.2.0.192.in-addr.arpa"},
	    /* Digits and r. */
	    {"192.0.2.3", "%{d200}", "email.example.com"},
	    {"192.0.2.3", "%{d200r}", "com.example.email"},
	    {"192.0.2.3", "%{d002}", "example.com"},
	    {"192.0.2.3",
		"%{d99999999999999999999999999999999999999999999999999}",
		"email.example.com"},
	    {"192.0.2.3", "%{d1r}", "email"},
	    {"192.0.2.3", "%{D2R}", "example.email"},
	    {"192.0.2.3", "%{i3}.a", "0.2.3.a"},
	    {"192.0.2.3", "%{i1r}.a", "192.a"},
	    {"192.0.2.3", "%{d18446744073709551617}", "email.example.com"},
	    /* Delimiters: parts are joined by dots, whatever split them. */
	    {"192.0.2.3", "%{o-}", "email.example.com"},
	    {"192.0.2.3", "%{s-.}", "strong.bad@email.example.com"},
	    {"192.0.2.3", "%{s2.-}", "example.com"},
	    {"192.0.2.3", "%{sr.}", "com.example.strong-bad@email"},
	    {"192.0.2.3", "%{s_/=,+}", "strong-bad@email.example.com"},
	    {"192.0.2.3", "%{l1-}", "bad"},
	    /* Literals. */
	    {"192.0.2.3", "A.Example.", "a.example"},
	    {"192.0.2.3", "a%%b%_c%-d.example", "a%b c%20d.example"},
	    {"192.0.2.3", "%{l}%%", "strong-bad%"},
	    /* 7.3: upper-case letters escape; here all is lowered again. */
	    {"192.0.2.3", "%{S}", "strong-bad%40email.example.com"},
	    {"192.0.2.3", "%{L}.%{D2}", "strong-bad.example.com"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct macro_values_ v = values_of_7_4(rows[i].ip);

		expect_domain(mf_text_of(rows[i].spec), &v, rows[i].want);
	}
}

/* Hostile and odd values; NULL: no name that can be asked for. */
static void
odd_values(void **state)
{
	static const struct {
		const char *spec;
		struct mf_text local, helo;
		const char *want;
	} rows[] = {
	    {"%{l}", MF_TEXT("a.b."), MF_TEXT(""), "a.b"},
	    {"%{l}.x", MF_TEXT("a.b."), MF_TEXT(""), NULL},
	    {"%{l}.x", MF_TEXT(".a"), MF_TEXT(""), NULL},
	    {"%{l}.x", MF_TEXT("a..b"), MF_TEXT(""), NULL},
	    {"%{l1}.x", MF_TEXT("a..b"), MF_TEXT(""), "b.x"},
	    {"%{l2}.x", MF_TEXT("a..b"), MF_TEXT(""), NULL},
	    {"%{l1r}.x", MF_TEXT("a."), MF_TEXT(""), "a.x"},
	    {"%{l1}.x", MF_TEXT("a."), MF_TEXT(""), NULL},
	    {"%{l-}.x", MF_TEXT("--"), MF_TEXT(""), NULL},
	    {"%{lr+-}.x", MF_TEXT("a+b-c"), MF_TEXT(""), "c.b.a.x"},
	    {"%{h}", MF_TEXT(""), MF_TEXT(""), NULL},
	    {"x%{h}.y", MF_TEXT(""), MF_TEXT(""), "x.y"},
	    {"%{h}", MF_TEXT(""), MF_TEXT("."), NULL},
	    {"%{h}", MF_TEXT(""), MF_TEXT("A.Example."), "a.example"},
	    {"%{h}", MF_TEXT(""), MF_TEXT("[192.0.2.1]"), "[192.0.2.1]"},
	    {"%{h}.x", MF_TEXT(""), MF_TEXT("%{d}"), "%{d}.x"},
	    {"%{H}.x", MF_TEXT(""), MF_TEXT("%{d}"), "%25%7bd%7d.x"},
	    {"%{l}.x", MF_TEXT("a b\"\\"), MF_TEXT(""), "a b\"\\.x"},
	    {"%{l}.x", MF_TEXT("a\0b"), MF_TEXT(""), NULL},
	    {"%{l}.x", MF_TEXT("a\r\nb"), MF_TEXT(""), NULL},
	    {"%{l}.x", MF_TEXT("a\x7f"), MF_TEXT(""), NULL},
	    {"%{L}.x", MF_TEXT("a\0b\r\n"), MF_TEXT(""), "a%00b%0d%0a.x"},
	    {"%{l}.x", MF_TEXT("caf\xc3\xa9"), MF_TEXT(""), "caf\xc3\xa9.x"},
	    {"%{L}.x", MF_TEXT("caf\xc3\xa9"), MF_TEXT(""), "caf%c3%a9.x"},
	    {"%{l}.x", MF_TEXT(L63), MF_TEXT(""), L63 ".x"},
	    {"%{l}.x", MF_TEXT(L64), MF_TEXT(""), NULL},
	    {"%{h}", MF_TEXT(""), MF_TEXT("a." L64), NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct macro_values_ v = values_of_7_4("192.0.2.3");

		v.local = rows[i].local;
		v.helo = rows[i].helo;
		expect_domain(mf_text_of(rows[i].spec), &v, rows[i].want);
	}
}

/*
 * 7.3: "the left side is truncated to fit, by removing successive domain
 * labels (and their following dots) until the total length does not exceed 253
 * characters".
 */
static const char *
truncated(struct mf_text whole)
{
	static char room[SPF_NAME_SIZE];

	if (whole.len != 0 && whole.p[whole.len - 1] == '.')
		whole.len--;
	while (whole.len > 253) {
		size_t dot = text_find(whole, '.');

		if (dot == whole.len)
			return NULL;
		whole = text_from(whole, dot + 1);
	}
	if (!spf_name_ok(whole))
		return NULL;
	memcpy(room, whole.p, whole.len);
	room[whole.len] = '\0';
	ascii_lower_all(room, whole.len);
	return room;
}

/* One of a few pieces, to spec as it is written and to whole expanded. */
static void
add_piece(uint64_t dice, const struct macro_values_ *v, struct text_out *spec,
    struct text_out *whole)
{
	static const char literal[] =
	    "a.bc.def.ghij.klmno.pqrstu.vwxyz01.23456789.";

	switch (dice >> 61) {
	case 0:
	case 1:
		out_str(spec, "%{l}.");
		out_text(whole, v->local);
		break;
	case 2:
		out_str(spec, "%{h}.");
		out_text(whole, v->helo);
		break;
	case 3:
		out_str(spec, "%{d2}.");
		out_str(whole, "example.com");
		break;
	case 4:
		out_str(spec, ".");
		break;
	default: {
		struct mf_text t = mf_text_at(
		    literal, 1 + (dice >> 40) % (sizeof(literal) - 1));

		out_text(spec, t);
		out_text(whole, t);
		return;
	}
	}
	out_char(whole, '.');
}

static void
truncation(void **state)
{
	static char spec_room[4096], whole_room[200000];
	static char local[SPF_SENDER_MAX], helo[SPF_SENDER_MAX];
	struct macro_values_ v = values_of_7_4("192.0.2.3");
	uint64_t dice = 7208;
	unsigned names = 0, slid = 0;

	(void)state;
	for (unsigned n = 0; n < 20000; n++) {
		struct text_out spec = text_out(spec_room, sizeof(spec_room));
		struct text_out whole =
		    text_out(whole_room, sizeof(whole_room));
		uint64_t pieces = random_next(&dice) % (n % 100 + 1);

		v.local = mf_text_at(local, random_next(&dice) % sizeof(local));
		v.helo = mf_text_at(helo, random_next(&dice) % sizeof(helo));
		for (size_t i = 0; i < sizeof(local); i++) {
			local[i] = random_next(&dice) % 30 == 0 ? '.' : 'l';
			helo[i] = i % 61 == 60 ? '.' : 'H';
		}
		for (; pieces > 0; pieces--)
			add_piece(random_next(&dice), &v, &spec, &whole);
		/* Around the length at which the buffer slides, too. */
		if (n % 7 == 0)
			while (whole.len < 2040 + n % 23) {
				out_char(&spec, whole.len % 50 ? 'x' : '.');
				out_char(&whole, whole.len % 50 ? 'x' : '.');
			}
		out_str(&spec, ".com");
		out_str(&whole, ".com");
		assert_false(spec.full || whole.full);
		const char *want = truncated(out_view(&whole));

		expect_domain(out_view(&spec), &v, want);
		names += want != NULL;
		slid += want != NULL && whole.len > 2048;
	}
	assert_true(names > 2000 && slid > 500);
}

static void
truncation_edges(void **state)
{
	static char bomb[1000], flood[512];
	struct macro_values_ v = values_of_7_4("192.0.2.3");
	struct text_out out = text_out(bomb, sizeof(bomb));
	char spec[100], want[SPF_NAME_SIZE];

	(void)state;
	/* 253 octets are kept, of 254 a label goes. */
	v.local = MF_TEXT("b." L63 "." L63 "." L63);
	snprintf(spec, sizeof(spec), "%%{l}.%.57s.xyz.", L63);
	snprintf(want, sizeof(want), L63 "." L63 "." L63 ".%.57s.xyz", L63);
	assert_int_equal(strlen(want), 253);
	expect_domain(mf_text_of(spec), &v, want);
	snprintf(spec, sizeof(spec), "%%{l}.%.58s.xyz.", L63);
	snprintf(want, sizeof(want), L63 "." L63 ".%.58s.xyz", L63);
	expect_domain(mf_text_of(spec), &v, want);
	/* 120 macros of 512 octets without a dot: no label is left. */
	memset(flood, 'f', sizeof(flood));
	v.local = mf_text_at(flood, sizeof(flood));
	for (unsigned i = 0; i < 120; i++)
		out_str(&out, "%{l}");
	expect_domain(out_view(&out), &v, NULL);
	out_str(&out, ".a.example");
	expect_domain(out_view(&out), &v, "a.example");
}

/* --- explanations ------------------------------------------------------- */

static void
expect_explanation(
    struct mf_text spec, const struct macro_values_ *v, const char *want)
{
	char room[SPF_TEXT_SIZE];

	memset(room, 'X', sizeof(room));
	macro_expand_text_(spec, v, room);
	expect_str(spec.p, "text", room, want);
}

static void
explanations(void **state)
{
	static const struct {
		const char *ip, *spec, *want;
	} rows[] = {
	    {"192.0.2.3", "", ""},
	    {"192.0.2.3", "No mail from %{i} for %{d}.",
		"No mail from 192.0.2.3 for email.example.com."},
	    {"192.0.2.3", "%{c}|%{r}|%{t}",
		"192.0.2.3|mx1.example.edu|1700000000"},
	    {"2001:db8::cb01", "%{c} %{C}",
		"2001:db8::cb01 2001%3Adb8%3A%3Acb01"},
	    {"::ffff:192.0.2.3", "%{c} %{i} %{v}",
		"192.0.2.3 192.0.2.3 in-addr"},
	    {"2001:db8::cb01", "%{i}",
		"2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.C.B."
		"0.1"},
	    {"192.0.2.3", "100%%%_of%-it", "100% of%20it"},
	    {"192.0.2.3", "%{S} %{P} %{H} %{R} %{T} %{V} %{O1} %{L1r-}",
		"strong-bad%40email.example.com mx.example.org "
		"mail.example.net mx1.example.edu 1700000000 in-addr com "
		"strong"},
	    {"192.0.2.3", "%{r2} %{rr} %{t1} %{cr}",
		"example.edu edu.example.mx1 1700000000 3.2.0.192"},
	    {"192.0.2.3", "%{i/}", "192.0.2.3"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct macro_values_ v = values_of_7_4(rows[i].ip);

		assert_true(macro_text_ok_(mf_text_of(rows[i].spec)));
		expect_explanation(mf_text_of(rows[i].spec), &v, rows[i].want);
	}
}

/* RFC 3986 2.3 names what stays; all else is escaped, octet by octet. */
static void
escapes(void **state)
{
	struct macro_values_ v = values_of_7_4("192.0.2.3");

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char octet = (char)c, want[8];
		bool unreserved = ascii_is_digit(octet) ||
		    (c != 0 &&
			strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz-._~",
			    (int)c) != NULL);

		v.local = mf_text_at(&octet, 1);
		snprintf(want, sizeof(want), unreserved ? "%c" : "%%%02X", c);
		expect_explanation(MF_TEXT("%{L}"), &v, want);
		/* As it is, what can't stand in a reply becomes "?". */
		snprintf(want, sizeof(want), "%c",
		    c < ' ' || c > '~' ? '?' : (int)c);
		expect_explanation(MF_TEXT("%{l}"), &v, want);
	}
}

/* Texts keep their beginning. */
static void
long_explanations(void **state)
{
	static char spec[9000], want[SPF_TEXT_SIZE], local[512];
	struct macro_values_ v = values_of_7_4("192.0.2.3");
	struct text_out out = text_out(spec, sizeof(spec));

	(void)state;
	memset(want, 'x', SPF_TEXT_MAX);
	memset(spec, 'x', 500);
	expect_explanation(mf_text_at(spec, 500), &v, want);
	memset(spec, 'x', sizeof(spec));
	expect_explanation(mf_text_at(spec, 501), &v, want);
	expect_explanation(mf_text_at(spec, sizeof(spec)), &v, want);
	for (size_t i = 0; i < sizeof(local); i++)
		local[i] = (char)('a' + i % 26);
	v.local = mf_text_at(local, sizeof(local));
	for (unsigned i = 0; i < 1000; i++)
		out_str(&out, i == 0 ? "<%{l}" : "%{L}");
	want[0] = '<';
	memcpy(want + 1, local, SPF_TEXT_MAX - 1);
	expect_explanation(out_view(&out), &v, want);
}

/* --- names -------------------------------------------------------------- */

static void
labels(void **state)
{
	static const struct {
		struct mf_text name;
		unsigned want;
	} rows[] = {
	    {MF_TEXT(""), 0},
	    {MF_TEXT("."), 0},
	    {MF_TEXT("a"), 1},
	    {MF_TEXT("a.b"), 2},
	    {MF_TEXT("a.b."), 0},
	    {MF_TEXT(".a"), 0},
	    {MF_TEXT("a..b"), 0},
	    {MF_TEXT("a b.c\"d"), 2},
	    {MF_TEXT(L63 ".x"), 2},
	    {MF_TEXT(L64 ".x"), 0},
	    {MF_TEXT("x." L63), 2},
	    {MF_TEXT("x." L64), 0},
	    {MF_TEXT(L63 "." L63 "." L63 "." /* and 61 */
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaa"),
		4},
	    {MF_TEXT(L63 "." L63 "." L63 "." /* and 62 */
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			 "aaaaaaaaa"),
		0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect_int(rows[i].name.p, "labels", name_labels_(rows[i].name),
		    rows[i].want);
		expect_int(rows[i].name.p, "ok", spf_name_ok(rows[i].name),
		    rows[i].want != 0);
	}
}

static void
a_labels(void **state)
{
	static char long_name[2000];
	static const struct {
		struct mf_text name;
		unsigned labels;
		const char *want;
	} rows[] = {
	    {MF_TEXT("Example.COM"), 2, "example.com"},
	    {MF_TEXT("Example.COM."), 2, "example.com"},
	    {MF_TEXT("example.com.."), 0, ""},
	    {MF_TEXT("localhost"), 1, "localhost"},
	    {MF_TEXT("localhost."), 1, "localhost"},
	    {MF_TEXT(""), 0, ""},
	    {MF_TEXT("."), 0, ""},
	    {MF_TEXT("a..b"), 0, ""},
	    {MF_TEXT("a_b.c-.example"), 3, "a_b.c-.example"},
	    {MF_TEXT("xn--bcher-kva.example"), 2, "xn--bcher-kva.example"},
	    /* RFC 5891: U-labels; RFC 5895: mapped, as people write them. */
	    {MF_TEXT("b\xc3\xbc"
		     "cher.example"),
		2, "xn--bcher-kva.example"},
	    {MF_TEXT("B\xc3\x9c"
		     "CHER.Example."),
		2, "xn--bcher-kva.example"},
	    {MF_TEXT("fa\xc3\x9f.example"), 2, "xn--fa-hia.example"},
	    {MF_TEXT("\xe4\xbe\x8b\xe3\x80\x82\xe4\xbe\x8b"), 2,
		"xn--fsq.xn--fsq"}, /* U+3002 is a dot */
	    {MF_TEXT("\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80"), 1,
		"xn--e1afmkfd"},
	    /* Neither UTF-8 nor a label. */
	    {MF_TEXT("b\xfc"
		     "cher.example"),
		0, NULL},
	    {MF_TEXT("\xc3\xa9..example"), 0, NULL},
	    {MF_TEXT("\xe2\x80\xae.example"), 0, NULL}, /* U+202E */
	    {MF_TEXT(L63 "\xc3\xa9.example"), 0, NULL},
	    /* Controls, with and without other letters. */
	    {MF_TEXT("a\0b.example"), 0, NULL},
	    {MF_TEXT("a\r\n.example"), 0, NULL},
	    {MF_TEXT("a\x7f.example"), 0, NULL},
	    {MF_TEXT("\xc3\xa9\0.example"), 0, NULL},
	    {MF_TEXT("\xc3\xa9\n.example"), 0, NULL},
	};
	char room[SPF_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = 0;

		memset(room, 'X', sizeof(room));
		expect_int(rows[i].name.p, "labels",
		    name_to_ascii_(rows[i].name, room, &len), rows[i].labels);
		if (rows[i].labels != 0)
			expect_str(rows[i].name.p, "name", room, rows[i].want);
		if (rows[i].labels != 0)
			assert_int_equal(len, strlen(rows[i].want));
		memset(room, 'X', sizeof(room));
		assert_true(spf_name_to_ascii(rows[i].name, room, &len));
		expect_str(rows[i].name.p, "public", room,
		    rows[i].labels != 0 ? rows[i].want : "");
		assert_int_equal(len, strlen(room));
	}
	for (size_t i = 0; i + 4 <= sizeof(long_name); i += 4)
		memcpy(long_name + i, i % 60 == 56 ? "aaa." : "aa\xc3\xa9", 4);
	for (size_t len = 0, out_len; len <= sizeof(long_name); len++)
		if (name_to_ascii_(mf_text_at(long_name, len), room, &out_len))
			assert_true(out_len <= SPF_NAME_MAX);
	/* 253 octets, and 254 of which the last is a dot. */
	for (size_t i = 0; i < 254; i++)
		long_name[i] = i % 50 == 49 ? '.' : 'a';
	long_name[253] = '.';
	size_t len;
	assert_int_equal(
	    name_to_ascii_(mf_text_at(long_name, 253), room, &len), 6);
	assert_int_equal(
	    name_to_ascii_(mf_text_at(long_name, 254), room, &len), 6);
	assert_int_equal(len, 253);
	long_name[253] = 'a';
	assert_int_equal(
	    name_to_ascii_(mf_text_at(long_name, 254), room, &len), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(texts_ok),
	    cmocka_unit_test(needs_validated),
	    cmocka_unit_test(examples),
	    cmocka_unit_test(odd_values),
	    cmocka_unit_test(truncation),
	    cmocka_unit_test(truncation_edges),
	    cmocka_unit_test(explanations),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(long_explanations),
	    cmocka_unit_test(labels),
	    cmocka_unit_test(a_labels),
	};

	return cmocka_run_group_tests_name("spf_macro", tests, NULL, NULL);
}
