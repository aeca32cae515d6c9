/* SPDX-License-Identifier: ISC */
/*
 * $names in values of main.cf and master.cf, postconf(5):
 *
 *	$name  ${name}  $(name)		the value
 *	${name?text}  ${name?{text}}	text if the value isn't empty
 *	${name:text}			text if it is empty
 *	${name?{one}:{other}}
 *	${{left}==right?{one}:{other}}	and with != < <= >= >, and <level etc.
 *	$$				a dollar sign
 *
 * Names of numbers are left as they are: they belong to a table's pattern.
 */
#include "tools/mailfrom/site.h"

/* A value may name others, these others again: how deep, and how often. */
#define DEPTH_MAX 20
#define NAMES_MAX 5000
#define TEXT_MAX  (1024 * 1024)

struct expansion {
	struct site *site;
	const struct site_service *service;
	char *p;
	size_t len, size;
	unsigned names;
};

static void put_expanded(
    struct expansion *e, struct mf_text text, unsigned depth);

static void
put(struct expansion *e, struct mf_text t)
{
	if (t.len > TEXT_MAX - e->len)
		return;
	if (e->len + t.len > e->size) {
		size_t size = 2 * (e->len + t.len) + 64;
		char *larger = arena_new(&e->site->arena, size);

		if (e->len != 0)
			memcpy(larger, e->p, e->len);
		e->p = larger;
		e->size = size;
	}
	if (t.len != 0)
		memcpy(e->p + e->len, t.p, t.len);
	e->len += t.len;
}

static bool
is_name_char(char c)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || ascii_is_digit(c) || c == '_';
}

static size_t
name_len(struct mf_text t)
{
	size_t len = 0;

	while (len < t.len && is_name_char(t.p[len]))
		len++;
	return len;
}

/* The brace or parenthesis that closes the one t begins with; or t.len. */
static size_t
closing(struct mf_text t)
{
	char open = t.p[0], close = open == '(' ? ')' : '}';
	size_t depth = 0;

	for (size_t i = 0; i < t.len; i++) {
		depth += t.p[i] == open;
		if (t.p[i] == close && --depth == 0)
			return i;
	}
	return t.len;
}

/* --- values --- */

static struct mf_text
raw_for(const struct expansion *e, struct mf_text name)
{
	char text[256];

	if (name.len >= sizeof(text))
		return MF_TEXT("");
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	const struct mf_text *own =
	    e->service != NULL ? site_override(e->service, text) : NULL;
	if (own != NULL)
		return *own;
	if (e->service != NULL && strcmp(text, "service_name") == 0)
		return e->service->name;
	return site_raw(e->site, text);
}

static struct mf_text
expanded(struct expansion *e, struct mf_text text, unsigned depth)
{
	struct expansion inner = {e->site, e->service, NULL, 0, 0, e->names};

	put_expanded(&inner, text, depth + 1);
	e->names = inner.names;
	return mf_text_at(inner.p != NULL ? inner.p : "", inner.len);
}

/* --- conditions --- */

/* {text} or text up to the end; what is behind the brace goes to *rest. */
static struct mf_text
cut_operand(struct mf_text *rest)
{
	struct mf_text t = text_trim(*rest);

	if (t.len == 0 || t.p[0] != '{') {
		*rest = text_from(t, t.len);
		return t;
	}
	size_t end = closing(t);
	*rest = text_trim(text_from(t, end + 1));
	return text_trim(text_from(text_head(t, end), 1));
}

