/* SPDX-License-Identifier: ISC */
/*
 * access/access.h: text as makemap and postmap read it, which file is meant,
 * and what is done about files that can't be read or are being written.
 *
 * Databases that makemap and postmap have written: tests/maps.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "tests/unit/support.h"

#include <errno.h>
#include <pthread.h>
#include <sys/file.h>
#include <time.h>

#include "access/map_name.h"
#include "access/readers.h"

/* --- text --- */

static const struct {
	const char *name;
	enum access_type type;
	struct mf_text input;
	const char *entries; /* "line:key=value", sorted, an LF behind each */
	const char *said;
} texts[] = {
    {"empty", ACCESS_TEXT, BYTES(""), "", ""},
    {"plain", ACCESS_TEXT, BYTES("spf-fail:a.example REJECT\nspf-pass: OK\n"),
	"1:spf-fail:a.example=REJECT\n2:spf-pass:=OK\n", ""},
    {"no LF at the end", ACCESS_TEXT, BYTES("spf-fail:a.example REJECT"),
	"1:spf-fail:a.example=REJECT\n", ""},
    {"blanks and tabs", ACCESS_TEXT,
	BYTES("spf-fail:a \t \tREJECT\tgo  away \t\n"),
	"1:spf-fail:a=REJECT\tgo  away\n", ""},
    {"other white space", ACCESS_TEXT, BYTES("spf-fail:a\v\fREJECT x\f\n"),
	"1:spf-fail:a=REJECT x\n", ""},
    {"comments and blank lines", ACCESS_TEXT,
	BYTES("#spf-fail:a OK\n\n \t\n# \nspf-fail:b OK # a value\n"),
	"5:spf-fail:b=OK # a value\n", ""},
    {"quotes are the value's", ACCESS_TEXT,
	BYTES("spf-fail:a \"550 no\"\nspf-fail:b ERROR:5.7.1:\"550 no\"\n"),
	"1:spf-fail:a=\"550 no\"\n2:spf-fail:b=ERROR:5.7.1:\"550 no\"\n", ""},
    {"a quoted key ends at the blank", ACCESS_TEXT,
	BYTES("spf-fail:\"a b\"@c OK\n"), "1:spf-fail:\"a=b\"@c OK\n", ""},
    {"sendmail's entries are left out", ACCESS_TEXT,
	BYTES("Connect:192.0.2 RELAY\nexample.com OK\nTo:a@ REJECT\n"), "", ""},
    {"keys are folded", ACCESS_TEXT, BYTES("SPF-Fail:Joe@A.Example Reject\n"),
	"1:spf-fail:joe@a.example=Reject\n", ""},
    {"a byte order mark", ACCESS_TEXT, BYTES("\xef\xbb\xbfspf-fail:a OK\n"),
	"1:spf-fail:a=OK\n", ""},
    {"CR LF", ACCESS_TEXT,
	BYTES("spf-fail:a OK\r\n\r\n# c\r\nspf-fail:b OK\r\n"),
	"1:spf-fail:a=OK\n4:spf-fail:b=OK\n",
	"warning: t:1: ends in CR LF, which makemap and postmap would take "
	"for a part of the value\n"},
    {"white space before the key", ACCESS_TEXT,
	BYTES(" spf-fail:a OK\n # no comment\nspf-fail:b OK\n"),
	"3:spf-fail:b=OK\n",
	"error: t:1: begins with white space\n"
	"error: t:2: begins with white space\n"},
    {"no value", ACCESS_TEXT,
	BYTES("spf-fail:a\nspf-fail:b \t\nexample.com\nspf-fail:c OK\n"),
	"4:spf-fail:c=OK\n",
	"error: t:1: no value behind the key \"spf-fail:a\"\n"
	"error: t:2: no value behind the key \"spf-fail:b\"\n"
	"error: t:3: no value behind the key \"example.com\"\n"},
    {"duplicates", ACCESS_TEXT,
	BYTES("spf-fail:b OK\nspf-fail:a OK\nSPF-FAIL!A REJECT\n"
	      "spf-fail:a: OK\nspf-fail:a DISCARD\n"),
	"2:spf-fail:a=OK\n3:spf-fail:a=REJECT\n5:spf-fail:a=DISCARD\n"
	"4:spf-fail:a:=OK\n1:spf-fail:b=OK\n",
	"error: t:3: line 2 has the same key\n"
	"error: t:5: line 3 has the same key\n"},
    {"a NUL", ACCESS_TEXT, BYTES("spf-fail:a OK\0\nspf-fail:b OK\n"),
	"2:spf-fail:b=OK\n", "error: t:1: a NUL octet\n"},

    {"texthash", ACCESS_TEXTHASH,
	BYTES("spf-fail:a.example REJECT\nspf-pass: OK\n"),
	"1:spf-fail:a.example=REJECT\n2:spf-pass:=OK\n", ""},
    {"texthash: no LF at the end", ACCESS_TEXTHASH, BYTES("spf-fail:a OK"),
	"1:spf-fail:a=OK\n", ""},
    {"texthash: continued", ACCESS_TEXTHASH,
	BYTES("spf-fail:a REJECT\n  go\n\taway \nspf-fail:b\n OK\n"),
	"1:spf-fail:a=REJECT  go\taway\n4:spf-fail:b=OK\n", ""},
    {"texthash: continued across comments", ACCESS_TEXTHASH,
	BYTES("spf-fail:a REJECT\n# c\n\n  # d\n \t\n  away\n"),
	"1:spf-fail:a=REJECT  away\n", ""},
    {"texthash: nothing to continue", ACCESS_TEXTHASH,
	BYTES("  spf-fail:a OK\nspf-fail:b OK\n"), "2:spf-fail:b=OK\n",
	"error: t:1: begins with white space, and continues no entry\n"},
    {"texthash: indented comments", ACCESS_TEXTHASH,
	BYTES("  # c\nspf-fail:a OK\n\t#spf-fail:b OK\n"), "2:spf-fail:a=OK\n",
	""},
    {"texthash: quoted keys", ACCESS_TEXTHASH,
	BYTES("spf-fail:\"a b\"@c OK\nspf-fail:\"a \\\" b\"@c OK x\n"
	      "spf-fail:a\\ b@c OK\nspf-fail:a\\\"@c OK\n"),
	"2:spf-fail:\"a \\\" b\"@c=OK x\n1:spf-fail:\"a b\"@c=OK\n"
	"3:spf-fail:a\\ b@c=OK\n4:spf-fail:a\\\"@c=OK\n",
	""},
    {"texthash: a quote isn't closed", ACCESS_TEXTHASH,
	BYTES("spf-fail:\"a OK\nspf-fail:b \"OK\n"), "2:spf-fail:b=\"OK\n",
	"error: t:1: a quote of the key isn't closed\n"},
    {"texthash: no value", ACCESS_TEXTHASH,
	BYTES("spf-fail:a\nspf-fail:b \nspf-fail:c OK\n"), "3:spf-fail:c=OK\n",
	"error: t:1: no value behind the key \"spf-fail:a\"\n"
	"error: t:2: no value behind the key \"spf-fail:b\"\n"},
    {"texthash: duplicates", ACCESS_TEXTHASH,
	BYTES("spf-fail:a OK\nspf-fail:a REJECT\n"),
	"1:spf-fail:a=OK\n2:spf-fail:a=REJECT\n",
	"warning: t:2: left out: line 1 has the same key\n"},
    {"texthash: CR LF", ACCESS_TEXTHASH,
	BYTES("spf-fail:a REJECT\r\n  away\r\n\r\n"),
	"1:spf-fail:a=REJECT  away\n",
	"warning: t:1: ends in CR LF, which makemap and postmap would take "
	"for a part of the value\n"},
};

