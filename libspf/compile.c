/* SPDX-License-Identifier: ISC */
/*
 * The record compiler: RFC 7208 4.6.1, 5, 6 and 12.
 *
 * Any syntax error anywhere makes the whole record a permerror before a
 * mechanism is looked at (4.6), so the compiler stops at the first one and
 * keeps a sentence about it.
 */
#include "libspf/record_.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define PROBLEM_SIZE 256

struct compiler {
	struct spf_record *record;
	struct text_out problem;
	char *pool; /* where lowered targets go; as large as the record */
	struct mf_text term;
};

/* Note the first thing that is wrong.  Always false, to be returned. */
static bool
wrong(struct compiler *c, const char *why)
{
	struct text_out *out = &c->problem;

	if (out->len != 0)
		return false;
	out_char(out, '"');
	for (size_t i = 0; i < c->term.len && i < 100; i++)
		out_char(out,
		    ascii_is_control(c->term.p[i]) ||
			    (unsigned char)c->term.p[i] >= 0x80
			? '?'
			: c->term.p[i]);
	out_str(out, "\": ");
	out_str(out, why);
	out->p[out->len] = '\0';
	return false;
}

/* --- domain-spec --- */

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand */
static bool
domain_end_ok(struct mf_text spec, size_t literal_from)
{
	if (literal_from == spec.len)
		return true;
	if (spec.p[spec.len - 1] == '.')
		spec.len--;
	size_t dot = text_rfind(spec, '.');
	return dot != spec.len && dot >= literal_from &&
	    name_is_toplabel_(text_from(spec, dot + 1));
}

static struct mf_text
lower_copy(struct compiler *c, struct mf_text t)
{
	char *to = c->pool;

	memcpy(to, t.p, t.len);
	ascii_lower_all(to, t.len);
	c->pool += t.len;
	return mf_text_at(to, t.len);
}

static bool
parse_domain_spec(
    struct compiler *c, struct mf_text spec, struct spf_domain_spec *out)
{
	const char *why = NULL;
	size_t literal_from = 0; /* behind the last macro */

	if (spec.len == 0)
		return wrong(c, "missing domain");
	for (size_t i = 0; i < spec.len;) {
		if (spec.p[i] != '%') {
			i++;
			continue;
		}
		size_t len =
		    macro_length_(text_from(spec, i), MACRO_IN_DOMAIN_, &why);
		if (len == 0)
			return wrong(c, why);
		out->macros = true;
		if (len > 2 &&
		    (ascii_lower(spec.p[i + 2]) == 's' ||
			ascii_lower(spec.p[i + 2]) == 'l'))
			out->from_local = true;
		i += len;
		literal_from = i;
	}
	if (!domain_end_ok(spec, literal_from))
		return wrong(c, "the domain must end in a top-level name");
	if (out->macros) {
		out->text = spec;
		return true;
	}
	if (spec.p[spec.len - 1] == '.')
		spec.len--;
	out->text = lower_copy(c, text_last_labels(spec, SPF_NAME_MAX));
	out->usable = spf_name_ok(out->text);
	return true;
}

/* --- prefix lengths --- */

/*
 * Cut "/LENGTH" from the end of t, if what follows its last slash is digits:
 * "/" may stand in a domain-spec too.
 */
static bool
cut_prefix(struct compiler *c, struct mf_text *t, unsigned max, uint8_t *out)
{
	size_t from = t->len;
	unsigned n = 0;

	while (from > 0 && ascii_is_digit(t->p[from - 1]))
		from--;
	if (from == t->len || from == 0 || t->p[from - 1] != '/')
		return true;
	if (t->len - from > 1 && t->p[from] == '0')
		return wrong(c, "a prefix length must not begin with 0");
	for (size_t i = from; i < t->len && n <= max; i++)
		n = n * 10 + (unsigned)(t->p[i] - '0');
	if (n > max)
		return wrong(c,
		    max == 32 ? "the prefix length of IPv4 is 0 to 32"
			      : "the prefix length of IPv6 is 0 to 128");
	*out = (uint8_t)n;
	*t = text_head(*t, from - 1);
	return true;
}

/* [ "/" ip4-length ] [ "//" ip6-length ] at the end of t. */
static bool
cut_dual_prefix(struct compiler *c, struct mf_text *t, struct spf_term *term)
{
	size_t slash = text_rfind(*t, '/');

	if (slash != t->len && slash > 0 && t->p[slash - 1] == '/') {
		size_t before = t->len;

		if (!cut_prefix(c, t, 128, &term->cidr6))
			return false;
		if (t->len == before)
			return true; /* no digits: part of the domain */
		t->len--;            /* the other slash */
	}
	return cut_prefix(c, t, 32, &term->cidr4);
}

/* --- mechanisms --- */

