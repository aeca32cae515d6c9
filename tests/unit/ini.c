/* SPDX-License-Identifier: ISC */
/*
 * common/ini.h: both dialects, what is refused, and that no input makes a view
 * leave the store.
 *
 * Where the source is "ConfigParser", Python 3.11's was asked.
 */
#include "tests/unit/support.h"

#include "common/ini.h"

struct row {
	const char *name;
	enum ini_dialect dialect;
	struct mf_text input;
	const char *expect; /* [section] key=value @line, a line each */
	const char *said;
	const char *source;
};

/* Line feeds within a value as "|". */
static void
render(const struct ini *ini, char *to, size_t size)
{
	struct text_out out = text_out(to, size - 1);

	for (size_t i = 0; i < ini->count; i++) {
		const struct ini_entry *e = &ini->entries[i];

		out_char(&out, '[');
		out_text(&out, e->section);
		out_str(&out, "] ");
		out_text(&out, e->key);
		out_char(&out, '=');
		for (size_t k = 0; k < e->value.len; k++)
			out_char(
			    &out, e->value.p[k] == '\n' ? '|' : e->value.p[k]);
		out_str(&out, " @");
		out_uint(&out, e->line);
		out_char(&out, '\n');
	}
	assert_false(out.full);
	to[out.len] = '\0';
}

static void
check_row(const struct row *row)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct ini ini;
	char have[4096];
	bool ok = ini_parse(&ini, "t.conf", row->input, row->dialect, &report);

	render(&ini, have, sizeof(have));
	expect_str(row->name, "entries", have, row->expect);
	expect_str(row->name, "said", heard.text, row->said);
	expect_int(row->name, "true", ok, row->said[0] == '\0');
	expect_int(row->name, "errors", report.errors == 0, ok);
	expect_str(row->name, "name", ini.name, "t.conf");
	ini_free(&ini);
	assert_null(ini.store);
	assert_null(ini.entries);
	assert_int_equal(ini.count, 0);
}

#define NEITHER "neither a [section] nor \"key = value\"\n"