/* What a table holds, as in the rows above. */
static void
print_table(const struct access_table *table, char *out, size_t size)
{
	struct text_out o = text_out(out, size - 1);

	for (size_t n = 0; n < access_table_count(table); n++) {
		const struct access_entry *e = access_table_at(table, n);

		out_uint(&o, access_entry_line(e));
		out_char(&o, ':');
		out_text(&o, access_entry_key(e));
		out_char(&o, '=');
		out_text(&o, access_entry_value(e));
		out_char(&o, '\n');
	}
	assert_false(o.full);
	out[o.len] = '\0';
}

static void
reads_text(void **state)
{
	static struct heard heard;
	static char have[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct report report = report_to(&heard);
		struct access_table *table = access_table_new();
		bool ok;

		assert_non_null(table);
		ok = access_read_text_(
		    "t", texts[i].input, texts[i].type, table, NULL, &report);
		assert_true(access_table_finish(table));
		ok = access_check_text_("t", texts[i].type, table, &report) &&
		    ok;
		print_table(table, have, sizeof(have));
		expect_str(texts[i].name, "entries", have, texts[i].entries);
		expect_str(texts[i].name, "said", heard.text, texts[i].said);
		expect_int(texts[i].name, "ok", ok, report.errors == 0);
		access_table_free(table);
	}
}