/* ip4-network = qnum "." qnum "." qnum "." qnum */
static bool
parse_ip4(struct mf_text t, uint8_t out[static 4])
{
	size_t at = 0;

	for (size_t i = 0; i < 4; i++) {
		size_t from = at;
		unsigned n = 0;

		for (; at < t.len && ascii_is_digit(t.p[at]) && n <= 255; at++)
			n = n * 10 + (unsigned)(t.p[at] - '0');
		if (at == from || n > 255 ||
		    (at - from > 1 && t.p[from] == '0'))
			return false;
		out[i] = (uint8_t)n;
		if (i < 3 && (at == t.len || t.p[at++] != '.'))
			return false;
	}
	return at == t.len;
}

static bool
parse_ip6(struct mf_text t, uint8_t out[static 16])
{
	char copy[SPF_IP_SIZE];

	if (t.len >= sizeof(copy) || memchr(t.p, '\0', t.len) != NULL)
		return false;
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	return inet_pton(AF_INET6, copy, out) == 1;
}

static bool
compile_all(struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	(void)term;
	return rest.len == 0 || wrong(c, "nothing may follow \"all\"");
}

static bool
compile_ip4(struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	if (rest.len == 0 || rest.p[0] != ':')
		return wrong(c, "missing address: ip4:ADDRESS");
	rest = text_from(rest, 1);
	if (!cut_prefix(c, &rest, 32, &term->cidr4))
		return false;
	return parse_ip4(rest, term->network) ||
	    wrong(c, "not an IPv4 address or network");
}

static bool
compile_ip6(struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	if (rest.len == 0 || rest.p[0] != ':')
		return wrong(c, "missing address: ip6:ADDRESS");
	rest = text_from(rest, 1);
	if (!cut_prefix(c, &rest, 128, &term->cidr6))
		return false;
	return parse_ip6(rest, term->network) ||
	    wrong(c, "not an IPv6 address or network");
}

/* a and mx: [ ":" domain-spec ] [ dual-cidr-length ] */
static bool
compile_addresses(
    struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	if (!cut_dual_prefix(c, &rest, term))
		return false;
	if (rest.len == 0)
		return true;
	if (rest.p[0] != ':')
		return wrong(c, "not a prefix length");
	return parse_domain_spec(c, text_from(rest, 1), &term->target);
}

static bool
compile_ptr(struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	if (rest.len == 0)
		return true;
	if (rest.p[0] != ':')
		return wrong(c, "ptr takes no prefix length");
	return parse_domain_spec(c, text_from(rest, 1), &term->target);
}

/* include and exists: ":" domain-spec */
static bool
compile_domain(struct compiler *c, struct mf_text rest, struct spf_term *term)
{
	if (rest.len == 0 || rest.p[0] != ':')
		return wrong(c, "missing domain after the colon");
	return parse_domain_spec(c, text_from(rest, 1), &term->target);
}

/* Names are padded with NULs, so that one comparison of a word does. */
#define NAME_WORD 8

