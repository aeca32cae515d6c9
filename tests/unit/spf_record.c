/* SPDX-License-Identifier: ISC */
/*
 * libspf/record.c: every rule of RFC 7208's grammar (4.5, 4.6.1, 5, 6, 12), and
 * everything that the compiler says of a record that breaks one.
 */
#include "libspf/record_.h"
#include "tests/unit/support.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L64 "a" L63

/* --- a compiled record as text ------------------------------------------ */

static void
show_spec(struct text_out *out, const struct spf_domain_spec *spec)
{
	if (spec->text.len == 0)
		return;
	out_char(out, spec->macros ? '{' : spec->usable ? '[' : '!');
	out_text(out, spec->text);
	out_char(out, spec->macros ? '}' : spec->usable ? ']' : '!');
}

static void
show_prefix(struct text_out *out, const char *slash, unsigned bits)
{
	out_str(out, slash);
	out_uint(out, bits);
}

static void
show_term(struct text_out *out, const struct spf_term *t)
{
	static const char *const names[] = {
	    [SPF_TERM_ALL] = "all",
	    [SPF_TERM_IP4] = "ip4 ",
	    [SPF_TERM_IP6] = "ip6 ",
	    [SPF_TERM_A] = "a",
	    [SPF_TERM_MX] = "mx",
	    [SPF_TERM_PTR] = "ptr",
	    [SPF_TERM_EXISTS] = "exists",
	    [SPF_TERM_INCLUDE] = "include",
	};
	static const char qualifiers[] = {
	    [SPF_NEUTRAL] = '?',
	    [SPF_PASS] = '+',
	    [SPF_FAIL] = '-',
	    [SPF_SOFTFAIL] = '~',
	};
	struct spf_ip ip = {.v6 = t->kind == SPF_TERM_IP6};
	char room[SPF_IP_SIZE];
	bool addresses = t->kind == SPF_TERM_A || t->kind == SPF_TERM_MX;

	out_char(out, qualifiers[t->result]);
	out_str(out, names[t->kind]);
	if (t->kind == SPF_TERM_IP4 || t->kind == SPF_TERM_IP6) {
		memcpy(ip.octets, t->network, ip.v6 ? 16 : 4);
		out_text(out, mf_text_at(room, spf_ip_print(&ip, room)));
	}
	show_spec(out, &t->target);
	if (t->kind == SPF_TERM_IP4 || addresses)
		show_prefix(out, "/", t->cidr4);
	if (t->kind == SPF_TERM_IP6 || addresses)
		show_prefix(out, addresses ? "//" : "/", t->cidr6);
}

/*
 * "+a[name]/32//128; -all": a name as it will be asked for in brackets, one
 * that can't be between "!", one with macros in braces.  "! PROBLEM" for a
 * record with one.
 */
static const char *
show(const struct spf_record *r, char *room, size_t size)
{
	struct text_out out = text_out(room, size - 1);

	if (spf_record_problem(r) != NULL) {
		out_str(&out, "! ");
		out_str(&out, spf_record_problem(r));
		expect_int(
		    room, "terms of a broken record", (long long)r->count, 0);
	}
	for (size_t i = 0; i < r->count; i++) {
		if (i != 0)
			out_str(&out, "; ");
		show_term(&out, &r->terms[i]);
	}
	if (r->problem == NULL && r->has_redirect) {
		out_str(&out, " redirect");
		show_spec(&out, &r->redirect);
	}
	if (r->problem == NULL && r->has_explanation) {
		out_str(&out, " exp");
		show_spec(&out, &r->explanation);
	}
	assert_false(out.full);
	room[out.len] = '\0';
	return room;
}

static void
expect_record(const char *row, struct mf_text input, const char *want)
{
	static char room[8192];
	struct spf_record *r = spf_record_compile(input);

	assert_non_null(r);
	expect_str(row, "compiled", show(r, room, sizeof(room)), want);
	expect_text(row, "text", r->text, text_head(input, SPF_RECORD_MAX + 1));
	spf_record_free(r);
}

struct row {
	const char *source;
	const char *input; /* behind "v=spf1 " */
	const char *want;
};

static void
expect_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char input[2048];
		struct text_out out = text_out(input, sizeof(input));

		out_str(&out, "v=spf1 ");
		out_str(&out, rows[i].input);
		assert_false(out.full);
		expect_record(rows[i].input, out_view(&out), rows[i].want);
	}
}

#define EXPECT_ROWS(rows) expect_rows(rows, COUNT(rows))

/* --- versions, blanks --------------------------------------------------- */