enum { LINE = 65536 };

/* A line of that many octets, its value continued or not. */
static void
expect_line(enum access_type type, size_t len, size_t lines, const char *said)
{
	static char bytes[2 * LINE];
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access_table *table = access_table_new();

	assert_non_null(table);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "spf-fail:a ", 11);
	for (size_t i = 1; i < lines; i++)
		memcpy(bytes + i * len / lines, "\n ", 2);
	bytes[len + lines - 1] = '\n';
	access_read_text_(
	    "t", mf_text_at(bytes, len + lines), type, table, NULL, &report);
	expect_str("a line", "said", heard.text, said);
	expect_int("a line", "entries", (long long)access_table_count(table),
	    said[0] == '\0');
	access_table_free(table);
}

static void
limits_lines(void **state)
{
	static const char too_long[] = "error: t:1: longer than 65536 octets\n";

	(void)state;
	expect_line(ACCESS_TEXT, LINE, 1, "");
	expect_line(ACCESS_TEXT, LINE + 1, 1, too_long);
	expect_line(ACCESS_TEXTHASH, LINE, 1, "");
	expect_line(ACCESS_TEXTHASH, LINE + 1, 1, too_long);
	expect_line(ACCESS_TEXTHASH, LINE, 4, "");
	expect_line(ACCESS_TEXTHASH, LINE + 1, 4, too_long);
}

/* A picture that somebody takes for an access file fills no log. */
static void
limits_errors(void **state)
{
	static char bytes[2000];
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access_table *table = access_table_new();

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 2 == 0 ? '\0' : '\n';
	assert_false(access_read_text_("t", mf_text_at(bytes, 2 * 100),
	    ACCESS_TEXT, table, NULL, &report));
	assert_int_equal(report.errors, 100);
	report = report_to(&heard);
	assert_false(access_read_text_("t", mf_text_at(bytes, sizeof(bytes)),
	    ACCESS_TEXT, table, NULL, &report));
	assert_int_equal(report.errors, 101);
	assert_non_null(strstr(
	    heard.text, "error: t: too many errors: the rest isn't read\n"));
	access_table_free(table);
}

/* Nor do entries that are wrong one by one. */
static void
limits_findings(void **state)
{
	enum { MANY = 1000 };
	static char bytes[MANY * 20];
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access_table *table = access_table_new();
	struct text_out o = text_out(bytes, sizeof(bytes));
	struct access access = {.path = (char *)(uintptr_t) "t"};

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < MANY; i++)
		out_str(&o, "spf-fail:a PERHAPS\n");
	assert_true(access_read_text_(
	    "t", out_view(&o), ACCESS_TEXT, table, NULL, &report));
	assert_true(access_table_finish(table));
	assert_false(access_check_text_("t", ACCESS_TEXT, table, &report));
	assert_int_equal(report.errors, 100);
	assert_int_equal(report.warnings, 1);
	access.table = table;
	access_warn(&access, &report);
	assert_int_equal(report.warnings, 1 + 100 + 1);
	access_table_free(table);
}

/* --- names --- */

enum { BARE = -1 };