static const struct row rows[] = {
    {"empty", INI_OURS, BYTES(""), "", "", ""},
    {"one entry", INI_OURS, BYTES("[a]\nk = v\n"), "[a] k=v @2\n", "", ""},
    {"no line end", INI_OURS, BYTES("[a]\nk = v"), "[a] k=v @2\n", "", ""},
    {"CR LF", INI_OURS, BYTES("[a]\r\nk = v\r\n\r\nl=w\r\n"),
	"[a] k=v @2\n[a] l=w @4\n", "", "files written on Windows"},
    {"byte order mark", INI_OURS, BYTES("\xef\xbb\xbf[a]\nk=v\n"),
	"[a] k=v @2\n", "", "files written on Windows"},
    {"a mark within", INI_OURS, BYTES("[a]\n\xef\xbb\xbfk=v\n"),
	"[a] \xef\xbb\xbfk=v @2\n", "", "only the file's beginning has one"},
    {"folded to lower case", INI_OURS, BYTES("[SRS]\nFwDomain = Ex.Com\n"),
	"[srs] fwdomain=Ex.Com @2\n", "", "ini.h"},
    {"UTF-8 isn't folded", INI_OURS, BYTES("[a]\n\xc3\x84=\xc3\x84\n"),
	"[a] \xc3\x84=\xc3\x84 @2\n", "", ""},
    {"blanks around", INI_OURS, BYTES("[ a ]\nk\t =\t v w \t\n"),
	"[a] k=v w @2\n", "", ""},
    {"first = parts", INI_OURS, BYTES("[a]\nk = v = w\n"), "[a] k=v = w @2\n",
	"", ""},
    {"empty value", INI_OURS, BYTES("[a]\nk =\nl=\n"), "[a] k= @2\n[a] l= @3\n",
	"", ""},
    {"colon is text in ours", INI_OURS, BYTES("[a]\nk = inet:1@h\n"),
	"[a] k=inet:1@h @2\n", "", ""},
    {"colon alone isn't ours", INI_OURS, BYTES("[a]\nk: v\n"), "",
	"error: t.conf:2: " NEITHER, "ini.h"},
    {"percent is itself in ours", INI_OURS, BYTES("[a]\nk = 5%% 5%\n"),
	"[a] k=5%% 5% @2\n", "", "ini.h"},
    {"sections go on", INI_OURS, BYTES("[a]\nk=1\n[b]\nk=2\n[a]\nl=3\n"),
	"[a] k=1 @2\n[b] k=2 @4\n[a] l=3 @6\n", "", ""},

    {"comments", INI_OURS, BYTES("# c\n; c\n[a]\n  # c\n\t;c\nk=v\n"),
	"[a] k=v @6\n", "", "indented ones too: ConfigParser"},
    {"comments only begin lines", INI_OURS, BYTES("[a]\nk = abc ;def#g # h\n"),
	"[a] k=abc ;def#g # h @2\n", "",
	"facts of pysrs.cfg: the whole text is the secret"},
    {"the same in the other", INI_CONFIGPARSER,
	BYTES("[a]\nk = abc ;def#g # h\n"), "[a] k=abc ;def#g # h @2\n", "",
	"ConfigParser"},

    {"continued", INI_OURS, BYTES("[a]\nk = 1,\n  2,\n\t3\nl = 4\n"),
	"[a] k=1,|2,|3 @2\n[a] l=4 @5\n", "", "ConfigParser"},
    {"continued, CR LF", INI_OURS, BYTES("[a]\r\nk = 1\r\n  2\r\n"),
	"[a] k=1|2 @2\n", "", ""},
    {"continued from nothing", INI_OURS, BYTES("[a]\nk =\n  1\n  2\n"),
	"[a] k=1|2 @2\n", "", "no empty first line"},
    {"continued looks like an entry", INI_OURS,
	BYTES("[a]\nk = 1\n l = 2\n [b]\n"), "[a] k=1|l = 2|[b] @2\n", "",
	"ConfigParser"},
    {"continued behind a comment", INI_OURS,
	BYTES("[a]\nk = 1\n# c\n  2\n  ; c\n  3\n"), "[a] k=1||2||3 @2\n", "",
	"ini.h: a line each"},
    {"continued behind a comment, ConfigParser", INI_CONFIGPARSER,
	BYTES("[a]\nk = 1\n# c\n  2\n  ; c\n  3\n"), "[a] k=1|2|3 @2\n", "",
	"ConfigParser"},
    {"blank line ends it", INI_OURS, BYTES("[a]\nk = 1\n\n  2 = 3\n"),
	"[a] k=1 @2\n[a] 2=3 @4\n", "", "ini.h"},
    {"indented from the start", INI_OURS, BYTES("  [a]\n  k = v\n"),
	"[a] k=v @2\n", "", "nothing there to be continued"},
    {"indented behind a section", INI_OURS, BYTES("[a]\nk=1\n[b]\n l=2\n"),
	"[a] k=1 @2\n[b] l=2 @4\n", "", ""},

    {"colon", INI_CONFIGPARSER, BYTES("[a]\nk: v\nl : w = x\nm = y: z\n"),
	"[a] k=v @2\n[a] l=w = x @3\n[a] m=y: z @4\n", "", "ConfigParser"},
    {"double percent", INI_CONFIGPARSER, BYTES("[a]\nk = 100%%%% %%s\n"),
	"[a] k=100%% %s @2\n", "", "ConfigParser"},
    {"double percent, continued", INI_CONFIGPARSER, BYTES("[a]\nk = %%\n %%\n"),
	"[a] k=%|% @2\n", "", "ConfigParser"},
    {"one percent", INI_CONFIGPARSER, BYTES("[a]\nk = 5% of\nl = 1\n"),
	"[a] k=5% of @2\n[a] l=1 @3\n",
	"error: t.conf:2: \"%\" must be written \"%%\" in this dialect\n",
	"ConfigParser: InterpolationSyntaxError"},
    {"percent at the end", INI_CONFIGPARSER, BYTES("[a]\nk = 5%"),
	"[a] k=5% @2\n",
	"error: t.conf:2: \"%\" must be written \"%%\" in this dialect\n", ""},
    {"interpolation", INI_CONFIGPARSER, BYTES("[a]\nk = %(l)s\n"),
	"[a] k=%(l)s @2\n",
	"error: t.conf:2: \"%\" must be written \"%%\" in this dialect\n",
	"not supported, and not silently taken for text"},
    {"DEFAULT keeps its case", INI_CONFIGPARSER,
	BYTES("[DEFAULT]\nK = v\n[Default]\nk = w\n"),
	"[DEFAULT] k=v @2\n[default] k=w @4\n", "", "ConfigParser"},
    {"DEFAULT is a name in ours", INI_OURS, BYTES("[DEFAULT]\nk = v\n"),
	"[default] k=v @2\n", "", "ini.h"},

    {"garbage", INI_OURS, BYTES("[a]\nwhat\n\xff\xfe\nk=v\n"), "[a] k=v @4\n",
	"error: t.conf:2: " NEITHER "error: t.conf:3: " NEITHER, ""},
    {"no key", INI_OURS, BYTES("[a]\n= v\n  = w\n"), "",
	"error: t.conf:2: no key before \"=\"\n"
	"error: t.conf:3: no key before \"=\"\n",
	""},
    {"before any section", INI_OURS, BYTES("k = v\n[a]\n"), "",
	"error: t.conf:1: stands before any [section]\n", ""},
    {"open section", INI_OURS, BYTES("[a\n[\n[]\n[  ]\n[a] x\n"), "",
	"error: t.conf:1: no \"]\" at the end of the section's line\n"
	"error: t.conf:2: no \"]\" at the end of the section's line\n"
	"error: t.conf:3: empty section name\n"
	"error: t.conf:4: empty section name\n"
	"error: t.conf:5: no \"]\" at the end of the section's line\n",
	""},
    {"NUL", INI_OURS, BYTES("[a]\nk = v\0w\n[b\0]\n\0\nl = 1\n"),
	"[a] l=1 @5\n",
	"error: t.conf:2: a NUL octet\n"
	"error: t.conf:3: a NUL octet\n"
	"error: t.conf:4: a NUL octet\n",
	"values become C strings"},
    {"NUL in a comment", INI_OURS, BYTES("[a]\n# \0\n"), "",
	"error: t.conf:2: a NUL octet\n", "ini.h"},
    {"NUL in a continuation", INI_OURS, BYTES("[a]\nk = v\n \0\n w\n"),
	"[a] k=v @2\n",
	"error: t.conf:3: a NUL octet\nerror: t.conf:4: " NEITHER,
	"what follows isn't pasted behind the gap"},
    {"UTF-16", INI_OURS, BYTES("\xff\xfe[\0a\0]\0\n\0"), "",
	"error: t.conf:1: a NUL octet\nerror: t.conf:2: a NUL octet\n", ""},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_row(&rows[i]);
}