static void
versions(void **state)
{
	static const struct {
		struct mf_text input;
		bool is_spf;
	} rows[] = {
	    {MF_TEXT("v=spf1"), true},
	    {MF_TEXT("v=spf1 "), true},
	    {MF_TEXT("v=spf1    "), true},
	    {MF_TEXT("V=SPF1 -all"), true},
	    {MF_TEXT("v=sPf1 -all"), true},
	    {MF_TEXT(""), false},
	    {MF_TEXT("v=spf"), false},
	    {MF_TEXT("v=spf10"), false},
	    {MF_TEXT("v=spf1-all"), false},
	    {MF_TEXT("v=spf1\t-all"), false},
	    {MF_TEXT("v=spf1\0-all"), false},
	    {MF_TEXT("v=spf2 -all"), false},
	    {MF_TEXT(" v=spf1 -all"), false},
	    {MF_TEXT("\"v=spf1 -all\""), false},
	    {MF_TEXT("v=spf1,-all"), false},
	    {MF_TEXT("spf2.0/pra -all"), false},
	    {MF_TEXT("w=spf1 -all"), false},
	    {MF_TEXT("v=spf\x11 -all"), false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf_record *r = spf_record_compile(rows[i].input);

		assert_non_null(r);
		assert_true(mf_text_eq(spf_record_text(r), rows[i].input));
		expect_int(rows[i].input.p, "is SPF",
		    spf_is_record(rows[i].input), rows[i].is_spf);
		expect_int(rows[i].input.p, "compiles",
		    spf_record_problem(r) == NULL, rows[i].is_spf);
		if (!rows[i].is_spf)
			assert_non_null(strstr(spf_record_problem(r),
			    "a record must begin with \"v=spf1\""));
		spf_record_free(r);
	}
	spf_record_free(NULL);
}

static void
blanks(void **state)
{
	static const struct row rows[] = {
	    {"4.6.1: terms may be missing", "", ""},
	    {"4.6.1: *( 1*SP ... )", "  a   -all ", "+a/32//128; -all"},
	    {"4.6.1: SP, no tab", "a\t-all",
		"! \"v=spf1 a?-all\": non-printable or non-ASCII character"},
	    {"4.6.1: no line end", "a\r\n-all",
		"! \"v=spf1 a?\?-all\": non-printable or non-ASCII character"},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

/* --- mechanisms --------------------------------------------------------- */

static void
mechanisms(void **state)
{
	static const struct row rows[] = {
	    {"4.6.2: qualifiers", "+a -mx ~ptr ?all",
		"+a/32//128; -mx/32//128; ~ptr; ?all"},
	    {"4.6.2: pass unless told", "all", "+all"},
	    {"4.6.1: one qualifier", "--all", "! \"--all\": unknown mechanism"},
	    {"4.6.1", "+", "! \"+\": unknown mechanism"},
	    {"4.6.1", "- all", "! \"-\": unknown mechanism"},
	    {"4.6.1: names fold case", "A Mx PTR aLL",
		"+a/32//128; +mx/32//128; +ptr; +all"},
	    {"4.6.1: names fold case",
		"IP4:192.0.2.1 IP6:2001:DB8::1 Exists:A.Example "
		"INCLUDE:B.Example",
		"+ip4 192.0.2.1/32; +ip6 2001:db8::1/128; +exists[a.example]"
		"; +include[b.example]"},
	    {"5", "foo", "! \"foo\": unknown mechanism"},
	    {"5", "foo:bar", "! \"foo:bar\": unknown mechanism"},
	    {"5: longer than any", "includeX:a.example",
		"! \"includeX:a.example\": unknown mechanism"},
	    {"5: longer than any", "include-all:a.example",
		"! \"include-all:a.example\": unknown mechanism"},
	    {"5: a beginning of one", "al", "! \"al\": unknown mechanism"},
	    {"5", ":a.example", "! \":a.example\": unknown mechanism"},
	    {"5: a modifier's name", "redirect:a.example",
		"! \"redirect:a.example\": unknown mechanism"},
	    {"often written", "ipv4:192.0.2.1",
		"! \"ipv4:192.0.2.1\": unknown mechanism; did you mean \"ip4\"?"},
	    {"often written", "IP:192.0.2.1",
		"! \"IP:192.0.2.1\": unknown mechanism; did you mean \"ip4\"?"},
	    {"often written", "ipv6:2001:db8::1",
		"! \"ipv6:2001:db8::1\": unknown mechanism; did you mean \"ip6\"?"},
	    {"5.1", "all:a.example",
		"! \"all:a.example\": nothing may follow \"all\""},
	    {"5.1", "-all/8", "! \"-all/8\": nothing may follow \"all\""},
	    {"5.1", "all.", "! \"all.\": unknown mechanism"},
	    {"5.2", "include", "! \"include\": missing domain after the colon"},
	    {"5.2", "include:", "! \"include:\": missing domain"},
	    {"5.2: no prefix", "include:a.example/24",
		"! \"include:a.example/24\": the domain must end in a "
		"top-level name"},
	    {"5.5", "ptr/24", "! \"ptr/24\": ptr takes no prefix length"},
	    {"5.5", "ptr:A.Example.", "+ptr[a.example]"},
	    {"5.5", "ptr:", "! \"ptr:\": missing domain"},
	    {"5.7", "exists", "! \"exists\": missing domain after the colon"},
	    {"5.7", "exists:", "! \"exists:\": missing domain"},
	    {"5.7", "exists/24",
		"! \"exists/24\": missing domain after the colon"},
	    {"4.6: the first error is told", "foo bar",
		"! \"foo\": unknown mechanism"},
	    {"4.6: behind a mechanism that would match", "+all foo",
		"! \"foo\": unknown mechanism"},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

static void
addresses(void **state)
{
	static const struct row rows[] = {
	    {"5.6", "ip4:192.0.2.0/24", "+ip4 192.0.2.0/24"},
	    {"5.6", "ip4:0.0.0.0/0", "+ip4 0.0.0.0/0"},
	    {"5.6", "ip4:255.255.255.255/32", "+ip4 255.255.255.255/32"},
	    {"5.6: host bits stay", "ip4:192.0.2.7/8", "+ip4 192.0.2.7/8"},
	    {"5.6", "ip4", "! \"ip4\": missing address: ip4:ADDRESS"},
	    {"5.6", "ip4=192.0.2.1", ""},
	    {"5.6", "ip4/24", "! \"ip4/24\": missing address: ip4:ADDRESS"},
	    {"5.6", "ip4:", "! \"ip4:\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2",
		"! \"ip4:192.0.2\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.",
		"! \"ip4:192.0.2.\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.1.",
		"! \"ip4:192.0.2.1.\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.1.1",
		"! \"ip4:192.0.2.1.1\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.256",
		"! \"ip4:192.0.2.256\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.99999999999999999999",
		"! \"ip4:192.0.2.99999999999999999999\": not an IPv4 address "
		"or network"},
	    {"12: qnum has no leading 0", "ip4:192.0.02.1",
		"! \"ip4:192.0.02.1\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.-1",
		"! \"ip4:192.0.2.-1\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.1/",
		"! \"ip4:192.0.2.1/\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.0//24",
		"! \"ip4:192.0.2.0//24\": not an IPv4 address or network"},
	    {"5.6", "ip4:192.0.2.0/24/8",
		"! \"ip4:192.0.2.0/24/8\": not an IPv4 address or network"},
	    {"5.6: no IPv6", "ip4:2001:db8::1",
		"! \"ip4:2001:db8::1\": not an IPv4 address or network"},
	    {"5.6: no macros", "ip4:%{i}",
		"! \"ip4:%{i}\": not an IPv4 address or network"},
	    {"12: ip4-cidr-length", "ip4:192.0.2.0/33",
		"! \"ip4:192.0.2.0/33\": the prefix length of IPv4 is 0 to "
		"32"},
	    {"12", "ip4:192.0.2.0/4294967304",
		"! \"ip4:192.0.2.0/4294967304\": the prefix length of IPv4 "
		"is 0 to 32"},
	    {"12: no leading 0", "ip4:192.0.2.0/08",
		"! \"ip4:192.0.2.0/08\": a prefix length must not begin with "
		"0"},
	    {"12: no leading 0", "ip4:192.0.2.0/00",
		"! \"ip4:192.0.2.0/00\": a prefix length must not begin with "
		"0"},
	    {"5.6", "ip6:2001:db8::/32", "+ip6 2001:db8::/32"},
	    {"5.6", "ip6:::/0", "+ip6 ::/0"},
	    {"5.6", "ip6:::1/128", "+ip6 ::1/128"},
	    {"5.6: dotted end", "ip6:::ffff:192.0.2.1/96",
		"+ip6 ::ffff:192.0.2.1/96"},
	    {"5.6: as long as they come",
		"ip6:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:255.255.255.255",
		"+ip6 aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:ffff:ffff/128"},
	    {"5.6", "ip6", "! \"ip6\": missing address: ip6:ADDRESS"},
	    {"5.6", "ip6:", "! \"ip6:\": not an IPv6 address or network"},
	    {"5.6", "ip6:1:2:3",
		"! \"ip6:1:2:3\": not an IPv6 address or network"},
	    {"5.6", "ip6:1:2:3:4:5:6:7:8:9",
		"! \"ip6:1:2:3:4:5:6:7:8:9\": not an IPv6 address or "
		"network"},
	    {"5.6",
		"ip6:::1::", "! \"ip6:::1::\": not an IPv6 address or network"},
	    {"5.6", "ip6:fe80::1%eth0",
		"! \"ip6:fe80::1%eth0\": not an IPv6 address or network"},
	    {"5.6", "ip6:[2001:db8::1]",
		"! \"ip6:[2001:db8::1]\": not an IPv6 address or network"},
	    {"5.6", "ip6:192.0.2.1",
		"! \"ip6:192.0.2.1\": not an IPv6 address or network"},
	    {"5.6: longer than any",
		"ip6:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"! \"ip6:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaa\": not an IPv6 address or network"},
	    {"12: ip6-cidr-length", "ip6:::1/129",
		"! \"ip6:::1/129\": the prefix length of IPv6 is 0 to 128"},
	    {"12: no leading 0", "ip6:::1/064",
		"! \"ip6:::1/064\": a prefix length must not begin with 0"},
	    {"5.6: one slash", "ip6:::1//64",
		"! \"ip6:::1//64\": not an IPv6 address or network"},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

/* 5.3, 5.4, 12: [ ":" domain-spec ] [ dual-cidr-length ] */
static void
dual_prefixes(void **state)
{
	static const struct row rows[] = {
	    {"both absent", "a", "+a/32//128"},
	    {"ip4", "a/24", "+a/24//128"},
	    {"0 is a length", "a/0", "+a/0//128"},
	    {"ip6", "a//64", "+a/32//64"},
	    {"0 is a length", "a//0", "+a/32//0"},
	    {"both", "mx/24//64", "+mx/24//64"},
	    {"both, of a name", "mx:A.Example/24//64", "+mx[a.example]/24//64"},
	    {"ip4 of a name", "a:a.example/32", "+a[a.example]/32//128"},
	    {"ip6 of a name", "a:a.example//128", "+a[a.example]/32//128"},
	    {"of macros", "a:%{d}/24", "+a{%{d}}/24//128"},
	    {"of macros", "a:%{d}//64", "+a{%{d}}/32//64"},
	    {"of macros", "a:%{d/}/24//64", "+a{%{d/}}/24//64"},
	    {"too long", "a/33",
		"! \"a/33\": the prefix length of IPv4 is 0 to 32"},
	    {"too long", "a//129",
		"! \"a//129\": the prefix length of IPv6 is 0 to 128"},
	    {"too long", "a:a.example/64",
		"! \"a:a.example/64\": the prefix length of IPv4 is 0 to 32"},
	    {"leading 0", "a/01",
		"! \"a/01\": a prefix length must not begin with 0"},
	    {"leading 0", "a//01",
		"! \"a//01\": a prefix length must not begin with 0"},
	    {"no digits", "a/", "! \"a/\": not a prefix length"},
	    {"no digits", "a//", "! \"a//\": not a prefix length"},
	    {"no digits", "a/24//", "! \"a/24//\": not a prefix length"},
	    {"no number", "a/x", "! \"a/x\": not a prefix length"},
	    {"no number", "a/-1", "! \"a/-1\": not a prefix length"},
	    {"no number", "a/2x", "! \"a/2x\": not a prefix length"},
	    {"three slashes", "a///64", "! \"a///64\": not a prefix length"},
	    {"the other order", "a//64/24",
		"! \"a//64/24\": not a prefix length"},
	    {"two of ip4", "a/24/24", "! \"a/24/24\": not a prefix length"},
	    {"no colon", "a=b/24", ""},
	    {"no domain", "a:/24", "! \"a:/24\": missing domain"},
	    {"no domain", "a://64", "! \"a://64\": missing domain"},
	    {"no digits behind a name", "a:a.example/",
		"! \"a:a.example/\": the domain must end in a top-level "
		"name"},
	    {"no digits behind a name", "a:a.example//",
		"! \"a:a.example//\": the domain must end in a top-level "
		"name"},
	    {"no digits behind macros", "a:%{d}/",
		"! \"a:%{d}/\": the domain must end in a top-level name"},
	    {"\"/\" is a macro-literal", "a:a/b.example/24",
		"+a[a/b.example]/24//128"},
	    {"\"//\" too", "a:a//24.example//64", "+a[a//24.example]/32//64"},
	    {"of a name of slashes", "a:///.example/8",
		"+a[///.example]/8//128"},
	    {"\"/\" behind a macro", "exists:%{d}/24.example",
		"+exists{%{d}/24.example}"},
	    {"exists has none", "exists:a.example/24",
		"! \"exists:a.example/24\": the domain must end in a "
		"top-level name"},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

/* --- domain-spec -------------------------------------------------------- */

#define NO_TOP "the domain must end in a top-level name"

static void
domain_specs(void **state)
{
	static const struct row rows[] = {
	    {"lowered, without its dot", "a:MAIL.Example.",
		"+a[mail.example]/32//128"},
	    {"7.1: domain-end", "a:example", "! \"a:example\": " NO_TOP},
	    {"7.1: domain-end", "a:.", "! \"a:.\": " NO_TOP},
	    {"7.1: domain-end", "a:..", "! \"a:..\": " NO_TOP},
	    {"7.1: domain-end", "a:a.example..",
		"! \"a:a.example..\": " NO_TOP},
	    {"toplabel: a letter", "a:a.b1", "+a[a.b1]/32//128"},
	    {"toplabel: a letter", "a:a.1b", "+a[a.1b]/32//128"},
	    {"toplabel: a letter", "a:a.1b2", "+a[a.1b2]/32//128"},
	    {"toplabel: no digits alone", "a:a.12", "! \"a:a.12\": " NO_TOP},
	    {"toplabel: no digits alone", "a:192.0.2.1",
		"! \"a:192.0.2.1\": " NO_TOP},
	    {"toplabel: or a hyphen", "a:a.1-2", "+a[a.1-2]/32//128"},
	    {"toplabel: or a hyphen", "a:a.xn--p1ai", "+a[a.xn--p1ai]/32//128"},
	    {"toplabel: not first", "a:a.-b", "! \"a:a.-b\": " NO_TOP},
	    {"toplabel: not last", "a:a.b-", "! \"a:a.b-\": " NO_TOP},
	    {"toplabel: not last", "a:a.b-.", "! \"a:a.b-.\": " NO_TOP},
	    {"toplabel: alphanum", "a:a.b_c", "! \"a:a.b_c\": " NO_TOP},
	    {"toplabel: alphanum", "a:a.b!", "! \"a:a.b!\": " NO_TOP},
	    {"a port", "a:a.example:25", "! \"a:a.example:25\": " NO_TOP},
	    {"an address", "a:me@a.example", "+a[me@a.example]/32//128"},
	    {"7.1: macro-literal", "exists:!\"#$&'()*+,-/:;<=>?@[\\]^_`{|}~.ab",
		"+exists[!\"#$&'()*+,-/:;<=>?@[\\]^_`{|}~.ab]"},
	    {"4.8: no label", "a:.example", "+a!.example!/32//128"},
	    {"4.8: an empty label", "a:a..example", "+a!a..example!/32//128"},
	    {"4.8: 63 octets", "exists:" L63 ".example",
		"+exists[" L63 ".example]"},
	    {"4.8: 64 octets", "exists:" L64 ".example",
		"+exists!" L64 ".example!"},
	    {"4.8: 64 octets", "exists:" L63 "." L63 "." L63 ".b." L63 "b.",
		"+exists!" L63 "." L63 ".b." L63 "b!"},
	    {"1035: 253 octets",
		"exists:" L63 "." L63 "." L63
		".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com"
		".",
		"+exists[" L63 "." L63 "." L63
		".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.com"
		"]"},
	    {"7.3: 254 octets",
		"exists:" L63 "." L63 "." L63
		".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		"b.com",
		"+exists[" L63 "." L63
		".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
		"b.com]"},
	    {"7.3: a dot at the end",
		"exists:a.b.c." L63 "." L63 "." L63 "." L63 ".",
		"+exists[" L63 "." L63 "." L63 "]"},
	    {"7.3: the last label alone is too long",
		"exists:a." L63 L63 L63 L63 L63,
		"+exists!" L63 L63 L63 L63 L63 "!"},
	    {"7.1: macros stay as they are", "exists:%{I}.Example",
		"+exists{%{I}.Example}"},
	    {"7.1: domain-end is a macro", "include:A.%{D}",
		"+include{A.%{D}}"},
	    {"7.1: a macro and a name", "exists:%{d}.example",
		"+exists{%{d}.example}"},
	    {"7.1: a macro in the top label", "exists:a.%{d}b",
		"! \"exists:a.%{d}b\": " NO_TOP},
	    {"7.1: its dot is no domain-end", "exists:%{d.}b",
		"! \"exists:%{d.}b\": " NO_TOP},
	    {"7.1: nor is that behind it", "exists:%{d}.",
		"! \"exists:%{d}.\": " NO_TOP},
	    {"7.1: nor is that behind it", "exists:%{d.}.",
		"! \"exists:%{d.}.\": " NO_TOP},
	    {"7.1: escapes", "exists:a%%b%_c%-d.example",
		"+exists{a%%b%_c%-d.example}"},
	    {"7.1: macro-expand, all of them, ends a domain", "exists:a.%-",
		"+exists{a.%-}"},
	    {"7.1", "exists:a.%%", "+exists{a.%%}"},
	    {"7.1", "exists:%_", "+exists{%_}"},
	    {"7.1: an escape in the top label", "exists:a.b%-c",
		"! \"exists:a.b%-c\": " NO_TOP},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

#define NO_BRACE  "\"%\" must be followed by \"{\", \"%\", \"_\" or \"-\""
#define NOT_OPEN  "unterminated or invalid macro"
#define NO_LETTER "unknown macro letter"
#define TEXT_ONLY "the macros c, r and t are for explanations only"

static void
macros(void **state)
{
	static const struct row rows[] = {
	    {"7.1", "exists:%{s}%{l}%{o}%{d}%{i}%{p}%{h}%{v}",
		"+exists{%{s}%{l}%{o}%{d}%{i}%{p}%{h}%{v}}"},
	    {"7.1: upper case", "exists:%{S}%{V2R.-+,/_=}",
		"+exists{%{S}%{V2R.-+,/_=}}"},
	    {"7.1", "a:%.example", "! \"a:%.example\": " NO_BRACE},
	    {"7.1", "a:a.example%", "! \"a:a.example%\": " NO_BRACE},
	    {"7.1", "a:%(d).example", "! \"a:%(d).example\": " NO_BRACE},
	    {"7.1", "a:%{", "! \"a:%{\": " NO_BRACE},
	    {"7.1", "a:%{d", "! \"a:%{d\": " NO_BRACE},
	    {"7.1", "a:%{}.example", "! \"a:%{}.example\": " NO_LETTER},
	    {"7.1", "a:%{x}.example", "! \"a:%{x}.example\": " NO_LETTER},
	    {"7.1: a blank ends the term", "a:%{ d}.example",
		"! \"a:%{\": " NO_BRACE},
	    {"7.1", "a:%{1}.example", "! \"a:%{1}.example\": " NO_LETTER},
	    {"7.2: c, r, t", "a:%{c}.example",
		"! \"a:%{c}.example\": " TEXT_ONLY},
	    {"7.2: c, r, t", "a:%{R}.example",
		"! \"a:%{R}.example\": " TEXT_ONLY},
	    {"7.2: c, r, t", "redirect=%{t}",
		"! \"redirect=%{t}\": " TEXT_ONLY},
	    {"7.2: c, r, t", "exp=%{c}.example",
		"! \"exp=%{c}.example\": " TEXT_ONLY},
	    {"7.1", "a:%{d0}", "! \"a:%{d0}\": a macro can't keep 0 parts"},
	    {"7.1", "a:%{d00r}", "! \"a:%{d00r}\": a macro can't keep 0 parts"},
	    {"7.1: *DIGIT", "a:%{d007}", "+a{%{d007}}/32//128"},
	    {"7.1: *DIGIT",
		"a:%{d99999999999999999999999999999999999999999999999}",
		"+a{%{d99999999999999999999999999999999999999999999999}}/32//"
		"128"},
	    {"7.1: the order", "a:%{dr2}", "! \"a:%{dr2}\": " NOT_OPEN},
	    {"7.1: the order", "a:%{d-r}", "! \"a:%{d-r}\": " NOT_OPEN},
	    {"7.1: one r", "a:%{drr}", "! \"a:%{drr}\": " NOT_OPEN},
	    {"7.1: delimiters", "a:%{d|}", "! \"a:%{d|}\": " NOT_OPEN},
	    {"7.1: delimiters", "a:%{d:}", "! \"a:%{d:}\": " NOT_OPEN},
	    {"7.1: one letter", "a:%{dd}", "! \"a:%{dd}\": " NOT_OPEN},
	    {"7.1: the brace", "a:%{d.a.example",
		"! \"a:%{d.a.example\": " NOT_OPEN},
	    {"7.1: the brace", "a:%{d2r.-", "! \"a:%{d2r.-\": " NOT_OPEN},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

/* --- modifiers ---------------------------------------------------------- */

static void
modifiers(void **state)
{
	static const struct row rows[] = {
	    {"6.1", "redirect=A.Example.", " redirect[a.example]"},
	    {"6.1", "REDIRECT=%{d}", " redirect{%{d}}"},
	    {"6: anywhere", "redirect=a.example -all",
		"-all redirect[a.example]"},
	    {"6.1: a name that can't exist", "redirect=a..example",
		" redirect!a..example!"},
	    {"6.1", "redirect=", "! \"redirect=\": missing domain"},
	    {"6.1", "redirect=example", "! \"redirect=example\": " NO_TOP},
	    {"6.1: no prefix", "redirect=a.example/24",
		"! \"redirect=a.example/24\": " NO_TOP},
	    {"6", "redirect=a.example Redirect=a.example",
		"! \"Redirect=a.example\": duplicate redirect"},
	    {"6.2", "exp=Why.Example -all", "-all exp[why.example]"},
	    {"6.2", "exp=", "! \"exp=\": missing domain"},
	    {"6.2", "EXP=%{p}.example", " exp{%{p}.example}"},
	    {"6", "exp=a.example a exp=b.example",
		"! \"exp=b.example\": duplicate exp"},
	    {"6: both", "exp=a.example redirect=b.example",
		" redirect[b.example] exp[a.example]"},
	    {"6: without a qualifier", "-redirect=a.example",
		"! \"-redirect=a.example\": unknown mechanism"},
	    {"6: without a qualifier", "+unknown=x",
		"! \"+unknown=x\": unknown mechanism"},
	    {"6: without a qualifier", "+a=x",
		"! \"+a=x\": not a prefix length"},
	    {"6: unknown ones", "moo=cow -all", "-all"},
	    {"6: unknown ones, twice", "moo=cow moo=calf -all", "-all"},
	    {"6: unknown ones, empty", "moo= -all", "-all"},
	    {"6: unknown ones have macros", "moo=%{c}%{r2r-}%{t}%%%_%-", ""},
	    {"6: ... and well-formed ones", "moo=%{x}",
		"! \"moo=%{x}\": " NO_LETTER},
	    {"6: ... and well-formed ones", "moo=100%",
		"! \"moo=100%\": " NO_BRACE},
	    {"6: a mechanism's name", "all=x include=y -all", "-all"},
	    {"12: name", "m-o_o.9=x -all", "-all"},
	    {"12: name", "9m=x",
		"! \"9m=x\": a modifier name must begin with a letter"},
	    {"12: name", "-m=x", "! \"-m=x\": unknown mechanism"},
	    {"12: name", "_m=x",
		"! \"_m=x\": a modifier name must begin with a letter"},
	    {"12: name", ".m=x",
		"! \".m=x\": a modifier name must begin with a letter"},
	    {"12: name", "=x",
		"! \"=x\": a modifier name must begin with a letter"},
	    {"12: name", "m!=x", "! \"m!=x\": unknown mechanism"},
	    {"6652: as unknown ones", "ra=postmaster rp=100 rr=all -all",
		"-all"},
	};

	(void)state;
	EXPECT_ROWS(rows);
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), octet by octet. */
static void
modifier_names(void **state)
{
	(void)state;
	for (unsigned c = '!'; c <= '~'; c++) {
		char first[] = "v=spf1 ?o=x", second[] = "v=spf1 o?=x";
		bool alpha = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz",
				 (int)c) != NULL;
		bool other = strchr("0123456789-_.", (int)c) != NULL;
		struct spf_record *r;

		first[7] = second[8] = (char)c;
		r = spf_record_compile(mf_text_of(first));
		assert_non_null(r);
		expect_int(first, "compiles", r->problem == NULL, alpha);
		spf_record_free(r);
		r = spf_record_compile(mf_text_of(second));
		assert_non_null(r);
		/* The first "=" ends a name, others are its value's. */
		expect_int(second, "compiles", r->problem == NULL,
		    alpha || other || c == '=');
		spf_record_free(r);
	}
}

/* --- octets, size ------------------------------------------------------- */

static void
octets(void **state)
{
	static const struct {
		struct mf_text input;
		const char *want;
	} rows[] = {
	    {MF_TEXT("v=spf1 a\0-all"),
		"! \"v=spf1 a?-all\": non-printable or non-ASCII character"},
	    {MF_TEXT("v=spf1 a:caf\xc3\xa9.example -all"),
		"! \"v=spf1 a:caf?\?.example -all\": non-printable or non-ASCII character"},
	    {MF_TEXT("v=spf1 a\x7f -all"),
		"! \"v=spf1 a? -all\": non-printable or non-ASCII character"},
	    {MF_TEXT("v=spf1 a -all\n"),
		"! \"v=spf1 a -all?\": non-printable or non-ASCII character"},
	    {MF_TEXT("v=spf1 moo=\x80"),
		"! \"v=spf1 moo=?\": non-printable or non-ASCII character"},
	    /* Where it is, and some of what is around it. */
	    {MF_TEXT("v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:192.0.2.3\xa0"
		     "ip4:192.0.2.4 ip4:192.0.2.5 -all"),
		"! \".0.2.2 ip4:192.0.2.3?ip4:192.0.2.4 ip4:1\": non-printable or non-ASCII character"},
	    /* Before syntax errors in front of it: nothing is parsed. */
	    {MF_TEXT("v=spf1 foo \1"),
		"! \"v=spf1 foo ?\": non-printable or non-ASCII character"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_record(rows[i].input.p, rows[i].input, rows[i].want);
	/* Every octet, at each place of a word of eight and the one behind. */
	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 0; at < 9; at++) {
			char text[] = "v=spf1 moo=aaaaaaaaa";
			struct spf_record *r;

			text[11 + at] = (char)c;
			r = spf_record_compile(
			    mf_text_at(text, sizeof(text) - 1));
			assert_non_null(r);
			if (c != ' ' && c != '%')
				expect_int("octet", text, r->problem == NULL,
				    c > ' ' && c <= '~');
			spf_record_free(r);
		}
}

static void
sizes(void **state)
{
	static char text[SPF_RECORD_MAX + 100];
	static char room[100000];
	struct spf_record *r;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "v=spf1 -all x=", 14);
	expect_record("16384", mf_text_at(text, SPF_RECORD_MAX), "-all");
	expect_record("16385", mf_text_at(text, SPF_RECORD_MAX + 1),
	    "! \"v=spf1\": the record is longer than 16384 bytes");
	expect_record("more", mf_text_at(text, SPF_RECORD_MAX + 100),
	    "! \"v=spf1\": the record is longer than 16384 bytes");

	/* As many terms as fit, which is what its memory is measured by. */
	memcpy(text, "v=spf1", 6);
	for (size_t i = 6; i + 2 <= SPF_RECORD_MAX; i += 2)
		memcpy(text + i, " a", 2);
	r = spf_record_compile(mf_text_at(text, SPF_RECORD_MAX));
	assert_non_null(r);
	assert_null(spf_record_problem(r));
	expect_int(
	    "terms", "count", (long long)r->count, (SPF_RECORD_MAX - 6) / 2);
	assert_true(r->size >= r->count * sizeof(struct spf_term));
	assert_true(r->size < 3 * 1024 * 1024);
	spf_record_free(r);

	/* Targets take as much again as the text. */
	struct text_out out = text_out(room, SPF_RECORD_MAX);
	out_str(&out, "v=spf1");
	while (!out.full)
		out_str(&out, " a:MANY.Names.EXAMPLE.");
	r = spf_record_compile(out_view(&out));
	assert_non_null(r);
	assert_null(spf_record_problem(r));
	for (size_t i = 0; i < r->count; i++)
		expect_text("target", "of many", r->terms[i].target.text,
		    MF_TEXT("many.names.example"));
	spf_record_free(r);
}

/* A problem quotes a hundred octets of its term, and is bounded. */
static void
long_terms(void **state)
{
	char text[600] = "v=spf1 ", want[400];

	(void)state;
	memset(text + 7, 'z', 500);
	snprintf(
	    want, sizeof(want), "! \"%.100s\": unknown mechanism", text + 7);
	expect_record("long term", mf_text_at(text, 507), want);
	memcpy(text + 7, "ip6:", 4);
	memcpy(text + 500, "/999999", 7);
	snprintf(want, sizeof(want),
	    "! \"%.100s\": the prefix length of IPv6 is 0 to 128", text + 7);
	expect_record("long term", mf_text_at(text, 507), want);
}

/* Terms as written, in order; modifiers aren't among them. */
static void
written(void **state)
{
	static const char *const want[] = {
	    "+A:Mail.Example/24//64", "ip4:192.0.2.1", "-all"};
	struct spf_record *r = spf_record_compile(
	    MF_TEXT("V=spf1  +A:Mail.Example/24//64 x=y "
		    "ip4:192.0.2.1 Redirect=A.Example. -all"));

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		expect_text("written", want[i], r->terms[i].written,
		    mf_text_of(want[i]));
	expect_text("written", "redirect", r->redirect_written,
	    MF_TEXT("Redirect=A.Example."));
	spf_record_free(r);
}

/* --- names that are known without a client ------------------------------- */

static void
names_known_without_a_client(void **state)
{
	static const struct {
		const char *spec;
		enum spf_naming naming;
		const char *v4, *v6;
	} rows[] = {
	    {"a:H.Example.", SPF_NAMING_KNOWN, "h.example", "h.example"},
	    {"a", SPF_NAMING_KNOWN, "d.example", "d.example"},
	    {"a:%{d}", SPF_NAMING_KNOWN, "d.example", "d.example"},
	    {"a:x.%{o}", SPF_NAMING_KNOWN, "x.o.example", "x.o.example"},
	    {"a:%{O1r}.%{d1}", SPF_NAMING_KNOWN, "o.example", "o.example"},
	    {"a:%{v}.x.example", SPF_NAMING_KNOWN, "in-addr.x.example",
		"ip6.x.example"},
	    {"a:%%{i}.%_x.example", SPF_NAMING_KNOWN, "%{i}. x.example",
		"%{i}. x.example"},
	    {"a:%%%{i}.example", SPF_NAMING_VARIES, NULL, NULL},
	    {"a:%{d}.%{l}.example", SPF_NAMING_VARIES, NULL, NULL},
	    {"a:%{S}.example", SPF_NAMING_VARIES, NULL, NULL},
	    {"a:%{h}", SPF_NAMING_VARIES, NULL, NULL},
	    {"a:%{p}", SPF_NAMING_VARIES, NULL, NULL},
	    {"a:x..example", SPF_NAMING_NEVER, NULL, NULL},
	    {"a:x..%{d}", SPF_NAMING_NEVER, NULL, NULL},
	    {"a:" L64 ".%{d}", SPF_NAMING_NEVER, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200], room[SPF_NAME_SIZE];
		size_t count, len;
		struct spf_record *r;

		snprintf(text, sizeof(text), "v=spf1 %s", rows[i].spec);
		r = spf_record_compile(mf_text_of(text));
		assert_non_null(r);
		const struct spf_term *terms = spf_record_terms(r, &count);
		assert_int_equal(count, 1);
		for (int v6 = 0; v6 < 2; v6++) {
			assert_int_equal(
			    spf_domain_spec_name(&terms[0].target,
				MF_TEXT("d.example"), MF_TEXT("o.example"),
				v6 != 0, room, &len),
			    rows[i].naming);
			if (rows[i].naming != SPF_NAMING_KNOWN)
				continue;
			assert_string_equal(
			    room, v6 != 0 ? rows[i].v6 : rows[i].v4);
			assert_int_equal(len, strlen(room));
		}
		spf_record_free(r);
	}
}

static void
modifiers_are_found(void **state)
{
	struct spf_record *r = spf_record_compile(
	    MF_TEXT("v=spf1 mx redirect=R.example exp=%{i}.e.example x=y"));
	size_t count;

	(void)state;
	assert_non_null(r);
	spf_record_terms(r, &count);
	assert_int_equal(count, 1);
	assert_true(
	    mf_text_eq(spf_record_redirect(r)->text, MF_TEXT("r.example")));
	assert_true(spf_record_explanation(r)->macros);
	spf_record_free(r);
	r = spf_record_compile(
	    MF_TEXT("v=spf1 a redirect=r.example exp=e.example mx/33"));
	assert_non_null(r);
	spf_record_terms(r, &count);
	assert_int_equal(count, 0);
	assert_null(spf_record_redirect(r));
	assert_null(spf_record_explanation(r));
	spf_record_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions),
	    cmocka_unit_test(blanks),
	    cmocka_unit_test(mechanisms),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(dual_prefixes),
	    cmocka_unit_test(domain_specs),
	    cmocka_unit_test(macros),
	    cmocka_unit_test(modifiers),
	    cmocka_unit_test(modifier_names),
	    cmocka_unit_test(octets),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(long_terms),
	    cmocka_unit_test(written),
	    cmocka_unit_test(names_known_without_a_client),
	    cmocka_unit_test(modifiers_are_found),
	};

	return cmocka_run_group_tests_name("spf_record", tests, NULL, NULL);
}