static const struct {
	const char *files; /* that are there, with a blank behind each */
	const char *text;
	int type;         /* BARE: to be found out */
	const char *path; /* NULL: none */
	const char *said;
} names[] = {
    {"a ", "DIR/a", BARE, "DIR/a", ""},
    {"a a.db a.cdb ", "DIR/a", BARE, "DIR/a", ""},
    {"a ", " DIR/a\t", BARE, "DIR/a", ""},
    {"", "DIR/a", BARE, "DIR/a", ""},
    {"a.db ", "DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a.lmdb ", "DIR/a", ACCESS_LMDB, "DIR/a.lmdb", ""},
    {"a.cdb ", "DIR/a", ACCESS_CDB, "DIR/a.cdb", ""},
    {"a.db a.lmdb ", "DIR/a", 0, NULL,
	"error: DIR/a.lmdb: and DIR/a.db is there too: say which, as "
	"hash:DIR/a or lmdb:DIR/a\n"},
    {"a.db ", "DIR/a.db", BARE, "DIR/a.db", ""},
    {"a b ", "DIR/a b", BARE, "DIR/a b", ""},

    {"a ", "text:DIR/a", ACCESS_TEXT, "DIR/a", ""},
    {"a.db ", "text:DIR/a", ACCESS_TEXT, "DIR/a", ""},
    {"a ", "texthash:DIR/a", ACCESS_TEXTHASH, "DIR/a", ""},
    {"a a.db ", "hash:DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a a.db ", "hash:DIR/a.db", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a ", "hash:DIR/a", ACCESS_BERKELEY, "DIR/a", ""},
    {"", "hash:DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"", "hash:DIR/a.db", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a.db ", "btree:DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a a.lmdb ", "lmdb:DIR/a", ACCESS_LMDB, "DIR/a.lmdb", ""},
    {"a a.cdb ", "cdb:DIR/a", ACCESS_CDB, "DIR/a.cdb", ""},
    {"a.cdb ", "cdb:DIR/a.cdb", ACCESS_CDB, "DIR/a.cdb", ""},
    {"a.db ", "HASH:DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a ", "text: DIR/a ", ACCESS_TEXT, "DIR/a", ""},

    /* As sendmail.mc has it. */
    {"a a.db ", "hash DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a a.db ", "hash -o DIR/a.db", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a a.db ", "hash -T<TMPF> -o DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a a.db ", "btree\t-o\tDIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},
    {"a.db ", "hash:-o DIR/a", ACCESS_BERKELEY, "DIR/a.db", ""},

    {"", "", 0, NULL, "error: \"\": no path of an access file\n"},
    {"", "  ", 0, NULL, "error: \"  \": no path of an access file\n"},
    {"", "hash:", 0, NULL, "error: \"hash:\": no path of an access file\n"},
    {"", "hash -o", 0, NULL, "error: \"hash -o\": no path of an access file\n"},
    {"", "pgsql:DIR/a", 0, NULL,
	"error: \"pgsql:DIR/a\": maps of this type can't be read; known are "
	"text, texthash, hash, btree, lmdb and cdb\n"},
    {"", "regexp:/a", 0, NULL,
	"error: \"regexp:/a\": maps of this type can't be read; known are "
	"text, texthash, hash, btree, lmdb and cdb\n"},
    {"", "hash", BARE, "hash", ""},
    {"", "/a:b", BARE, "/a:b", ""},
    {"", "./a:b", BARE, "./a:b", ""},
};

static void
make_files(const char *files, bool there)
{
	struct mf_text rest = mf_text_of(files), name;
	char path[64];

	while (text_cut(&rest, ' ', &name)) {
		snprintf(path, sizeof(path), "%.*s", (int)name.len, name.p);
		if (there)
			scratch_write(path, MF_TEXT(""), 0600);
		else
			unlink(scratch(path));
	}
}

static void
finds_files(void **state)
{
	static struct heard heard;
	char text[256], have[256];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct report report = report_to(&heard);
		struct access_name name;
		bool ok;

		make_files(names[i].files, true);
		replace(names[i].text, "DIR", scratch_dir, text, sizeof(text));
		ok = access_name_(mf_text_of(text), &name, &report);
		expect_str(text, "said", heard.text, names[i].said);
		expect_int(text, "ok", ok, names[i].path != NULL);
		if (ok) {
			replace(
			    name.path, scratch_dir, "DIR", have, sizeof(have));
			expect_str(text, "path", have, names[i].path);
			expect_int(text, "type",
			    name.is_bare ? BARE : (int)name.type,
			    names[i].type);
			free(name.path);
		}
		make_files(names[i].files, false);
	}
}

static void
refuses_nul_in_names(void **state)
{
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access_name name;

	(void)state;
	assert_false(access_name_(MF_TEXT("text:/a\0b"), &name, &report));
	assert_int_equal(report.errors, 1);
}