static void
a_thousand_entries(void **state)
{
	static char input[32768], want[65536], have[65536];
	struct heard heard;
	struct report report = report_to(&heard);
	struct text_out in = text_out(input, sizeof(input));
	size_t used = 0;
	struct ini ini;

	(void)state;
	out_str(&in, "[s]\n");
	for (unsigned i = 0; i < 1000; i++) {
		out_str(&in, "Key");
		out_uint(&in, i);
		out_str(&in, " = V\n");
		used += (size_t)snprintf(want + used, sizeof(want) - used,
		    "[s] key%u=V @%u\n", i, i + 2);
	}
	assert_true(ini_parse(&ini, "t", out_view(&in), INI_OURS, &report));
	render(&ini, have, sizeof(have));
	assert_string_equal(have, want);
	ini_free(&ini);
}

/* --- nothing leaves the store --- */

static void
check_view(const struct ini *ini, struct mf_text t)
{
	size_t at = (size_t)(t.p - ini->store);

	assert_true(t.p >= ini->store);
	assert_true(at <= ini->store_size && t.len <= ini->store_size - at);
}

/*
 * Every entry in bounds, in order of lines and without a NUL, values trimmed;
 * and the input's end doesn't matter: it need not be readable.
 */
static void
check_any(const char *bytes, size_t len, enum ini_dialect dialect)
{
	struct report report = {.say = report_ignore};
	unsigned line = 0, lines = 1;
	char *copy = malloc(len == 0 ? 1 : len);
	struct ini ini;
	bool ok;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n';
	ok = ini_parse(&ini, "t", mf_text_at(copy, len), dialect, &report);
	free(copy);
	assert_int_equal(ok, report.errors == 0);
	for (size_t i = 0; i < ini.count; i++) {
		const struct ini_entry *e = &ini.entries[i];

		check_view(&ini, e->section);
		check_view(&ini, e->key);
		check_view(&ini, e->value);
		assert_true(e->section.len != 0 && e->key.len != 0);
		assert_true(mf_text_eq(e->value, text_trim(e->value)));
		assert_true(e->value.len == 0 ||
		    memchr(e->value.p, '\0', e->value.len) == NULL);
		assert_true(e->line > line && e->line <= lines);
		line = e->line;
	}
	ini_free(&ini);
}

/* All texts of up to six octets that mean something, behind a section. */
static void
all_short_texts(void **state)
{
	static const char octets[] = "a=: \n[]%#";
	static const char before[] = "[s]\nk=v\n";
	char text[sizeof(before) + 6];
	size_t base = sizeof(octets) - 1, total = 1;

	(void)state;
	memcpy(text, before, sizeof(before) - 1);
	for (size_t len = 0; len <= 5; len++, total *= base) {
		for (size_t n = 0; n < total; n++) {
			size_t rest = n;

			for (size_t i = 0; i < len; i++, rest /= base)
				text[sizeof(before) - 1 + i] =
				    octets[rest % base];
			check_any(text, sizeof(before) - 1 + len, INI_OURS);
			check_any(
			    text, sizeof(before) - 1 + len, INI_CONFIGPARSER);
			check_any(
			    text + sizeof(before) - 1, len, INI_CONFIGPARSER);
		}
	}
}

static void
random_texts(void **state)
{
	static const char octets[] =
	    "aK=:  \t\n\n\n\r[]%%#;,\0\xef\xbb\xbf\x80";
	uint64_t seed = 2;
	char text[256];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = random_next(&seed) % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] =
			    octets[random_next(&seed) % (sizeof(octets) - 1)];
		check_any(text, len, i % 2 ? INI_OURS : INI_CONFIGPARSER);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(a_thousand_entries),
	    cmocka_unit_test(all_short_texts),
	    cmocka_unit_test(random_texts),
	};

	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