static const struct mechanism {
	char name[NAME_WORD];
	enum spf_term_kind kind;
	bool (*compile)(struct compiler *, struct mf_text, struct spf_term *);
} mechanisms[] = {
    {"ip4", SPF_TERM_IP4, compile_ip4},
    {"include", SPF_TERM_INCLUDE, compile_domain},
    {"all", SPF_TERM_ALL, compile_all},
    {"a", SPF_TERM_A, compile_addresses},
    {"mx", SPF_TERM_MX, compile_addresses},
    {"ip6", SPF_TERM_IP6, compile_ip6},
    {"exists", SPF_TERM_EXISTS, compile_domain},
    {"ptr", SPF_TERM_PTR, compile_ptr},
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

static const char *
unknown_mechanism(struct mf_text name)
{
	if (text_eq_fold(name, MF_TEXT("ipv4")) ||
	    text_eq_fold(name, MF_TEXT("ip")))
		return "unknown mechanism; did you mean \"ip4\"?";
	if (text_eq_fold(name, MF_TEXT("ipv6")))
		return "unknown mechanism; did you mean \"ip6\"?";
	return "unknown mechanism";
}

static bool
compile_mechanism(struct compiler *c, struct mf_text name, struct mf_text rest,
    enum spf_result result)
{
	struct spf_term *term = &c->record->terms[c->record->count];
	char word[NAME_WORD] = {0};

	for (size_t i = 0; i < name.len && i < NAME_WORD; i++)
		word[i] = ascii_lower(name.p[i]);
	for (size_t i = 0; i < MECHANISMS; i++) {
		if (memcmp(word, mechanisms[i].name, NAME_WORD) != 0)
			continue;
		*term = (struct spf_term){.kind = mechanisms[i].kind,
		    .result = result,
		    .cidr4 = 32,
		    .cidr6 = 128,
		    .written = c->term};
		if (!mechanisms[i].compile(c, rest, term))
			return false;
		c->record->count++;
		return true;
	}
	return wrong(c, unknown_mechanism(name));
}

/* --- modifiers --- */

static bool
macro_string_ok(struct compiler *c, struct mf_text t)
{
	const char *why = NULL;

	for (size_t i = 0; i < t.len;) {
		size_t len = 1;

		if (t.p[i] == '%')
			len = macro_length_(
			    text_from(t, i), MACRO_IN_TEXT_, &why);
		if (len == 0)
			return wrong(c, why);
		i += len;
	}
	return true;
}

static bool
compile_modifier(struct compiler *c, struct mf_text name, struct mf_text value)
{
	struct spf_record *r = c->record;

	if (text_eq_fold(name, MF_TEXT("redirect"))) {
		if (r->has_redirect)
			return wrong(c, "duplicate redirect");
		r->has_redirect = true;
		r->redirect_written = c->term;
		return parse_domain_spec(c, value, &r->redirect);
	}
	if (text_eq_fold(name, MF_TEXT("exp"))) {
		if (r->has_explanation)
			return wrong(c, "duplicate exp");
		r->has_explanation = true;
		return parse_domain_spec(c, value, &r->explanation);
	}
	/* Unknown ones are passed over, but must be well formed (6). */
	return macro_string_ok(c, value);
}

/* --- terms --- */

/* ALPHA / DIGIT / "-" / "_" / ".", a bit for each octet from 0 and from 64. */
static bool
is_name_char(char c)
{
	static const uint64_t bits[4] = {
	    UINT64_C(0x03ff600000000000), UINT64_C(0x07fffffe87fffffe), 0, 0};
	unsigned char octet = (unsigned char)c;

	return (bits[octet >> 6] >> (octet & 63) & 1) != 0;
}

static bool
compile_term(struct compiler *c)
{
	struct mf_text rest = c->term;
	enum spf_result result = SPF_PASS;
	bool qualified = true;
	size_t len = 0;

	switch (rest.p[0]) {
	case '+':
		break;
	case '-':
		result = SPF_FAIL;
		break;
	case '~':
		result = SPF_SOFTFAIL;
		break;
	case '?':
		result = SPF_NEUTRAL;
		break;
	default:
		qualified = false;
	}
	if (qualified)
		rest = text_from(rest, 1);
	while (len < rest.len && is_name_char(rest.p[len]))
		len++;
	struct mf_text name = text_head(rest, len);
	rest = text_from(rest, len);
	if (qualified || rest.len == 0 || rest.p[0] != '=')
		return compile_mechanism(c, name, rest, result);
	if (name.len == 0 || ascii_lower(name.p[0]) < 'a' ||
	    ascii_lower(name.p[0]) > 'z')
		return wrong(c, "a modifier name must begin with a letter");
	return compile_modifier(c, name, text_from(rest, 1));
}

static bool
octets_ok(struct compiler *c, struct mf_text t)
{
	if (text_is_printable(t))
		return true;
	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] >= ' ' && t.p[i] <= '~')
			continue;
		c->term = text_head(text_from(t, i > 20 ? i - 20 : 0), 40);
		return wrong(c, "non-printable or non-ASCII character");
	}
	return true;
}

static bool
compile(struct compiler *c, bool is_spf)
{
	struct mf_text rest = c->record->text;

	c->term = text_head(rest, RECORD_VERSION_LEN);
	if (rest.len > SPF_RECORD_MAX)
		return wrong(c, "the record is longer than 16384 bytes");
	if (!is_spf)
		return wrong(c, "a record must begin with \"v=spf1\"");
	if (!octets_ok(c, rest))
		return false;
	rest = text_from(rest, RECORD_VERSION_LEN);
	while (rest.len != 0) {
		size_t space = text_find(rest, ' ');

		c->term = text_head(rest, space);
		rest = text_from(rest, space + 1);
		if (c->term.len != 0 && !compile_term(c))
			return false;
	}
	return true;
}

size_t
record_size_(struct mf_text text)
{
	/* One octet too many is enough to see that it is too long. */
	struct mf_text kept = text_head(text, SPF_RECORD_MAX + 1);

	/* The terms, at most; the text; its lowered targets. */
	return sizeof(struct spf_record) +
	    text_count(kept, ' ') * sizeof(struct spf_term) + 2 * kept.len;
}

bool
record_compile_(
    struct mf_text text, bool is_spf, struct spf_record *r, size_t size)
{
	char problem[PROBLEM_SIZE];
	struct compiler c = {
	    .record = r, .problem = text_out(problem, PROBLEM_SIZE - 1)};
	struct mf_text kept = text_head(text, SPF_RECORD_MAX + 1);
	char *copy = (char *)r + size - 2 * kept.len;

	*r = (struct spf_record){.size = size};
	if (kept.len != 0)
		memcpy(copy, kept.p, kept.len);
	r->text = mf_text_at(copy, kept.len);
	c.pool = copy + kept.len;
	if (compile(&c, is_spf))
		return true;
	r->count = 0;
	r->problem = malloc(c.problem.len + 1);
	if (r->problem == NULL)
		return false;
	r->size += c.problem.len + 1;
	memcpy(r->problem, problem, c.problem.len + 1);
	return true;
}