#define ZEROS_8  "\0\0\0\0\0\0\0\0"
#define ZEROS_12 ZEROS_8 "\0\0\0\0"

static const struct {
	const char *path;
	struct mf_text bytes;
	enum access_type expect;
} files[] = {
    {"a", BYTES(""), ACCESS_TEXT},
    {"a", BYTES("spf-fail:a OK\n"), ACCESS_TEXT},
    {"a", BYTES(ZEROS_12 "\x61\x15\x06\0"), ACCESS_BERKELEY},
    {"a", BYTES(ZEROS_12 "\0\x06\x15\x61"), ACCESS_BERKELEY},
    {"a", BYTES(ZEROS_12 "\x62\x31\x05\0"), ACCESS_BERKELEY},
    {"a", BYTES(ZEROS_12 "\0\x05\x31\x62"), ACCESS_BERKELEY},
    {"a", BYTES(ZEROS_12 "\x61\x15\x06"), ACCESS_TEXT},
    {"a", BYTES(ZEROS_8 ZEROS_8 "\xde\xc0\xef\xbe"), ACCESS_LMDB},
    {"a.cdb", BYTES(ZEROS_8 ZEROS_8 "\xde\xc0\xef\xbe"), ACCESS_LMDB},
    {"a.cdb", BYTES("spf-fail:a OK\n"), ACCESS_CDB},
    {"a.db", BYTES(""), ACCESS_BERKELEY},
    {"a.DB", BYTES("x"), ACCESS_BERKELEY},
    {"a.lmdb", BYTES(""), ACCESS_LMDB},
    {"a.db.txt", BYTES(""), ACCESS_TEXT},
};

static void
knows_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++)
		expect_int(files[i].path, "type",
		    access_sniff_(files[i].path, files[i].bytes),
		    files[i].expect);
}

/* --- loading --- */

static void
age(const char *path)
{
	const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
}

static void
expect_load(const char *text, enum access_status want, const char *said)
{
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access *access;
	char name[256];

	replace(text, "DIR", scratch_dir, name, sizeof(name));
	expect_int(text, "status",
	    access_load(mf_text_of(name), false, &access, &report), want);
	expect_int(text, "map", access != NULL, want == ACCESS_OK);
	expect_str(text, "said", heard.text, said);
	access_free(access);
}

static void
says_what_is_wrong(void **state)
{
	static const struct mf_text magic = BYTES(ZEROS_12 "\x61\x15\x06\0");
	const char *path;

	(void)state;
	expect_load("DIR/none", ACCESS_FAILED,
	    "error: DIR/none: cannot open: No such file or directory\n");
	expect_load("hash:DIR/none", ACCESS_FAILED,
	    "error: DIR/none.db: cannot open: No such file or directory\n");
	expect_load("DIR", ACCESS_FAILED, "error: DIR: is no regular file\n");
	/* Nobody writes to it: opening it to read would wait for ever. */
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	expect_load(
	    "DIR/fifo", ACCESS_FAILED, "error: DIR/fifo: is no regular file\n");

	scratch_write("a", MF_TEXT("spf-fail:a OK\nspf-fail:b\n"), 0600);
	expect_load("DIR/a", ACCESS_FAILED,
	    "error: DIR/a:2: no value behind the key \"spf-fail:b\"\n");
	scratch_write("a", MF_TEXT("spf-fail:a OK\nspf-fail:a OK\n"), 0600);
	expect_load("DIR/a", ACCESS_FAILED,
	    "error: DIR/a:2: line 1 has the same key\n");
	expect_load("texthash:DIR/a", ACCESS_OK,
	    "warning: DIR/a:2: left out: line 1 has the same key\n");

	age(scratch("a"));
	expect_load("hash:DIR/a", ACCESS_FAILED,
	    "error: DIR/a: is no Berkeley DB hash or btree: \"makemap hash "
	    "FILE.db <FILE\" makes one of a text\n");
	expect_load("lmdb:DIR/a", ACCESS_FAILED,
	    "error: DIR/a: is no LMDB file of this kind of machine\n");
	expect_load("cdb:DIR/a", ACCESS_FAILED,
	    "error: DIR/a: is no CDB, or not complete: write it anew, with "
	    "postmap or cdb\n");
	path = scratch_write("a", magic, 0600);
	age(path);
	expect_load("text:DIR/a", ACCESS_FAILED,
	    "error: DIR/a: is a database, no text\n");
	expect_load("DIR/a", ACCESS_FAILED,
	    "error: DIR/a: is damaged or not complete: write it anew, with "
	    "makemap or postmap\n");

	assert_int_equal(truncate(path, (off_t)ACCESS_SIZE_MAX + 1), 0);
	expect_load(
	    "DIR/a", ACCESS_FAILED, "error: DIR/a: is larger than 1 GiB\n");
	assert_int_equal(truncate(path, 0), 0);
}