/* As numbers if both are, dot by dot: 3.6 is below 3.10. */
static int
compare(struct mf_text a, struct mf_text b)
{
	struct mf_text head_a, head_b;
	uint64_t x, y;

	while (a.len != 0 || b.len != 0) {
		if (!text_cut(&a, '.', &head_a)) {
			head_a = a;
			a.len = 0;
		}
		if (!text_cut(&b, '.', &head_b)) {
			head_b = b;
			b.len = 0;
		}
		x = y = 0;
		if ((head_a.len != 0 && !text_uint(head_a, UINT32_MAX, &x)) ||
		    (head_b.len != 0 && !text_uint(head_b, UINT32_MAX, &y)))
			return text_cmp(head_a, head_b);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static const struct {
	struct mf_text sign;
	bool less, equal, more;
} operators[] = {
    {{"==", 2}, false, true, false},
    {{"!=", 2}, true, false, true},
    {{"<=level", 7}, true, true, false},
    {{">=level", 7}, false, true, true},
    {{"<level", 6}, true, false, false},
    {{">level", 6}, false, false, true},
    {{"<=", 2}, true, true, false},
    {{">=", 2}, false, true, true},
    {{"<", 1}, true, false, false},
    {{">", 1}, false, false, true},
};

/* {left} OP {right}; *rest is left at what follows. */
static bool
is_true(struct expansion *e, struct mf_text *rest, unsigned depth)
{
	struct mf_text left = expanded(e, cut_operand(rest), depth);

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (!text_starts(*rest, operators[i].sign))
			continue;
		*rest = text_trim(text_from(*rest, operators[i].sign.len));
		struct mf_text right;
		if (rest->len != 0 && rest->p[0] == '{') {
			right = cut_operand(rest);
		} else {
			size_t end = text_find(*rest, '?');
			right = text_trim(text_head(*rest, end));
			*rest = text_from(*rest, end);
		}
		int order = compare(left, expanded(e, right, depth));
		return order < 0 ? operators[i].less
		    : order > 0  ? operators[i].more
				 : operators[i].equal;
	}
	return left.len != 0;
}

/* rest: "?one", "?{one}:{other}" or ":other". */
static void
put_chosen(struct expansion *e, bool holds, struct mf_text rest, unsigned depth)
{
	bool has_brace;
	struct mf_text one = MF_TEXT(""), other = MF_TEXT("");

	rest = text_trim(rest);
	if (rest.len != 0 && rest.p[0] == '?') {
		rest = text_trim(text_from(rest, 1));
		has_brace = rest.len != 0 && rest.p[0] == '{';
		one = cut_operand(&rest);
		if (!has_brace)
			rest.len = 0;
	}
	if (rest.len != 0 && rest.p[0] == ':') {
		rest = text_from(rest, 1);
		other = cut_operand(&rest);
	}
	put_expanded(e, holds ? one : other, depth + 1);
}

/* What is between the braces or parentheses of ${...}. */
static void
put_braced(struct expansion *e, struct mf_text in, unsigned depth)
{
	in = text_trim(in);
	if (in.len != 0 && in.p[0] == '{') {
		bool holds = is_true(e, &in, depth);

		put_chosen(e, holds, in, depth);
		return;
	}
	size_t len = name_len(in);
	struct mf_text value =
	    expanded(e, raw_for(e, text_head(in, len)), depth);
	in = text_trim(text_from(in, len));
	if (in.len == 0)
		put(e, value);
	else
		put_chosen(e, value.len != 0, in, depth);
}

/* --- text --- */

/* t begins behind a dollar sign; returns how much of it was taken. */
static size_t
put_one(struct expansion *e, struct mf_text t, unsigned depth)
{
	size_t len = name_len(t);

	if (t.len != 0 && t.p[0] == '$') {
		put(e, MF_TEXT("$"));
		return 1;
	}
	if (t.len != 0 && (t.p[0] == '{' || t.p[0] == '(')) {
		size_t end = closing(t);

		if (end > 1 && ascii_is_digit(t.p[1])) {
			put(e, MF_TEXT("$"));
			return 0;
		}
		put_braced(e, text_from(text_head(t, end), 1), depth);
		return end < t.len ? end + 1 : t.len;
	}
	if (len == 0 || ascii_is_digit(t.p[0])) {
		put(e, MF_TEXT("$"));
		return 0;
	}
	put_expanded(e, raw_for(e, text_head(t, len)), depth + 1);
	return len;
}

static void
put_expanded(struct expansion *e, struct mf_text text, unsigned depth)
{
	while (text.len != 0) {
		size_t at = text_find(text, '$');

		put(e, text_head(text, at));
		text = text_from(text, at);
		if (text.len == 0 || depth > DEPTH_MAX ||
		    ++e->names > NAMES_MAX)
			return;
		text = text_from(text, 1);
		text = text_from(text, put_one(e, text, depth));
	}
}

struct mf_text
site_expand(
    struct site *site, const struct site_service *service, struct mf_text text)
{
	struct expansion e = {site, service, NULL, 0, 0, 0};

	if (text_find(text, '$') == text.len)
		return text;
	put_expanded(&e, text, 0);
	return text_trim(mf_text_at(e.p != NULL ? e.p : "", e.len));
}

struct mf_text
site_value(struct site *site, const char *name)
{
	return site_value_for(site, NULL, name);
}

struct mf_text
site_value_for(
    struct site *site, const struct site_service *service, const char *name)
{
	const struct mf_text *own =
	    service != NULL ? site_override(service, name) : NULL;

	return site_expand(
	    site, service, own != NULL ? *own : site_raw(site, name));
}
