/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_cf.h"

struct cf_reader {
	struct sendmail_cf *cf;
	const struct tables *tables;
	struct arena *arena;
	struct mf_text ruleset; /* in which lines R are */
};

static bool
is_blank(char c)
{
	return ascii_is_blank(c) || c == '\n' || c == '\r';
}

static struct mf_text
cut_word(struct mf_text *rest)
{
	struct mf_text word;
	size_t len = 0;

	*rest = text_trim(*rest);
	while (len < rest->len && !is_blank(rest->p[len]))
		len++;
	word = text_head(*rest, len);
	*rest = text_trim(text_from(*rest, len));
	return word;
}

static bool
has_text(struct mf_text t, const char *part)
{
	struct mf_text p = mf_text_of(part);

	for (; t.len >= p.len; t = text_from(t, 1))
		if (text_starts(t, p))
			return true;
	return false;
}

/* --- classes --- */

/* {name} or one letter; the rest stays. */
static struct mf_text
cut_class(struct mf_text *rest)
{
	size_t end = 1;

	if (rest->len != 0 && rest->p[0] == '{')
		end = text_find(*rest, '}') + 1;
	struct mf_text name = text_head(*rest, end);
	*rest = text_from(*rest, end);
	if (name.len > 2)
		name = mf_text_at(name.p + 1, name.len - 2);
	return name;
}

static struct cf_class *
class_named(struct cf_reader *r, struct mf_text name)
{
	if (mf_text_eq(name, MF_TEXT("w")))
		return &r->cf->w;
	if (mf_text_eq(name, MF_TEXT("VirtHost")))
		return &r->cf->virthost;
	return NULL;
}

static void
add_name(struct cf_reader *r, struct cf_class *to, struct mf_text name)
{
	if (name.len == 0)
		return;
	to->names =
	    arena_grow(r->arena, to->names, to->count, sizeof(*to->names));
	to->names[to->count++] = name;
}

/* C{name}word word */
static void
read_class(struct cf_reader *r, struct mf_text line)
{
	struct cf_class *to = class_named(r, cut_class(&line));

	while (to != NULL && line.len != 0)
		add_name(r, to, cut_word(&line));
}

/* The first word of each line that isn't a comment. */
static void
add_lines(struct cf_reader *r, struct cf_class *to, struct mf_text text)
{
	while (text.len != 0) {
		size_t end = text_find(text, '\n');
		struct mf_text line = text_trim(text_head(text, end));

		text = text_from(text, end + 1);
		if (line.len != 0 && line.p[0] != '#')
			add_name(r, to, cut_word(&line));
	}
}

/* F{name}-o /path %[^\#] */
static void
read_class_file(struct cf_reader *r, struct mf_text line)
{
	struct cf_class *to = class_named(r, cut_class(&line));
	struct mf_text path, text;
	bool is_optional = false;

	if (to == NULL)
		return;
	path = cut_word(&line);
	if (mf_text_eq(path, MF_TEXT("-o"))) {
		is_optional = true;
		path = cut_word(&line);
	}
	if (path.len == 0 || path.p[0] != '/' ||
	    !r->tables->contents(
		r->tables, arena_copy(r->arena, path).p, &text)) {
		r->cf->classes_are_whole &= is_optional;
		return;
	}
	add_lines(r, to, text);
}

/* --- maps and filters --- */

static void
read_map(struct cf_reader *r, struct mf_text line)
{
	struct sendmail_cf *cf = r->cf;
	struct cf_map map = {.name = cut_word(&line)};
	struct mf_text last;

	map.type = cut_word(&line);
	map.arguments = line;
	cf->maps =
	    arena_grow(r->arena, cf->maps, cf->map_count, sizeof(*cf->maps));
	cf->maps[cf->map_count++] = map;
	if (!mf_text_eq(map.name, MF_TEXT("virtuser")))
		return;
	for (last = cut_word(&line); line.len != 0;)
		last = cut_word(&line);
	cf->virtusertable = last;
}

static void
read_filter(struct cf_reader *r, struct mf_text line)
{
	struct sendmail_cf *cf = r->cf;
	struct cf_filter x = {.name = MF_TEXT("")};
	struct mf_text field, key;
	bool is_first = true;

	while (line.len != 0) {
		size_t end = text_find(line, ',');

		field = text_trim(text_head(line, end));
		line = text_from(line, end + 1);
		if (is_first)
			x.name = field;
		is_first = false;
		if (!text_cut(&field, '=', &key))
			continue;
		field = text_trim(field);
		switch (ascii_upper(
		    text_trim(key).len != 0 ? text_trim(key).p[0] : ' ')) {
		case 'S':
			x.socket = field;
			break;
		case 'F':
			x.flags = field;
			break;
		case 'T':
			x.timeouts = field;
			break;
		default:
			break;
		}
	}
	cf->filters = arena_grow(
	    r->arena, cf->filters, cf->filter_count, sizeof(*cf->filters));
	cf->filters[cf->filter_count++] = x;
}