/* An empty file where a database will be isn't one without entries. */
static void
waits_for_unfinished_files(void **state)
{
	const char *path = scratch_write("new.db", MF_TEXT(""), 0600);

	(void)state;
	expect_load("hash:DIR/new", ACCESS_BUSY, "");
	expect_load("DIR/new.db", ACCESS_BUSY, "");
	age(path);
	expect_load("DIR/new.db", ACCESS_FAILED,
	    "error: DIR/new.db: is no Berkeley DB hash or btree: \"makemap "
	    "hash FILE.db <FILE\" makes one of a text\n");
}

static void
warns_of_values(void **state)
{
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access *access;
	char want[512];
	const char *path = scratch_write("warn",
	    MF_TEXT("spf-fail:a OK\nspf-fail:b PERHAPS\nspf-fial:c OK\n"
		    "Spam:d@ FRIEND\n"),
	    0600);

	(void)state;
	assert_int_equal(
	    access_load(mf_text_of(path), false, &access, &report), ACCESS_OK);
	assert_int_equal(report.warnings, 0);
	access_warn(access, &report);
	assert_int_equal(report.warnings, 2);
	assert_int_equal(report.errors, 0);
	snprintf(want, sizeof(want),
	    "warning: DIR/warn:2: spf-fail:b: %s\n"
	    "warning: DIR/warn:3: spf-fial:c: is never looked up: there is no "
	    "such tag\n",
	    action_problem(ACTION_UNKNOWN, MF_TEXT("PERHAPS")));
	expect_str("warnings", "said", heard.text, want);
	access_free(access);
}

/* What fails a file goes to findings, and the rest is there. */
static void
examines_what_is_wrong(void **state)
{
	static struct heard heard, found;
	struct report report = report_to(&heard), findings = report_to(&found);
	struct access *access;
	const char *path = scratch_write("examine",
	    MF_TEXT("spf-fail:a OK\n x\nspf-fail:a REJECT\nspf-fail:b\n"
		    "spf-fail:c OK\n"),
	    0600);

	(void)state;
	assert_int_equal(access_load(mf_text_of(path), false, &access, &report),
	    ACCESS_FAILED);
	report = report_to(&heard);
	assert_int_equal(
	    access_examine(mf_text_of(path), &access, &report, &findings),
	    ACCESS_OK);
	expect_str("examine", "reported", heard.text, "");
	expect_str("examine", "found", found.text,
	    "error: DIR/examine:2: begins with white space\n"
	    "error: DIR/examine:4: no value behind the key \"spf-fail:b\"\n");
	assert_int_equal(access_table_count(access->table), 3);
	access_free(access);
	findings = report_to(&found);
	assert_int_equal(access_examine(MF_TEXT("/nonexistent/access"), &access,
			     &report, &findings),
	    ACCESS_FAILED);
	assert_null(access);
	expect_str("missing", "reported", heard.text,
	    "error: /nonexistent/access: cannot open: No such file or "
	    "directory\n");
	expect_str("missing", "found", found.text, "");
}

/* --- writers --- */

static int
open_locked(const char *path, bool whole, short type)
{
	struct flock all = {.l_type = type, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	if (whole)
		assert_int_equal(
		    flock(fd, type == F_WRLCK ? LOCK_EX : LOCK_SH), 0);
	else
		assert_int_equal(fcntl(fd, F_OFD_SETLK, &all), 0);
	return fd;
}

static void
respects_locks(void **state)
{
	const char *path = scratch_write("l", MF_TEXT("spf-fail:a OK\n"), 0600);

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		int fd = open_locked(path, whole, F_RDLCK);

		expect_load("DIR/l", ACCESS_OK, "");
		close(fd);
		fd = open_locked(path, whole, F_WRLCK);
		expect_load("DIR/l", ACCESS_BUSY, "");
		close(fd);
		expect_load("DIR/l", ACCESS_OK, "");
	}
}

static void *
close_later(void *arg)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	nanosleep(&pause, NULL);
	close(*(int *)arg);
	return NULL;
}

static void
waits_for_writers(void **state)
{
	static struct heard heard;
	struct report report = report_to(&heard);
	const char *path = scratch_write("w", MF_TEXT("spf-fail:a OK\n"), 0600);
	int fd = open_locked(path, true, F_WRLCK);
	struct access *access;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, close_later, &fd), 0);
	assert_int_equal(
	    access_load(mf_text_of(path), true, &access, &report), ACCESS_OK);
	access_free(access);
	pthread_join(thread, NULL);

	fd = open_locked(path, true, F_WRLCK);
	assert_int_equal(access_load(mf_text_of(path), true, &access, &report),
	    ACCESS_FAILED);
	assert_null(access);
	expect_str("waited", "said", heard.text,
	    "error: DIR/w: is locked by a writer, makemap or postmap, that "
	    "doesn't end; \"fuser -v DIR/w\" tells who has it open\n");
	close(fd);
}

/* --- changes --- */

static struct access *
load_or_fail(const char *path)
{
	static struct heard heard;
	struct report report = report_to(&heard);
	struct access *access;

	if (access_load(mf_text_of(path), true, &access, &report) != ACCESS_OK)
		fail_msg("%s", heard.text);
	return access;
}

static void
sees_changes(void **state)
{
	char path[128], other[128];
	struct access *access;

	(void)state;
	snprintf(path, sizeof(path), "%s",
	    scratch_write("c", MF_TEXT("spf-fail:a OK\n"), 0600));
	access = load_or_fail(path);
	scratch_write("c", MF_TEXT("spf-fail:a REJECT\n"), 0600);
	assert_true(access_is_stale(access));
	access_free(access);

	access = load_or_fail(path);
	snprintf(other, sizeof(other), "%s",
	    scratch_write("c2", MF_TEXT("spf-fail:a REJECT\n"), 0600));
	assert_int_equal(rename(other, path), 0);
	assert_true(access_is_stale(access));
	access_free(access);

	access = load_or_fail(path);
	unlink(path);
	assert_true(access_is_stale(access));
	access_free(access);
	access_free(NULL);
}

/*
 * A file that was just changed may change again and look the same.  So it is
 * read once more when that can't happen any longer, and then never.
 */
static void
reads_young_files_again(void **state)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char path[128];
	struct access *access;
	unsigned waited_ms = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s",
	    scratch_write("y", MF_TEXT("spf-fail:a OK\n"), 0600));
	do {
		scratch_write("y", MF_TEXT("spf-fail:a OK\n"), 0600);
		access = load_or_fail(path);
		if (access->is_young)
			break;
		access_free(access); /* something held us up */
	} while (waited_ms++ < 1000);
	assert_true(waited_ms < 1000);
	while (!access_is_stale(access) && waited_ms++ < 10000)
		nanosleep(&pause, NULL);
	assert_true(access_is_stale(access));
	access_free(access);

	access = load_or_fail(path);
	assert_false(access->is_young);
	assert_false(access_is_stale(access));
	access_free(access);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_text),
	    cmocka_unit_test(limits_lines),
	    cmocka_unit_test(limits_errors),
	    cmocka_unit_test(limits_findings),
	    cmocka_unit_test(finds_files),
	    cmocka_unit_test(refuses_nul_in_names),
	    cmocka_unit_test(knows_files),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(waits_for_unfinished_files),
	    cmocka_unit_test(warns_of_values),
	    cmocka_unit_test(examines_what_is_wrong),
	    cmocka_unit_test(respects_locks),
	    cmocka_unit_test(waits_for_writers),
	    cmocka_unit_test(sees_changes),
	    cmocka_unit_test(reads_young_files_again),
	};

	return cmocka_run_group_tests_name(
	    "access", tests, scratch_setup, scratch_teardown);
}