static void
read_option(struct cf_reader *r, struct mf_text line)
{
	struct mf_text name;

	if (text_cut(&line, '=', &name) &&
	    text_eq_fold(text_trim(name), MF_TEXT("InputMailFilters")))
		r->cf->input_filters = text_trim(line);
}

/* --- rulesets --- */

static void
read_ruleset(struct cf_reader *r, struct mf_text line)
{
	r->ruleset = cut_word(&line);
	r->cf->has_mailfrom_envelope |=
	    mf_text_eq(r->ruleset, MF_TEXT("MailfromEnvelope"));
	r->cf->has_mailfrom_hold |=
	    mf_text_eq(r->ruleset, MF_TEXT("MailfromHold"));
}

static void
read_rule(struct cf_reader *r, struct mf_text line)
{
	r->cf->has_make_srs_rule |= has_text(line, "$(make_srs ");
	r->cf->asks_probe |=
	    mf_text_eq(r->ruleset, MF_TEXT("Local_check_rcpt")) &&
	    has_text(line, "$(probe");
}

/* --- the file --- */

static void
read_line(struct cf_reader *r, struct mf_text line)
{
	struct mf_text rest = text_from(line, 1);

	if (line.len == 0)
		return;
	switch (line.p[0]) {
	case 'C':
		read_class(r, rest);
		break;
	case 'F':
		read_class_file(r, rest);
		break;
	case 'K':
		read_map(r, rest);
		break;
	case 'X':
		read_filter(r, rest);
		break;
	case 'O':
		read_option(r, rest);
		break;
	case 'S':
		read_ruleset(r, rest);
		break;
	case 'R':
		read_rule(r, rest);
		break;
	default:
		break;
	}
}

/* A line that begins with a blank continues the one before it. */
static size_t
logical_line(struct mf_text t)
{
	size_t end = text_find(t, '\n');

	while (end + 1 < t.len && ascii_is_blank(t.p[end + 1]))
		end += 1 + text_find(text_from(t, end + 1), '\n');
	return end;
}

void
cf_parse(
    struct mf_text text, const struct tables *tables, struct sendmail_cf *out)
{
	/* cppcheck-suppress ctuuninitvar */
	struct cf_reader r = {out, tables, tables->arena, MF_TEXT("")};

	*out = (struct sendmail_cf){.classes_are_whole = true};
	while (text.len != 0) {
		size_t end = logical_line(text);

		read_line(&r, text_head(text, end));
		text = text_from(text, end + 1);
	}
}

/* --- asking --- */

bool
cf_class_has(const struct cf_class *class, const char *name)
{
	for (size_t i = 0; i < class->count; i++)
		if (text_eq_fold(class->names[i], mf_text_of(name)))
			return true;
	return false;
}

const struct cf_map *
cf_map(const struct sendmail_cf *cf, const char *name)
{
	for (size_t i = cf->map_count; i > 0; i--)
		if (mf_text_eq(cf->maps[i - 1].name, mf_text_of(name)))
			return &cf->maps[i - 1];
	return NULL;
}

bool
cf_map_option(const struct cf_map *map, char option, struct mf_text *value)
{
	struct mf_text rest = map->arguments;

	while (rest.len != 0) {
		struct mf_text word = cut_word(&rest);

		if (word.len >= 2 && word.p[0] == '-' && word.p[1] == option) {
			*value = text_from(word, 2);
			return true;
		}
	}
	return false;
}

struct mf_text
cf_map_socket(const struct cf_map *map)
{
	struct mf_text rest = map->arguments, last = MF_TEXT("");

	while (rest.len != 0)
		last = cut_word(&rest);
	return last;
}

uint64_t
cf_timeout(struct mf_text timeouts, char which, uint64_t otherwise)
{
	while (timeouts.len != 0) {
		size_t end = text_find(timeouts, ';');
		struct mf_text t = text_trim(text_head(timeouts, end));
		uint64_t n = 0, unit = 1;

		timeouts = text_from(timeouts, end + 1);
		if (t.len < 3 || ascii_upper(t.p[0]) != which || t.p[1] != ':')
			continue;
		t = text_from(t, 2);
		if (t.p[t.len - 1] == 'm')
			unit = 60;
		if (t.p[t.len - 1] == 'h')
			unit = 3600;
		if (!ascii_is_digit(t.p[t.len - 1]))
			t.len--;
		if (text_uint(t, UINT32_MAX, &n))
			return n * unit;
	}
	return otherwise;
}
